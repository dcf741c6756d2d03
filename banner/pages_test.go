package banner

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// renderAll writes every page there is, in one language.
func renderAll(t *testing.T, a *Assets, s *site.Site, lang string) map[string]string {
	t.Helper()
	pages := map[string]string{}
	render := func(name string, f func(w io.Writer) error) {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatalf("%s in %s: %v", name, lang, err)
		}
		pages[name] = b.String()
	}
	render("choices", func(w io.Writer) error {
		return a.RenderChoices(w, ChoicesView{
			Site: s, Lang: lang, GPC: true, CSRF: "tok<en", Message: Saved, RightsURL: "https://t.shop.example/r/x",
			Decisions: map[string]string{"analytics": "granted", "marketing": "denied"}, Services: map[string]string{"ga4": "denied"},
		})
	})
	render("policy", func(w io.Writer) error {
		_, err := a.RenderPolicy(w, PolicyView{Site: s, Lang: lang})
		return err
	})
	render("archive", func(w io.Writer) error { return a.RenderArchive(w, s, lang) })
	render("cookies", func(w io.Writer) error { return a.RenderCookies(w, s, lang) })
	render("kept", func(w io.Writer) error {
		return a.RenderKept(w, KeptView{Site: s, Lang: lang, Tables: []KeptTable{{"events", []string{"time"}, [][]string{{"now"}}}}, CSRF: "c", Depth: 1})
	})
	render("ask", func(w io.Writer) error { return a.RenderAsk(w, s, lang, "c", false) })
	render("mail", func(w io.Writer) error { return a.RenderMail(w, MailView{Site: s, Lang: lang, Open: true, CSRF: "c"}) })
	render("unsubscribe", func(w io.Writer) error { return a.RenderUnsubscribe(w, s, lang, false) })
	return pages
}

// TestPagesWorkUnderStrictPolicyAndPrefix: no script, no inline style, no
// address that a prefix in front of the edge would break.
func TestPagesWorkUnderStrictPolicyAndPrefix(t *testing.T) {
	a := assets(t)
	for _, lang := range []string{"en", "zh-CN"} {
		for name, page := range renderAll(t, a, everything(), lang) {
			for _, forbidden := range []string{"<script", "<style", " style=", "javascript:", `href="/`, `action="/`, `src="`, "ZgotmplZ", "<no value>"} {
				if strings.Contains(page, forbidden) {
					t.Errorf("%s in %s holds %q", name, lang, forbidden)
				}
			}
			if !strings.Contains(page, `<html lang="`+lang+`" dir="ltr">`) || !strings.Contains(page, a.StylePart()) {
				t.Errorf("%s in %s lacks its language or style sheet", name, lang)
			}
		}
	}
}

func TestChoicesPage(t *testing.T) {
	page := renderAll(t, assets(t), everything(), "en")["choices"]
	for _, want := range []string{
		`value="tok&lt;en"`, `name="method" value="accept_all"`, `name="method" value="reject_all"`, `name="method" value="withdraw"`,
		`name="erase" value="1"`, `name="purpose.analytics" value="yes" checked`, `name="purpose.marketing" value="no" checked`,
		`name="service.ga4" value="no" checked`, `name="age" value="adult"`, "https://t.shop.example/r/x", "Global Privacy Control",
		"Example Cloud Inc", `action="../choices/shop"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, ticked := range []string{`name="purpose.preferences" value="yes" checked`, `name="erase" value="1" checked`} {
		if strings.Contains(page, ticked) {
			t.Errorf("ticked beforehand: %s", ticked)
		}
	}
}

// TestPolicy_7_7_StoppedSiteAsksNothing: nothing to choose, rights remain.
func TestPolicy_7_7_StoppedSiteAsksNothing(t *testing.T) {
	s := shop()
	s.Status = site.Stopped
	page := renderAll(t, assets(t), s, "en")["choices"]
	if strings.Contains(page, "<form") || !strings.Contains(page, "has stopped collecting") || !strings.Contains(page, "v1/me?site=shop") {
		t.Errorf("a stopped site's page: %s", page)
	}
}

// TestPolicy_9_4_VersionsStayReadable: every version has its address, an old
// one says so, and a policy's own HTML never reaches the page.
func TestPolicy_9_4_VersionsStayReadable(t *testing.T) {
	a, s := assets(t), everything()
	s.Policy.Versions[0].Date = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s.Policy.Versions[0].Texts = map[string]site.PolicyText{"en": {Language: "en", Markdown: []byte("# One\n\n<script>x</script>\n\n[a](javascript:x)\n\n| a |\n|---|\n| b |")}}
	var b bytes.Buffer
	ok, err := a.RenderPolicy(&b, PolicyView{Site: s, Lang: "en", Number: 1})
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	page := b.String()
	for _, want := range []string{"This is an earlier version.", "2026-01-02", "<h1>One</h1>", "<td>b</td>", `href="../../policy/shop"`} {
		if !strings.Contains(page, want) {
			t.Errorf("version 1 lacks %s in %s", want, page)
		}
	}
	if n := strings.Count(page, "<h1>"); n != 1 {
		t.Errorf("%d headings of level 1, want 1", n)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "javascript:") {
		t.Error("HTML of the policy's Markdown reached the page")
	}
	if ok, _ := a.RenderPolicy(io.Discard, PolicyView{Site: s, Lang: "en", Number: 9}); ok {
		t.Error("version 9 was found")
	}
	archive := renderAll(t, a, s, "en")["archive"]
	for _, want := range []string{"policy/shop/1", "policy/shop/2", "Data is now shared with Example Cloud."} {
		if !strings.Contains(archive, want) {
			t.Errorf("the archive lacks %s", want)
		}
	}
}

// TestPolicy_6_1_CookieTable lists the cookies that the site's purposes can
// set, and no other.
func TestPolicy_6_1_CookieTable(t *testing.T) {
	a, s := assets(t), shop()
	s.Purposes = s.Purposes[:2] // preferences, analytics
	page := renderAll(t, a, s, "en")["cookies"]
	for name, want := range map[string]bool{"kj_consent_shop": true, "kj_vid_shop": true, "kj_ses_shop": true, "kj_store_shop": true, "kj_src_shop": false} {
		if strings.Contains(page, name) != want {
			t.Errorf("%s in the table: %v, want %v", name, !want, want)
		}
	}
}
