package server

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

const pageHit = `{"site":"shop","events":[{"kind":"page_view","url":"https://www.shop.example/"}]}`

// voids are ways in which a decision comes to count no more without its
// visitor's browser hearing of it.
var voids = map[string]func(w *world, b *browser){
	"withdrawn": func(w *world, b *browser) {
		var state stateBody
		if err := json.Unmarshal([]byte(b.get("/v1/consent?site=shop").body), &state); err != nil {
			w.t.Fatal(err)
		}
		record, err := identity.ParseID([]byte(state.Record))
		if err != nil {
			w.t.Fatal(err)
		}
		w.srv.opts.Withdrawn.Apply(withdrawal.Entry{Site: "shop", Record: record, Time: w.now()})
	},
	"bad_signature": func(_ *world, b *browser) {
		b.cookies["kj_consent_shop"] = strings.Replace(b.cookies["kj_consent_shop"], "~p1g", "~p1d", 1)
	},
}

// TestPolicy_2_4_VoidConsentIsAskedAgain: the page's script cannot verify its
// cookie and would go on running what it grants, so the answer to a hit takes
// the grant away. Nothing counts until the visitor is asked again, under opt_out
// neither, and what they say then does.
func TestPolicy_2_4_VoidConsentIsAskedAgain(t *testing.T) {
	for reason, void := range voids {
		for _, regime := range []site.Regime{site.OptIn, site.OptOut} {
			w := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Regimes = site.Regimes{"default": regime} })})
			b := w.browser()
			b.choose("accept_all")
			void(w, b)
			a := b.do("POST", "/v1/events", pageHit)
			if a.result() != "refused; reason="+reason || !strings.Contains(a.body, `"rights_url":"https://t.shop.example/r/`) {
				t.Errorf("%s, %s: %q %s", reason, regime, a.result(), a.body)
			}
			if kept := b.cookies["kj_consent_shop"]; len(b.cookies) != 1 || strings.Contains(strings.Split(kept, "~")[2], "g") {
				t.Errorf("%s, %s: the cookies still grant something: %v", reason, regime, b.cookies)
			}
			if state := b.get("/v1/consent?site=shop"); !strings.Contains(state.body, `"ask":true`) || strings.Contains(state.body, "granted") {
				t.Errorf("%s, %s: state %s", reason, regime, state.body)
			}
			if a := b.get("/v1/consent/receipt?site=shop"); a.status != 404 {
				t.Errorf("%s, %s: a receipt of what nobody decided: %s", reason, regime, a.body)
			}
			if a := b.do("POST", "/v1/events", pageHit); !strings.HasPrefix(a.result(), "refused") || len(w.events()) != 0 {
				t.Errorf("%s, %s: before the visitor is asked again: %q", reason, regime, a.result())
			}
			b.choose("accept_all")
			if a := b.do("POST", "/v1/events", pageHit); a.result() != "recorded" {
				t.Errorf("%s, %s: after a new yes: %q", reason, regime, a.result())
			}
		}
	}
}

// consentCookies are the answer's lines about kj_consent.
func consentCookies(a answer) (lines []string) {
	for _, c := range a.set {
		if c.Name == "kj_consent_shop" {
			lines = append(lines, c.Raw)
		}
	}
	return lines
}

func TestVoidConsentGoesWhereverItWasSet(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	voids["bad_signature"](w, b)
	lines := consentCookies(b.do("POST", "/v1/events", pageHit))
	// What was kept for the host alone would stand beside the domain's, and two that differ are a no for ever.
	want := []string{"kj_consent_shop=; Max-Age=0; Path=/; SameSite=Lax; Secure", "; Path=/; Domain=shop.example; SameSite=Lax; Secure"}
	if len(lines) != 2 || lines[0] != want[0] || !strings.HasSuffix(lines[1], want[1]) || strings.Contains(lines[1], "Max-Age=0") {
		t.Errorf("Set-Cookie: %q, want %q", lines, want)
	}
}

// TestLateAnswersLeaveTheDecision: images and beacons are answered in no order
// with the script's choices, and must not overwrite a newer one.
func TestLateAnswersLeaveTheDecision(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	for reason, void := range voids {
		b := w.browser()
		b.choose("accept_all")
		void(w, b)
		if a := b.get("/p.gif?s=shop&u=https://www.shop.example/"); a.result() != "refused; reason="+reason || consentCookies(a) != nil {
			t.Errorf("%s: an image: %q, %q", reason, a.result(), consentCookies(a))
		}
		b.header.Set("Sec-Fetch-Mode", "no-cors")
		if a := b.do("POST", "/v1/events", pageHit); a.result() != "refused; reason="+reason || consentCookies(a) != nil {
			t.Errorf("%s: a beacon: %q, %q", reason, a.result(), consentCookies(a))
		}
	}
	no := w.browser()
	no.choose("reject_all")
	if a := no.do("POST", "/v1/events", pageHit); a.result() != "refused; reason=no_consent" || consentCookies(a) != nil {
		t.Errorf("a refusal that counts: %q, %q", a.result(), consentCookies(a))
	}
}
