package server

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// page makes the browser one without script that has our page open.
func (b *browser) page() {
	b.header.Del("Origin")
	b.header.Set("Accept", "text/html,application/xhtml+xml")
}

// submit sends a page's form as a browser does: with the token it found there.
func (b *browser) submit(path, fields string) answer {
	b.w.t.Helper()
	got := csrfField.FindStringSubmatch(b.get(path).body)
	if got == nil {
		b.w.t.Fatalf("%s has no form", path)
	}
	return b.send(path, "csrf="+url.QueryEscape(got[1])+"&"+fields)
}

func (b *browser) send(path, form string) answer {
	b.w.t.Helper()
	b.header.Set("Origin", "https://t.shop.example")
	b.header.Set("Sec-Fetch-Site", "same-origin")
	b.header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer func() {
		for _, name := range []string{"Origin", "Sec-Fetch-Site", "Content-Type"} {
			b.header.Del(name)
		}
	}()
	return b.do("POST", path, form)
}

// follow opens the page that a form led back to.
func (b *browser) follow(path string, a answer) string {
	b.w.t.Helper()
	to := a.header.Get("Location")
	if a.status != 303 || !strings.HasPrefix(to, "?") {
		b.w.t.Fatalf("form: %d, Location %q, %s", a.status, to, a.body)
	}
	path, _, _ = strings.Cut(path, "?")
	return b.get(path + to).body
}

const choicesPath = "/choices/shop"

func asksEverything(s *site.Site) {
	s.Purposes = append(s.Purposes, site.PurposeUse{ID: site.CrossBorder, Version: 1})
	s.CrossBorder = map[string]site.Transfer{"en": {Recipient: "Example Cloud Inc", Country: "US", Purpose: "hosting", Safeguards: "standard contract", Risks: "other law"}}
	s.Services = []site.Service{{ID: "ga4", Name: "Statistics kit", Purpose: site.Analytics, Provider: "Kit Ltd", Country: "CN", Cookies: []string{"_ga"}}}
}

// TestPolicy_6_3_EverythingCanBeChosenWithoutScript: accept, reject, save and
// withdraw by forms alone, recorded as the banner's are.
func TestPolicy_6_3_EverythingCanBeChosenWithoutScript(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(asksEverything)})
	b := w.browser()
	b.page()
	steps := []struct {
		fields   string
		says     string
		decision string // of the ledger: purposes granted
		recorded string
	}{
		{"method=accept_all", "Your choice was saved.", "preferences analytics marketing", "recorded"},
		{"method=reject_all", "Your choice was saved.", "", "refused; reason=no_consent"},
		{"method=save&purpose.analytics=yes&purpose.cross_border=yes&purpose.marketing=no", "Your choice was saved.", "analytics cross_border", "recorded"},
		{"method=save&purpose.analytics=yes&service.ga4=no", "Your choice was saved.", "analytics cross_border", "recorded"},
		{"method=withdraw", "Everything was withdrawn.", "", "refused; reason=no_consent"},
	}
	for _, s := range steps {
		w.wait(time.Minute)
		page := b.follow(choicesPath, b.submit(choicesPath, "lang=en&"+s.fields))
		if !strings.Contains(page, s.says) {
			t.Errorf("%s: the page does not say %q", s.fields, s.says)
		}
		var granted []string
		var entry *event.Consent
		for _, r := range w.records() {
			if r.Consent != nil {
				entry = r.Consent
			}
		}
		if entry == nil {
			t.Fatalf("%s: no ledger entry", s.fields)
		}
		for _, p := range entry.Purposes {
			if p.Granted {
				granted = append(granted, p.Purpose)
			}
		}
		if got := strings.Join(granted, " "); got != s.decision || entry.Surface != "choices" || "method="+entry.Method != strings.Split(s.fields, "&")[0] {
			t.Errorf("%s: granted %q by %s on %s", s.fields, got, entry.Method, entry.Surface)
		}
		if a := b.view(landing, ""); a.result() != s.recorded {
			t.Errorf("%s: then a page view is %q, want %q", s.fields, a.result(), s.recorded)
		}
	}
}

