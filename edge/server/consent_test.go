package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

const landing = "https://www.shop.example/shoes?utm_source=news&utm_medium=email&utm_campaign=spring&mail=a@b.example"

func TestPolicy_2_1_5_RefusalLeavesOnlyTheDecision(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	one, two := w.browser(), w.browser()
	one.choose("reject_all")
	w.wait(40 * time.Minute)
	two.choose("reject_all")
	if got := slices.Collect(maps.Keys(one.cookies)); len(got) != 1 || got[0] != "kj_consent_shop" {
		t.Errorf("cookies after a refusal: %v, want kj_consent_shop alone", got)
	}
	if one.cookies["kj_consent_shop"] != two.cookies["kj_consent_shop"] {
		t.Error("two refusers of one day can be told apart by their cookie")
	}
	if a := one.view(landing, ""); a.result() != "refused; reason=no_consent" {
		t.Errorf("page view after a refusal: %q", a.result())
	}
	for _, r := range w.records() {
		switch {
		case r.Event != nil:
			t.Errorf("an event was kept after a refusal: kind %v", r.Event.Kind)
		case r.Consent != nil && (r.Consent.Subject != 0 || r.Consent.ID != [16]byte{} || r.Consent.Time.Minute() != 0):
			t.Error("a refusal's ledger row names a subject, a record or a minute")
		}
	}
}

func TestAcceptThenOnePageViewAndOneVisit(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	if a := b.view(landing, "https://www.google.com/"); a.result() != "recorded" || a.status != 202 {
		t.Fatalf("page view: %d %q %s", a.status, a.result(), a.body)
	}
	w.wait(10 * time.Minute)
	b.view("https://www.shop.example/cart", landing)
	got := w.events()
	kinds := make([]event.Kind, len(got))
	for i, e := range got {
		kinds[i] = e.Kind
	}
	if want := []event.Kind{event.Visit, event.PageView, event.PageView}; !slices.Equal(kinds, want) {
		t.Fatalf("kept %v, want %v", kinds, want)
	}
	visit, page, second := got[0], got[1], got[2]
	if visit.Campaign.Source != "news" || visit.Campaign.Medium != "email" || visit.Campaign.Name != "spring" || visit.First != visit.Campaign {
		t.Errorf("visit's campaign: %+v, first %+v", visit.Campaign, visit.First)
	}
	if page.Visitor == 0 || page.Session == 0 || page.Visitor != second.Visitor || page.Session != second.Session || page.Campaign != visit.Campaign || second.Campaign != visit.Campaign {
		t.Errorf("the session does not hold together: %+v then %+v", page, second)
	}
	if page.Path != "/shoes" || page.Basis != event.BasisRecord || page.Record == [16]byte{} || !page.Attributed {
		t.Errorf("page view: path %q basis %v record %x attributed %v", page.Path, page.Basis, page.Record, page.Attributed)
	}
	if page.Agent.Browser != "Chrome" || page.Agent.Machine || page.Language != "en" {
		t.Errorf("agent %+v, language %q", page.Agent, page.Language)
	}
}

func TestSessions(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	steps := []struct {
		name, page, referrer string
		after                time.Duration
		visit                string // source of a visit that this starts
	}{
		{"first", "https://www.shop.example/", "", 0, "(direct)"},
		{"soon after", "https://www.shop.example/a", "https://www.shop.example/", 29 * time.Minute, ""},
		{"over midnight of the site", "https://www.shop.example/b", "https://www.shop.example/a", 25 * time.Minute, ""},
		{"another campaign", "https://www.shop.example/?utm_source=x&utm_medium=cpc", "", time.Minute, "x"},
		{"the same page again", "https://www.shop.example/?utm_source=x&utm_medium=cpc", "", time.Minute, ""},
		{"a click id", "https://www.shop.example/?gclid=1", "https://www.google.com/", time.Minute, "google"},
		{"a foreign referrer", "https://www.shop.example/", "https://blog.example/post", time.Minute, "blog.example"},
		{"half an hour later", "https://www.shop.example/", "https://www.shop.example/", 31 * time.Minute, "(direct)"},
	}
	for _, s := range steps {
		w.wait(s.after)
		b.view(s.page, s.referrer)
		visits := ""
		for _, e := range w.events() {
			if e.Kind == event.Visit {
				visits += e.Campaign.Source
			}
		}
		if visits != s.visit {
			t.Errorf("%s: visits from %q, want %q", s.name, visits, s.visit)
		}
	}
}

func TestConsentedLaterIsNeverDirect(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	b.view("https://www.shop.example/cart", "https://www.shop.example/shoes")
	if e := w.events()[0]; e.Kind != event.Visit || e.Campaign.Source != "(consented later)" {
		t.Errorf("a yes on a later page made %v from %q", e.Kind, e.Campaign.Source)
	}
}

func TestPolicy_2_4_WithdrawalStopsCollectionAtOnce(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	b.view(landing, "")
	old := maps.Clone(b.cookies)
	w.wait(time.Minute)
	b.choose("withdraw")
	if got := slices.Collect(maps.Keys(b.cookies)); len(got) != 1 {
		t.Errorf("cookies after a withdrawal: %v", got)
	}
	w.events()
	b.cookies = old // a copy kept by whoever
	a := b.view(landing, "")
	if a.result() != "refused; reason=withdrawn" || len(w.events()) != 0 {
		t.Errorf("an old cookie after a withdrawal: %q", a.result())
	}
	if len(b.cookies) != 1 {
		t.Errorf("a refused hit left the identifiers it came with: %v", slices.Collect(maps.Keys(b.cookies)))
	}
}

