package server

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

func TestWrongInputIsSaidAndKeepsNothing(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	w.records()
	event := func(fields string) string { return `{"site":"shop","events":[{` + fields + `}]}` }
	page := `"url":"https://www.shop.example/"`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"no address", "GET", "/nowhere", "", 404, "nothing at this address"},
		{"doubly encoded", "GET", "/%2570.gif", "", 404, ""},
		{"climbing path", "GET", "/b/..%2fp.gif", "", 404, ""},
		{"NUL in path", "GET", "/p.gif%00", "", 404, ""},
		{"slash behind", "GET", "/p.gif/", "", 404, ""},
		{"wrong method", "PUT", "/v1/events", "", 405, "methods in the Allow header"},
		{"script of no site", "GET", "/b/none.js", "", 404, "no site with this id"},
		{"part of no name", "GET", "/b/part/none.js", "", 404, "no such part"},
		{"consent not JSON", "POST", "/v1/consent", `{"site":`, 400, "not a JSON value"},
		{"consent of another type", "POST", "/v1/consent", `{"site":7}`, 400, "site: must be of JSON type string"},
		{"consent with an unknown field", "POST", "/v1/consent", `{"site":"shop","who":"a@b.example"}`, 400, "a field is there"},
		{"consent behind the value", "POST", "/v1/consent", `{"site":"shop"} {}`, 400, "behind"},
		{"consent of no site", "POST", "/v1/consent", `{"site":"none"}`, 404, "no site"},
		{"consent without method", "POST", "/v1/consent", `{"site":"shop","surface":"banner"}`, 400, "method: write accept_all"},
		{"consent without surface", "POST", "/v1/consent", `{"site":"shop","method":"save"}`, 400, "surface: write banner"},
		{"consent to an unknown purpose", "POST", "/v1/consent", `{"site":"shop","method":"save","surface":"banner","decisions":{"fun":true}}`, 400, "decisions: name only"},
		{"consent to the necessary", "POST", "/v1/consent", `{"site":"shop","method":"save","surface":"banner","decisions":{"necessary":true}}`, 400, "decisions: name only"},
		{"contrary accept", "POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner","decisions":{"analytics":false}}`, 400, "contrary"},
		{"contrary reject", "POST", "/v1/consent", `{"site":"shop","method":"reject_all","surface":"banner","decisions":{"analytics":true}}`, 400, "contrary"},
		{"consent to an unknown service", "POST", "/v1/consent", `{"site":"shop","method":"save","surface":"banner","services":{"x":true}}`, 400, "services: name only"},
		{"consent of an unknown age", "POST", "/v1/consent", `{"site":"shop","method":"save","surface":"banner","age":"17"}`, 400, "age: write"},
		{"state of no site", "GET", "/v1/consent?site=none", "", 404, "no site"},
		{"shown on no site", "GET", "/v1/shown", "", 404, "no site"},
		{"events not JSON", "POST", "/v1/events", `[`, 400, "body must be"},
		{"events of another type", "POST", "/v1/events", `[]`, 400, "}]}: it must be of JSON type object"},
		{"no events", "POST", "/v1/events", `{"site":"shop","events":[]}`, 400, "send 1 to 50"},
		{"too many events", "POST", "/v1/events", `{"site":"shop","events":[` + strings.Repeat("{},", 50) + `{}]}`, 400, "send 1 to 50"},
		{"body too large", "POST", "/v1/events", strings.Repeat("x", 65<<10), 413, "over 64 KiB"},
		{"event of no kind", "POST", "/v1/events", event(page), 202, "kind: write page_view"},
		{"event made by the edge alone", "POST", "/v1/events", event(`"kind":"visit",` + page), 202, "kind: write page_view"},
		{"event of another type", "POST", "/v1/events", event(`"kind":1`), 202, "kind: must be of JSON type string"},
		{"custom without name", "POST", "/v1/events", event(`"kind":"custom",` + page), 202, "name: a custom event needs one"},
		{"name too long", "POST", "/v1/events", event(`"kind":"custom","name":"` + strings.Repeat("n", 129) + `",` + page), 202, "name: at most 128"},
		{"url too long", "POST", "/v1/events", event(`"kind":"page_view","url":"https://www.shop.example/` + strings.Repeat("n", 4096) + `"`), 202, "url: at most 4096"},
		{"value of a page view", "POST", "/v1/events", event(`"kind":"page_view","value":1,` + page), 202, "value: only a conversion"},
		{"negative value", "POST", "/v1/events", event(`"kind":"conversion","value":-1,` + page), 202, "value: a positive decimal"},
		{"value too fine", "POST", "/v1/events", event(`"kind":"conversion","value":1.00001,` + page), 202, "value: a positive decimal"},
		{"value with exponent", "POST", "/v1/events", event(`"kind":"conversion","value":1e3,` + page), 202, "value: a positive decimal"},
		{"unknown currency", "POST", "/v1/events", event(`"kind":"conversion","value":1,"currency":"yuan",` + page), 202, "currency: three letters"},
		{"refund of nothing", "POST", "/v1/events", event(`"kind":"refund","value":1,` + page), 202, "a refund needs both"},
		{"time to come", "POST", "/v1/events", event(`"kind":"page_view","age":-5,` + page), 202, "age: milliseconds"},
		{"too old", "POST", "/v1/events", event(`"kind":"page_view","age":86400001,` + page), 202, "age: milliseconds"},
		{"id of other characters", "POST", "/v1/events", event(`"kind":"page_view","id":"a@b.example",` + page), 202, "id: letters, digits"},
		{"too many props", "POST", "/v1/events", event(`"kind":"custom","name":"n","props":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":""},` + page), 202, "props: at most 8"},
		{"time instead of age", "POST", "/v1/events", event(`"kind":"page_view","time":1,` + page), 202, "a field is there"},
	} {
		a := b.do(c.method, c.path, c.body)
		if a.status != c.status || !strings.Contains(a.body, c.says) {
			t.Errorf("%s: %d %s, want %d and %q", c.name, a.status, a.body, c.status, c.says)
		}
		if strings.Contains(a.body, "a@b.example") {
			t.Errorf("%s: the answer repeats what was sent", c.name)
		}
	}
	if got := w.records(); len(got) != 0 {
		t.Errorf("wrong input left %d records", len(got))
	}
}