func TestChoicesPageIsStrict(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(asksEverything)})
	b := w.browser()
	b.page()
	a := b.get(choicesPath)
	for name, want := range map[string]string{
		"Content-Security-Policy": pageSecurity, "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(a.set) != 0 || strings.Contains(a.body, "checked") {
		t.Errorf("opening the page sets %d cookies, or something is ticked beforehand", len(a.set))
	}
	b.header.Set("Accept-Language", "zh-CN")
	if a := b.get(choicesPath); !strings.Contains(a.body, `lang="zh-CN"`) {
		t.Error("the page does not speak the browser's language")
	}
	if a := b.get(choicesPath + "?lang=en"); !strings.Contains(a.body, `lang="en"`) {
		t.Error("?lang does not choose the language")
	}
	b.header.Set("Sec-GPC", "1")
	if a := b.get(choicesPath + "?lang=en"); !strings.Contains(a.body, "Global Privacy Control signal, and it is honoured") {
		t.Error("the signal is not shown as honoured (contract: shown to the visitor)")
	}
	if a := b.get("/choices/none"); a.status != 404 || !strings.Contains(a.body, "<h1>") {
		t.Errorf("a site that is not there: %d", a.status)
	}
}

// TestFormsOfOthersChangeNothing: a choice is the visitor's own act.
func TestFormsOfOthersChangeNothing(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(), testSite(func(s *site.Site) { s.ID = "other" })})
	b := w.browser()
	b.page()
	token := csrfField.FindStringSubmatch(b.get(choicesPath).body)[1]
	others := csrfField.FindStringSubmatch(b.get("/choices/other").body)[1]
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, token, origin, from, kind string
		after                           time.Duration
		status                          int
	}{
		{"another site's page", token, "https://evil.example", "cross-site", form, 0, 403},
		{"a page that hides where it is", token, "null", "cross-site", form, 0, 403},
		{"no origin", token, "", "", form, 0, 403},
		{"another host of the site", token, "https://www.shop.example", "same-site", form, 0, 403},
		{"no token", "", "https://t.shop.example", "same-origin", form, 0, 403},
		{"a forged token", token[:len(token)-4] + "AAAA", "https://t.shop.example", "same-origin", form, 0, 403},
		{"another site's token", others, "https://t.shop.example", "same-origin", form, 0, 403},
		{"a body that is not a form", token, "https://t.shop.example", "same-origin", "text/plain", 0, 403},
		{"our own", token, "https://t.shop.example", "same-origin", form, 0, 303},
		{"our own, an older browser", token, "https://t.shop.example", "", form, 0, 303},
		{"open for an hour", token, "https://t.shop.example", "same-origin", form, time.Hour, 403},
	} {
		w.wait(c.after)
		w.records()
		b.header.Set("Content-Type", c.kind)
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.from} {
			if b.header.Del(name); value != "" {
				b.header.Set(name, value)
			}
		}
		a := b.do("POST", choicesPath, "method=accept_all&csrf="+url.QueryEscape(c.token))
		kept := len(w.records()) > 0
		if a.status != c.status || kept != (c.status == 303) {
			t.Errorf("%s: %d, kept %v; want %d", c.name, a.status, kept, c.status)
		}
	}
}

func TestPolicy_8_NobodyUnderAgeGrantsByForm(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Minors = site.Minors{Ask: true, Age: 18} })})
	for _, c := range []struct{ fields, done, recorded string }{
		{"method=accept_all", "age", "refused; reason=no_consent"},
		{"method=accept_all&age=minor", "age", "refused; reason=no_consent"},
		{"method=save&purpose.analytics=yes", "age", "refused; reason=no_consent"},
		{"method=save&purpose.analytics=no", "saved", "refused; reason=no_consent"},
		{"method=reject_all", "saved", "refused; reason=no_consent"},
		{"method=accept_all&age=minor&guardian=1", "saved", "recorded"},
		{"method=accept_all&age=adult", "saved", "recorded"},
	} {
		b := w.browser()
		b.page()
		a := b.submit(choicesPath, c.fields)
		if got := a.header.Get("Location"); !strings.Contains(got, "done="+c.done) {
			t.Errorf("%s: leads to %q, want done=%s", c.fields, got, c.done)
		}
		if (len(b.cookies) == 0) != (c.done == "age") {
			t.Errorf("%s: %d cookies", c.fields, len(b.cookies))
		}
		if a := b.view(landing, ""); a.result() != c.recorded {
			t.Errorf("%s: then a page view is %q, want %q", c.fields, a.result(), c.recorded)
		}
	}
}

