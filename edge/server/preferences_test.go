package server

import (
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_6_2_PreferencesAreShownAgain on the next visit, and not without
// the visitor's yes to preferences.
func TestPolicy_6_2_PreferencesAreShownAgain(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	const cart = "/v1/store/cart.v1?site=shop"
	if a := b.do("PUT", cart, "shoes"); a.status != 403 || !strings.Contains(a.body, `"code":"no_consent"`) || len(a.set) != 0 {
		t.Errorf("before a yes: %d %s", a.status, a.body)
	}
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"preferences":true}}`)
	if _, ok := b.cookies["kj_vid_shop"]; ok {
		t.Error("preferences made an identifier")
	}
	for _, s := range []struct {
		method, body string
		status       int
		answer       string
	}{
		{"GET", "", 404, "There is no item"},
		{"PUT", "红色 shoes; size=9", 204, ""},
		{"GET", "", 200, "红色 shoes; size=9"},
		{"PUT", "", 204, ""},
		{"GET", "", 200, ""},
		{"DELETE", "", 204, ""},
		{"DELETE", "", 204, ""},
		{"GET", "", 404, "There is no item"},
	} {
		a := b.do(s.method, cart, s.body)
		if a.status != s.status || !strings.Contains(a.body, s.answer) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %q: %d %q, want %d %q", s.method, s.body, a.status, a.body, s.status, s.answer)
		}
		if a.status == 200 && (a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Access-Control-Allow-Origin") == "") {
			t.Errorf("headers %v", a.header)
		}
	}
	if _, ok := b.cookies["kj_store_shop"]; ok {
		t.Error("the last item's end left the cookie")
	}
	b.do("PUT", cart, "x")
	b.choose("withdraw")
	if _, ok := b.cookies["kj_store_shop"]; ok {
		t.Error("a withdrawal left the items")
	}
	if got := w.events(); len(got) != 0 {
		t.Errorf("the store left %d events", len(got))
	}
}

func TestPreferenceLimits(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	b.do("PUT", "/v1/store/a?site=shop", strings.Repeat("x", 1000))
	for _, c := range []struct {
		name, key, body string
		status          int
	}{
		{"a full item", "b", strings.Repeat("x", identity.MaxItem), 204},
		{"too much in all", "c", strings.Repeat("x", 100), 413},
		{"too long", "b", strings.Repeat("x", identity.MaxItem+1), 413},
		{"over the body's limit", "b", strings.Repeat("x", 65<<10), 413},
		{"not text", "b", "\xff", 400},
		{"key too long", strings.Repeat("k", 65), "x", 400},
		{"key with a slash", "a%2Fb", "x", 400},
		{"key of other letters", "%E7%BA%A2", "x", 400},
	} {
		if a := b.do("PUT", "/v1/store/"+c.key+"?site=shop", c.body); a.status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, a.status, a.body, c.status)
		}
	}
	if a := b.get("/v1/store/b?site=shop"); len(a.body) != identity.MaxItem {
		t.Errorf("the item that was kept has %d bytes", len(a.body))
	}
	if a := b.get("/v1/store?site=shop"); a.status != 404 {
		t.Errorf("a list of keys: %d", a.status)
	}
	b.cookies["kj_store_shop"] = "shop~forged.AAAA.AAAAAAAAAAAAAAAAAAAAAA"
	if a := b.get("/v1/store/b?site=shop"); a.status != 404 {
		t.Errorf("a forged cookie: %d", a.status)
	}
}

// TestPreferencesAreTheSitesOwn: browsers send no Origin with a GET to the
// page's own origin; everybody else has to have one.
func TestPreferencesAreTheSitesOwn(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	b.do("PUT", "/v1/store/a?site=shop", "x")
	for _, c := range []struct {
		name, method string
		header       map[string]string
		status       int
	}{
		{"a page of the site", "GET", map[string]string{"Origin": "https://www.shop.example"}, 200},
		{"another site's page", "GET", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a page that hides where it is", "GET", map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403},
		{"the same origin", "GET", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"an image of another site", "GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"the same origin, older browser", "GET", map[string]string{"Referer": "https://www.shop.example/cart"}, 200},
		{"another site, older browser", "GET", map[string]string{"Referer": "https://evil.example/"}, 403},
		{"nothing", "GET", nil, 403},
		{"a write without Origin", "PUT", map[string]string{"Sec-Fetch-Site": "same-origin"}, 403},
		{"a removal without Origin", "DELETE", map[string]string{"Referer": "https://www.shop.example/cart"}, 403},
	} {
		for _, name := range []string{"Origin", "Sec-Fetch-Site", "Referer"} {
			b.header.Del(name)
		}
		for name, value := range c.header {
			b.header.Set(name, value)
		}
		if a := b.do(c.method, "/v1/store/a?site=shop", ""); a.status != c.status {
			t.Errorf("%s: %d, want %d", c.name, a.status, c.status)
		}
	}
	b.header.Set("Access-Control-Request-Method", "PUT")
	b.header.Set("Origin", "https://www.shop.example")
	if a := b.do("OPTIONS", "/v1/store/a?site=shop", ""); a.status != 204 || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
}
