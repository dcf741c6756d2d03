package server

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_8_GuardiansYesStays: what a minor's guardian agreed to stays with a
// choice that says nothing of age, such as a placeholder's, and no more than that is
// granted by it. It ends where it is taken back, and with the choices that it was
// given for.
func TestPolicy_8_GuardiansYesStays(t *testing.T) {
	const allow = `"method":"save","surface":"placeholder","decisions":{"marketing":true}`
	for _, c := range []struct {
		name, body string
		after      time.Duration
		analytics  string
		marketing  string
	}{
		{"a placeholder", allow, 0, "granted", "denied"},
		{"everything", `"method":"accept_all","surface":"api"`, 0, "granted", "denied"},
		{"a placeholder, with the guardian", allow + `,"guardian":true`, 0, "granted", "granted"},
		{"the signal", `"method":"gpc","surface":"api"`, 0, "granted", "denied"},
		{"the guardian took it back", allow + `,"guardian":false`, 0, "denied", "denied"},
		{"a minor, said without a guardian", allow + `,"age":"minor"`, 0, "denied", "denied"},
		{"after its time", allow, 181 * 24 * time.Hour, "unset", "denied"},
	} {
		w := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Minors = site.Minors{Ask: true, Age: 18} })})
		b := w.browser()
		b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"analytics":true,"marketing":false},"age":"minor","guardian":true}`)
		w.wait(c.after)
		a := b.do("POST", "/v1/consent", `{"site":"shop",`+c.body+`}`)
		var got stateBody
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Decisions["analytics"] != c.analytics || got.Decisions["marketing"] != c.marketing {
			t.Errorf("%s: %v, %s; want analytics %s, marketing %s", c.name, err, a.body, c.analytics, c.marketing)
		}
	}
}

// TestPolicy_8_UntickedGuardianIsSaid: on the page without script a box that is
// not ticked takes the guardian's yes back.
func TestPolicy_8_UntickedGuardianIsSaid(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) { s.Minors = site.Minors{Ask: true, Age: 18} })})
	for fields, recorded := range map[string]string{
		"method=save&purpose.marketing=no":                      "refused; reason=no_consent",
		"method=save&purpose.marketing=no&guardian=1":           "recorded",
		"method=save&purpose.marketing=no&age=minor":            "refused; reason=no_consent",
		"method=save&purpose.marketing=no&age=minor&guardian=1": "recorded",
	} {
		b := w.browser()
		b.page()
		b.submit(choicesPath, "method=accept_all&age=minor&guardian=1")
		b.submit(choicesPath, fields)
		if a := b.view(landing, ""); a.result() != recorded {
			t.Errorf("%s: then a page view is %q, want %q", fields, a.result(), recorded)
		}
	}
}