// TestServiceIsNotRefusedWithItsPurpose: who said no to a purpose and now says
// yes has said nothing about its services.
func TestServiceIsNotRefusedWithItsPurpose(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(asksEverything)})
	b := w.browser()
	b.page()
	page := b.follow(choicesPath, b.submit(choicesPath, "method=reject_all"))
	if strings.Contains(page, `name="service.ga4" value="no" checked`) {
		t.Error("the service's no is ticked although nobody said it")
	}
	page = b.follow(choicesPath, b.submit(choicesPath, "method=save&purpose.analytics=yes"))
	if !strings.Contains(page, `name="service.ga4" value="yes" checked`) {
		t.Error("the service is not shown as granted with its purpose")
	}
	page = b.follow(choicesPath, b.submit(choicesPath, "method=save&purpose.analytics=yes&service.ga4=no"))
	if !strings.Contains(page, `name="service.ga4" value="no" checked`) {
		t.Error("the service's own no is not shown")
	}
}

func TestPolicy_7_4_IncidentsStandOnThePagesUntilTheirEnd(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) {
		s.Incidents = []site.Incident{{
			ID: "2026-05-a", Until: testStart.Truncate(24 * time.Hour),
			Texts: map[string]site.IncidentText{"en": {Language: "en", Title: "Data was seen", Markdown: []byte("## What happened\n\n<script>x</script>")}},
		}}
	})})
	b := w.browser()
	b.page()
	for range 2 {
		want := w.now() == testStart
		for _, path := range []string{choicesPath, "/v1/me?site=shop", "/policy/shop"} {
			page := b.get(path).body
			said := strings.Contains(page, `id="incident-2026-05-a"`) && strings.Contains(page, "<h2>Data was seen</h2>") && strings.Contains(page, "<h2>What happened</h2>")
			if said != want || strings.Contains(page, "<script") {
				t.Errorf("%s at %s: %s", path, w.now(), page)
			}
		}
		w.wait(24 * time.Hour)
	}
}

func TestPolicyAndCookiePages(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(asksEverything, func(s *site.Site) {
		s.Policy = &site.Policy{Versions: []site.PolicyVersion{
			{Number: 1, Texts: map[string]site.PolicyText{"en": {Language: "en", Markdown: []byte("# First\n\n[x](javascript:alert(1)) <b>raw</b>")}}},
			{Number: 2, Material: []site.Material{site.MaterialRecipients}, Texts: map[string]site.PolicyText{"en": {Language: "en", Summary: "Shared with Kit Ltd.", Markdown: []byte("# Second")}}},
		}}
	}), testSite(func(s *site.Site) { s.ID = "plain" })})
	b := w.browser()
	b.page()
	for _, c := range []struct {
		path   string
		status int
		says   []string
		never  string
	}{
		{"/policy/shop", 200, []string{"<h1>Second</h1>", "Shared with Kit Ltd.", "other recipients of the data", "policy/shop/archive"}, "First"},
		{"/policy/shop/1", 200, []string{"<h1>First</h1>", "This is an earlier version."}, "javascript:"},
		{"/policy/shop/2", 200, []string{"<h1>Second</h1>"}, "This is an earlier version."},
		{"/policy/shop/archive", 200, []string{"policy/shop/1", "policy/shop/2", "Shared with Kit Ltd.", "other recipients of the data"}, "<b>raw</b>"},
		{"/policy/shop/3", 404, []string{"<h1>"}, "Second"},
		{"/policy/shop/01", 404, []string{"<h1>"}, "First"},
		{"/policy/shop/x", 404, []string{"<h1>"}, "First"},
		{"/policy/plain", 200, []string{"Shop Ltd", "395 days", "Statistics", "Version 1", "kj_vid_plain"}, "<article"},
		{"/cookies/shop", 200, []string{"kj_consent_shop", "kj_vid_shop", "kj_ses_shop", "kj_src_shop", "kj_store_shop", "_ga", "choose again on each visit", "Chrome", "Edge", "Firefox", "Safari", "Samsung Internet", "WeChat"}, "<script"},
		{"/cookies/none", 404, []string{"<h1>"}, "kj_"},
	} {
		a := b.get(c.path)
		if a.status != c.status || strings.Contains(a.body, c.never) {
			t.Errorf("%s: %d, want %d without %q", c.path, a.status, c.status, c.never)
		}
		for _, want := range c.says {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %q", c.path, want)
			}
		}
		if a.header.Get("Content-Security-Policy") != pageSecurity || len(a.set) != 0 {
			t.Errorf("%s: CSP %q, %d cookies", c.path, a.header.Get("Content-Security-Policy"), len(a.set))
		}
	}
}