func TestAnalyticsAloneKeepsNoSource(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":true,"marketing":false}}`)
	b.view(landing, "https://www.google.com/")
	got := w.events()
	if len(got) != 1 || got[0].Kind != event.PageView || got[0].Attributed || got[0].Campaign != (event.Campaign{}) || got[0].Session == 0 {
		t.Errorf("kept %+v, want one page view in a session without a source", got)
	}
	if _, ok := b.cookies["kj_src_shop"]; ok {
		t.Error("kj_src was set without consent to marketing")
	}
	if a := b.get("/p.gif?s=shop&k=conversion&v=10&o=A1&u=https://www.shop.example/"); a.result() != "refused; reason=no_consent" || a.body != string(gif) {
		t.Errorf("a conversion without consent to marketing: %q", a.result())
	}
	if _, ok := b.cookies["kj_vid_shop"]; !ok {
		t.Error("a refused conversion took away the identifier that analytics covers")
	}
}

func TestGlobalPrivacyControl(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	pixel := "/p.gif?s=shop&k=click&u=https://www.shop.example/"
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{"1"}, "refused; reason=gpc"},
		{[]string{"0", "1"}, "refused; reason=gpc"},
		{[]string{"true"}, "recorded"},
		{[]string{" 1 "}, "refused; reason=gpc"}, // white space around a value is not part of it (RFC 9110 §5.5)
		{[]string{"1, 1"}, "recorded"},
	} {
		b.header["Sec-Gpc"] = c.values
		if a := b.get(pixel); a.result() != c.want {
			t.Errorf("Sec-GPC %q: %q, want %q", c.values, a.result(), c.want)
		}
		b.choose("accept_all") // with the signal on, a choice about it
		if a := b.get(pixel); a.result() != "recorded" {
			t.Errorf("after a grant with Sec-GPC %q: %q", c.values, a.result())
		}
		b.header.Del("Sec-Gpc")
		b.choose("accept_all")
	}
}

func TestConsentAnswer(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) {
		s.Services = []site.Service{{ID: "ga4", Purpose: site.Analytics}}
	})})
	b := w.browser()
	a := b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":true},"services":{"ga4":false}}`)
	var got stateBody
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Decisions["analytics"] != "granted" || got.Decisions["marketing"] != "unset" || got.Services["ga4"] != "denied" || !got.Ask || got.Record == "" {
		t.Errorf("answer %s", a.body)
	}
	if a.header.Get("Access-Control-Allow-Origin") != "https://www.shop.example" || a.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("CORS headers %v", a.header)
	}
	state := b.get("/v1/consent?site=shop")
	if !strings.Contains(state.body, `"handle":"`) || !strings.Contains(state.body, got.Record) {
		t.Errorf("state %s", state.body)
	}
	b.header.Set("Origin", "https://evil.example")
	if foreign := b.get("/v1/consent?site=shop"); foreign.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a foreign page may read a visitor's state")
	}
}

func TestOptOutCountsWithoutIdentifier(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Regimes = site.Regimes{"default": site.OptOut} })},
		func(o *Options) { o.Geo = testGeo(t) })
	b := w.browser()
	b.header.Set("X-Forwarded-For", "81.2.69.142") // GB in the test database
	b.view(landing, "")
	got := w.events()
	if len(got) != 1 || got[0].Basis != event.BasisOptOut || got[0].Visitor != 0 || got[0].Session != 0 || got[0].Record != [16]byte{} {
		t.Fatalf("kept %+v", got)
	}
	if len(b.cookies) != 0 {
		t.Errorf("cookies before the visitor acted: %v", b.cookies)
	}
	b.choose("reject_all")
	if a := b.view(landing, ""); a.result() != "refused; reason=no_consent" {
		t.Errorf("after an opt-out: %q", a.result())
	}
}

func TestStoppedSite(t *testing.T) {
	st := testSite()
	w := newWorld(t, []*site.Site{st})
	b := w.browser()
	b.choose("accept_all")
	b.view(landing, "")
	if err := w.srv.SetSites([]*site.Site{testSite(func(s *site.Site) { s.Status = site.Stopped })}); err != nil {
		t.Fatal(err)
	}
	w.events()
	if a := b.view(landing, ""); a.result() != "refused; reason=site_stopped" || len(w.events()) != 0 {
		t.Errorf("a stopped site's hit: %q", a.result())
	}
	if len(b.cookies) != 1 {
		t.Errorf("a stopped site left %v", slices.Collect(maps.Keys(b.cookies)))
	}
}

func TestPolicy_2_4_AWithdrawalOutlivesARestart(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	old := maps.Clone(b.cookies)
	b.choose("withdraw")
	again, err := withdrawal.New(withdrawal.Options{Marks: keeper{w.spool}, Lifetime: 400 * 24 * time.Hour, Now: w.now, Logger: w.srv.opts.Logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Load(); err != nil {
		t.Fatal(err)
	}
	w.srv.opts.Withdrawn = again // what a new process reads from disk
	b.cookies = old
	if a := b.view(landing, ""); a.result() != "refused; reason=withdrawn" {
		t.Errorf("an old cookie after a restart: %q", a.result())
	}
}