func TestRefusalReasons(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(), testSite(func(s *site.Site) { s.ID, s.Domains = "other", []string{"other.example"} })})
	yes := w.browser()
	yes.choose("accept_all")
	for _, c := range []struct {
		name, path string
		change     func(b *browser)
		want       string
	}{
		{"kept", "/p.gif?s=shop&u=https://www.shop.example/", nil, "recorded"},
		{"page from the Referer", "/p.gif?s=shop", func(b *browser) { b.header.Set("Referer", "https://www.shop.example/a") }, "recorded"},
		{"no site", "/p.gif?s=none&u=https://www.shop.example/", nil, "refused; reason=unknown_site"},
		{"foreign origin", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) { b.header.Set("Origin", "https://evil.example") }, "refused; reason=wrong_origin"},
		{"foreign referer", "/p.gif?s=shop", func(b *browser) { b.header.Del("Origin"); b.header.Set("Referer", "https://evil.example/") }, "refused; reason=wrong_origin"},
		{"origin null, as Firefox's beacons", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) { b.header.Set("Origin", "null") }, "recorded"},
		{"look-alike domain", "/p.gif?s=shop&u=https://notshop.example/", nil, "refused; reason=wrong_origin"},
		{"domain as a part of another", "/p.gif?s=shop&u=https://shop.example.evil.example/", nil, "refused; reason=wrong_origin"},
		{"no page at all", "/p.gif?s=shop", nil, "refused; reason=invalid"},
		{"unknown kind", "/p.gif?s=shop&k=fun&u=https://www.shop.example/", nil, "refused; reason=invalid"},
		{"no cookie", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) { clear(b.cookies) }, "refused; reason=no_consent"},
		{"forged cookie", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) {
			b.cookies["kj_consent_shop"] = strings.Replace(b.cookies["kj_consent_shop"], "~p1g", "~p1d", 1)
		}, "refused; reason=bad_signature"},
		{"another site's cookie", "/p.gif?s=other&u=https://www.other.example/", func(b *browser) {
			b.header.Set("Origin", "https://www.other.example")
			b.cookies["kj_consent_other"] = b.cookies["kj_consent_shop"]
		}, "refused; reason=bad_signature"},
		{"two different cookies", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) {
			b.header.Set("Cookie", "kj_consent_shop=other")
		}, "refused; reason=bad_signature"},
		{"oversized cookie", "/p.gif?s=shop&u=https://www.shop.example/", func(b *browser) {
			b.cookies["kj_consent_shop"] += strings.Repeat("x", 4000)
		}, "refused; reason=bad_signature"},
	} {
		b := &browser{w: w, cookies: map[string]string{}, header: yes.header.Clone()}
		for k, v := range yes.cookies {
			b.cookies[k] = v
		}
		if c.change != nil {
			c.change(b)
		}
		a := b.get(c.path)
		if a.result() != c.want || a.status != 200 || a.body != string(gif) || a.header.Get("Content-Type") != "image/gif" {
			t.Errorf("%s: %d %q, want %q and the image", c.name, a.status, a.result(), c.want)
		}
	}
}

func TestExpiredAndOutdated(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	page := "https://www.shop.example/"
	wider := testSite(func(s *site.Site) {
		s.Purposes = []site.PurposeUse{{ID: site.Preferences, Version: 1}, {ID: site.Analytics, Version: 2}, {ID: site.Marketing, Version: 1}}
	})
	if err := w.srv.SetSites([]*site.Site{wider}); err != nil {
		t.Fatal(err)
	}
	if a := b.view(page, ""); a.result() != "refused; reason=policy_outdated" {
		t.Errorf("a purpose grown wider: %q", a.result())
	}
	material := testSite(func(s *site.Site) {
		s.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1}, {Number: 2, Material: []site.Material{site.MaterialRights}}}}
	})
	if err := w.srv.SetSites([]*site.Site{material}); err != nil {
		t.Fatal(err)
	}
	if a := b.view(page, ""); a.result() != "refused; reason=policy_outdated" {
		t.Errorf("a material policy version: %q", a.result())
	}
	b.choose("accept_all")
	if a := b.view(page, ""); a.result() != "recorded" {
		t.Errorf("after a new yes: %q", a.result())
	}
	w.wait(180 * 24 * 3600 * 1e9)
	if a := b.view(page, ""); a.result() != "refused; reason=expired" {
		t.Errorf("after the lifetime: %q", a.result())
	}
}

