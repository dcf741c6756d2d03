package server

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// marketer is a browser whose visitor agreed to marketing and not to statistics.
func (w *world) marketer() *browser {
	b := w.browser()
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":false,"marketing":true}}`)
	return b
}

const bought = "/p.gif?s=shop&k=conversion&v=10&u=https://www.shop.example/thanks"

// TestMarketingAlone: the page_view is refused, and the visit that it starts is
// kept, since that needs marketing alone: a later sale knows where it came from.
func TestMarketingAlone(t *testing.T) {
	for name, see := range map[string]func(*browser) answer{
		"events": func(b *browser) answer { return b.view(landing, "https://www.google.com/") },
		"pixel": func(b *browser) answer {
			return b.get("/p.gif?s=shop&u=https%3A%2F%2Fwww.shop.example%2Fshoes%3Futm_source%3Dnews%26utm_medium%3Demail%26utm_campaign%3Dspring")
		},
	} {
		w := newWorld(t, []*site.Site{testSite()})
		b := w.marketer()
		if a := see(b); a.result() != "refused; reason=no_consent" {
			t.Errorf("%s: the page view is %q", name, a.result())
		}
		got := w.events()
		if len(got) != 1 || got[0].Kind != event.Visit || got[0].Campaign.Source != "news" || got[0].First.Source != "news" || got[0].Path != "/shoes" || got[0].Basis != event.BasisRecord {
			t.Fatalf("%s: kept %+v, want one visit from news", name, got)
		}
		want := map[Total]uint64{{Site: "shop", Kind: event.PageView, Reason: event.NoConsent}: 1}
		if got := w.srv.Totals(); !maps.Equal(got, want) {
			t.Errorf("%s: counted %v, want %v", name, got, want)
		}
		for range 8 { // hits that are refused keep the session going
			w.wait(6 * time.Minute)
			b.view("https://www.shop.example/cart", landing)
		}
		b.get(bought)
		sale := w.events()
		if len(sale) != 1 || sale[0].Kind != event.Conversion || sale[0].Session != got[0].Session || sale[0].Campaign.Source != "news" {
			t.Errorf("%s: then kept %+v, want a sale of that session", name, sale)
		}
		w.wait(31 * time.Minute)
		see(b)
		if again := w.events(); !slices.Equal(kindsOf(again), []event.Kind{event.Visit}) || again[0].Session == got[0].Session {
			t.Errorf("%s: half an hour later kept %v, want a visit of its own", name, kindsOf(again))
		}
	}
}

// TestMarketingAlone_VisitOnce: a refused page_view sent again makes no second
// visit; one that found no room is asked for again; and one that may be kept
// meanwhile is kept.
func TestMarketingAlone_VisitOnce(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.marketer()
	w.srv.opts.Spool = fullSpool{}
	if a := b.do("POST", "/v1/events", landed); a.status != 503 {
		t.Errorf("a visit into a full spool: %d %s", a.status, a.body)
	}
	w.srv.opts.Spool = keeper{w.spool}
	before := maps.Clone(b.cookies)
	b.do("POST", "/v1/events", landed)
	b.cookies = before
	w.wait(time.Minute)
	b.do("POST", "/v1/events", landed)
	if got := w.events(); !slices.Equal(kindsOf(got), []event.Kind{event.Visit}) {
		t.Errorf("sent again it kept %v, want one visit", kindsOf(got))
	}
	within := `{"site":"shop","events":[{"kind":"page_view","url":"https://www.shop.example/cart","id":"later"}]}`
	for range 2 { // within the session, and again: refused, and counted as that
		if a := b.do("POST", "/v1/events", within); a.status != 202 || a.result() != "refused; reason=no_consent" {
			t.Errorf("within the session: %d, %q", a.status, a.result())
		}
	}
	b.choose("accept_all")
	b.do("POST", "/v1/events", landed)
	if got := kindsOf(w.events()); !slices.Contains(got, event.PageView) {
		t.Errorf("after a yes to statistics it kept %v, want the page view", got)
	}
}

// TestPolicy_2_1_5_NoVisitWithoutMarketing: a refused page_view leaves nothing but
// its counter where marketing is not granted by this visitor, or the page is not
// the site's.
func TestPolicy_2_1_5_NoVisitWithoutMarketing(t *testing.T) {
	optOut := testSite(func(s *site.Site) { s.Regimes = site.Regimes{"default": site.OptOut} })
	for name, c := range map[string]struct {
		site *site.Site
		said string
		gpc  string
		page string
	}{
		"nothing said":       {testSite(), "", "", landing},
		"marketing denied":   {testSite(), `"analytics":false,"marketing":false`, "", landing},
		"preferences alone":  {testSite(), `"preferences":true,"analytics":false`, "", landing},
		"the signal":         {testSite(), `"analytics":false,"marketing":true`, "1", landing},
		"opt-out, undecided": {optOut, `"analytics":false`, "", landing},
		"a foreign page":     {testSite(), `"analytics":false,"marketing":true`, "", "https://evil.example/"},
		"no page":            {testSite(), `"analytics":false,"marketing":true`, "", ""},
	} {
		w := newWorld(t, []*site.Site{c.site}, func(o *Options) { o.Geo = testGeo(t) })
		b := w.browser()
		b.header.Set("X-Forwarded-For", "81.2.69.142") // GB in the test database
		if c.said != "" {
			b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{`+c.said+`}}`)
		}
		b.header.Set("Sec-GPC", c.gpc)
		if a := b.view(c.page, ""); a.result() == "recorded" || len(w.events()) != 0 {
			t.Errorf("%s: %q, or something was kept", name, a.result())
		}
		if b.cookies["kj_ses_shop"] != "" || b.cookies["kj_src_shop"] != "" {
			t.Errorf("%s: the cookies are %v", name, slices.Collect(maps.Keys(b.cookies)))
		}
	}
}

// TestSaleFirstIsNeverDirect: a sale says nothing of where its session came from.
func TestSaleFirstIsNeverDirect(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.marketer()
	b.get(bought)
	for _, e := range w.events() {
		if e.Campaign.Source != "(consented later)" {
			t.Errorf("a %v from %q", e.Kind, e.Campaign.Source)
		}
	}
	b.view(landing, "")
	if got := w.events(); len(got) != 1 || got[0].Campaign.Source != "news" || got[0].First.Source != "(consented later)" {
		t.Errorf("a campaign after it kept %+v, want a visit from news", got)
	}
}
