package server

import (
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_7_6_NodeAbroad: a node outside a site's region keeps nothing of a
// visitor unless the site asks for cross_border and the visitor said yes to it;
// accepting the rest, or cross_border alone, is not enough. At home no such yes
// is needed.
func TestPolicy_7_6_NodeAbroad(t *testing.T) {
	for _, c := range []struct {
		name, region string
		change       func(*site.Site)
		decisions    string
		want         string
	}{
		{"at home", "cn", nil, `"analytics":true`, "recorded"},
		{"abroad, not asked", "eu", nil, `"analytics":true`, "refused; reason=cross_border"},
		{"abroad, a no", "eu", asksEverything, `"analytics":true,"cross_border":false`, "refused; reason=cross_border"},
		{"abroad, unset", "eu", asksEverything, `"analytics":true`, "refused; reason=cross_border"},
		{"abroad, a yes to that alone", "eu", asksEverything, `"cross_border":true`, "refused; reason=no_consent"},
		{"abroad, a yes to both", "eu", asksEverything, `"analytics":true,"cross_border":true`, "recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := []func(*site.Site){}
			if c.change != nil {
				changes = append(changes, c.change)
			}
			w := newWorld(t, []*site.Site{testSite(changes...)}, func(o *Options) { o.Region = c.region })
			b := w.browser()
			body := `{"site":"shop","method":"save","surface":"banner","decisions":{` + c.decisions + `}}`
			if a := b.do("POST", "/v1/consent", body); a.status != 200 {
				t.Fatalf("consent: %d %s", a.status, a.body)
			}
			if a := b.view("https://shop.example/", ""); a.result() != c.want {
				t.Errorf("a page view was %q, want %q", a.result(), c.want)
			}
			kept := c.want == "recorded"
			if got := b.cookies["kj_vid_shop"] != ""; got != kept {
				t.Errorf("a visitor's cookie: %t, want %t", got, kept)
			}
			for _, r := range w.records() {
				if r.Event != nil && !kept {
					t.Errorf("an event is on disk: %+v", r.Event)
				}
				if r.Consent != nil && (r.Consent.Subject != 0) != kept {
					t.Errorf("the ledger's subject is %d", r.Consent.Subject)
				}
			}
			if !kept && strings.Contains(w.log.String(), identity.VisitorJar.Name("shop")) {
				t.Error("the log names the visitor's cookie")
			}
		})
	}
}
