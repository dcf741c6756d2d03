package main

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"math/big"
	"net/http"
	"strings"
)

//go:embed shop
var shopFiles embed.FS

// shopSite is the demo shop's id.
const shopSite = "shop"

// tea is something the demo shop sells.
type tea struct {
	ID, Ground, Cup, Price string
	Name, About            map[string]string
}

var teas = []tea{
	{
		ID: "oolong", Price: "128.00", Ground: "#e9dfc8", Cup: "#8a5a2b",
		Name:  map[string]string{"en": "Oolong from Anxi", "zh-CN": "安溪乌龙"},
		About: map[string]string{"en": "Half oxidised, with an orchid's scent. 250 g.", "zh-CN": "半发酵，兰花香。250 克。"},
	},
	{
		ID: "longjing", Price: "268.00", Ground: "#dbe7cf", Cup: "#4e7a3a",
		Name:  map[string]string{"en": "Longjing, first pick", "zh-CN": "明前龙井"},
		About: map[string]string{"en": "Picked before the Qingming rain. 100 g.", "zh-CN": "清明前采摘。100 克。"},
	},
	{
		ID: "puer", Price: "199.50", Ground: "#e6d3cb", Cup: "#6b2f25",
		Name:  map[string]string{"en": "Pu'er, ten years old", "zh-CN": "十年普洱"},
		About: map[string]string{"en": "A cake of ripe tea. 357 g.", "zh-CN": "熟茶饼。357 克。"},
	},
}

// shopLink is a campaign's link to click.
type shopLink struct{ Href, Text string }

var shopTexts = map[string]map[string]string{
	"en": {
		"shop": "The demo shop", "pages": "Pages", "home": "All teas", "other": "中文", "title": "Tea, in three kinds",
		"made":  "This shop is made up, and so are the visits of the last month in its reports. What you do here is real: it goes through the same edge, spool and ClickHouse.",
		"links": "Campaign links to click", "links_how": "Choose in the banner first, then follow one and buy something. The report shows it within seconds.",
		"buy": "Buy", "thanks": "Thank you", "order": "Your order", "more": "More tea",
		"footer": "A page with one script tag", "choices": "Cookies: see and change your choice",
	},
	"zh-CN": {
		"shop": "示例商店", "pages": "页面", "home": "全部茶叶", "other": "English", "title": "三种好茶",
		"made":  "本店为演示而设，报表中上个月的访问也是生成的。您在这里的操作是真实的：同样经过边缘节点、磁盘队列和 ClickHouse。",
		"links": "可点击的广告链接", "links_how": "请先在横幅中作出选择，再点击一条链接并下单。几秒钟后即可在报表中看到。",
		"buy": "购买", "thanks": "谢谢惠顾", "order": "订单号", "more": "继续选购",
		"footer": "只用一行脚本标签的网页", "choices": "Cookie：查看和更改您的选择",
	},
}

func shopLinks(lang string) []shopLink {
	to := func(query string) string { return "/shop/?lang=" + lang + "&" + query }
	return []shopLink{
		{to("utm_source=baidu&utm_medium=cpc&utm_campaign=autumn-tea&utm_term=oolong"), "Baidu · cpc · autumn-tea"},
		{to("utm_source=google&utm_medium=cpc&utm_campaign=autumn-tea&gclid=demo"), "Google · cpc · autumn-tea"},
		{to("utm_source=newsletter&utm_medium=email&utm_campaign=singles-day"), "Newsletter · email · singles-day"},
	}
}

// shop is the demo's website: three pages, served on the edge's own address
// so that its cookies are first-party, under the strictest policy that a page
// with a script tag can have.
type shop struct {
	pages    map[string]*template.Template
	endpoint string
}

func newShop(endpoint string) (*shop, error) {
	s := &shop{pages: make(map[string]*template.Template), endpoint: strings.TrimRight(endpoint, "/")}
	for _, name := range []string{"home", "tea", "bought"} {
		t, err := template.ParseFS(shopFiles, "shop/page.html", "shop/picture.html", "shop/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("demo shop: %w", err)
		}
		s.pages[name] = t
	}
	return s, nil
}

// handler answers below /shop/, and sends everybody else there.
func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/{$}", func(w http.ResponseWriter, r *http.Request) {
		s.show(w, r, "home", shopView{Goods: teas})
	})
	mux.HandleFunc("GET /shop/tea/{id}", func(w http.ResponseWriter, r *http.Request) {
		if t, ok := teaByID(r.PathValue("id")); ok {
			s.show(w, r, "tea", shopView{Good: t})
			return
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("POST /shop/bought", func(w http.ResponseWriter, r *http.Request) {
		t, ok := teaByID(r.FormValue("tea"))
		if !ok {
			http.Error(w, "There is no such tea.", http.StatusBadRequest)
			return
		}
		s.show(w, r, "bought", shopView{Good: t, Order: orderNumber(), Script: boughtScript})
	})
	mux.HandleFunc("GET /shop/shop.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, must(fs.Sub(shopFiles, "shop")), "shop.css")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/shop/", http.StatusFound)
	})
	return mux
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // of files embedded in the program
	}
	return v
}

// boughtScript tells the edge of a purchase, as a shop's own page would.
const boughtScript template.JS = `
const order = document.getElementById('order');
const tell = () => kunji.convert({ value: Number(order.dataset.value), currency: 'CNY', order: order.dataset.order });
if (window.kunji) tell(); else document.querySelector('script[async]').addEventListener('load', tell);
`

type shopView struct {
	Lang, Other, Title, Endpoint, Site, Nonce, Order string
	T                                                map[string]string
	Goods                                            []tea
	Good                                             tea
	Links                                            []shopLink
	Script                                           template.JS
}

func (s *shop) show(w http.ResponseWriter, r *http.Request, page string, v shopView) {
	v.Lang, v.Other = "en", "zh-CN"
	if r.URL.Query().Get("lang") == "zh-CN" || (r.URL.Query().Get("lang") == "" && strings.HasPrefix(r.Header.Get("Accept-Language"), "zh")) {
		v.Lang, v.Other = "zh-CN", "en"
	}
	v.T, v.Links = shopTexts[v.Lang], shopLinks(v.Lang)
	v.Title, v.Endpoint, v.Site = v.T["title"], s.endpoint, shopSite
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	v.Nonce = base64.RawURLEncoding.EncodeToString(nonce)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+v.Nonce+"' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; "+
		"connect-src "+s.endpoint+" 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kunji")
	h.Set("X-Content-Type-Options", "nosniff")
	if err := s.pages[page].ExecuteTemplate(w, "page", v); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
	}
}

func teaByID(id string) (tea, bool) {
	for _, t := range teas {
		if t.ID == id {
			return t, true
		}
	}
	return tea{}, false
}

// orderNumber is short enough not to look like a phone number.
func orderNumber() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("T%06d", n)
}