func TestSameIDIsKeptOnce(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	pixel := "/p.gif?s=shop&k=click&u=https://www.shop.example/&i=abc"
	for range 3 {
		if a := b.get(pixel); a.result() != "recorded" {
			t.Fatalf("%q", a.result())
		}
	}
	clicks := 0
	for _, e := range w.events() {
		if e.Kind.String() == "click" {
			clicks++
		}
	}
	if clicks != 1 {
		t.Errorf("the same id was kept %d times", clicks)
	}
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()}, func(o *Options) { o.Rate = 3 })
	b := w.browser()
	b.choose("accept_all")
	pixel := "/p.gif?s=shop&k=click&u=https://www.shop.example/"
	b.get(pixel)
	b.get(pixel)
	a := b.get(pixel)
	if a.status != 429 || a.result() != "refused; reason=rate_limited" || a.header.Get("Retry-After") == "" || a.body != string(gif) {
		t.Errorf("the fourth request within a second: %d %q", a.status, a.result())
	}
	other := w.browser()
	other.header.Set("X-Forwarded-For", "203.0.113.9")
	if a := other.get(pixel); a.result() != "refused; reason=no_consent" {
		t.Errorf("another address: %q", a.result())
	}
	w.wait(2e9)
	if a := b.get(pixel); a.result() != "recorded" {
		t.Errorf("two seconds later: %q", a.result())
	}
}

// TestRateLimit_BatchIsSentAgain: a batch refused for its rate is answered so
// whatever is wrong with some of it: the script keeps it, and sends it again.
func TestRateLimit_BatchIsSentAgain(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()}, func(o *Options) { o.Rate = 3 })
	b := w.browser()
	b.choose("accept_all")
	const batch = `{"site":"shop","events":[{"kind":"nonsense","id":"a"},{"kind":"click","url":"https://www.shop.example/","id":"b"},{"kind":"click","url":"https://www.shop.example/","id":"c"}]}`
	if a := b.do("POST", "/v1/events", batch); a.status != 429 || a.result() != "refused; reason=rate_limited" || a.header.Get("Retry-After") == "" {
		t.Errorf("too many at once: %d %q", a.status, a.result())
	}
	w.wait(2 * time.Second)
	for range 2 {
		if a := b.do("POST", "/v1/events", batch); a.status != 202 || !strings.Contains(a.body, `"recorded":2`) || !strings.Contains(a.body, `"index":0`) {
			t.Errorf("sent again: %d %s", a.status, a.body)
		}
		w.wait(2 * time.Second)
	}
	if kept := kindsOf(w.events()); !slices.Equal(kept, []event.Kind{event.Visit, event.Click, event.Click}) {
		t.Errorf("kept %v, want each click once", kept)
	}
	if got := w.srv.Totals()[Total{Site: "shop", Reason: event.Invalid}]; got != 2 {
		t.Errorf("the invalid one counts as such %d times, want only when it was looked at", got)
	}
}

// fullSpool has no room, and its reserve is used up.
type fullSpool struct{}

func (fullSpool) Append(...[]byte) error { return &spool.FullError{Reason: "test"} }
func (fullSpool) AppendMarked([]withdrawal.Mark, ...[]byte) error {
	return &spool.FullError{Reason: "test"}
}

func TestFullSpoolIsSaidNeverRecorded(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	w.srv.opts.Spool = fullSpool{}
	a := b.get("/p.gif?s=shop&k=click&u=https://www.shop.example/&i=once")
	if a.status != 503 || a.result() != "refused; reason=overloaded" || a.body != string(gif) || a.header.Get("Retry-After") == "" {
		t.Errorf("pixel: %d %q", a.status, a.result())
	}
	if a := b.view("https://www.shop.example/", ""); a.status != 503 || !strings.Contains(a.body, "not recorded") {
		t.Errorf("events: %d %s", a.status, a.body)
	}
	before := b.cookies["kj_consent_shop"]
	if a := b.do("POST", "/v1/consent", `{"site":"shop","method":"withdraw","surface":"banner"}`); a.status != 503 || b.cookies["kj_consent_shop"] != before {
		t.Errorf("a decision that is not on disk: %d", a.status)
	}
	if err := w.srv.Flush(); !errors.Is(err, spool.ErrFull) {
		t.Errorf("flush: %v", err)
	}
	w.srv.opts.Spool = keeper{w.spool}
	if a := b.get("/p.gif?s=shop&k=click&u=https://www.shop.example/&i=once"); a.result() != "recorded" {
		t.Errorf("the retry with the same id: %q", a.result())
	}
}
