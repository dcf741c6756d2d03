package consent

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestAskedAgain: "expiry, a material policy version, a new or wider purpose.
// Not asked again sooner after a refusal" (contract).
func TestAskedAgain(t *testing.T) {
	const day = 24 * time.Hour
	cases := []struct {
		name   string
		record Record
		change func(*Situation)
		want   bool
	}{
		{"no record", Record{}, nil, true},
		{"accepted", accepted(), nil, false},
		{"refused", refused(), nil, false},
		{"refused, a moment later", refused(), func(s *Situation) { s.Now = s.Now.Add(time.Second) }, false},
		{"refused, a day before the end", refused(), func(s *Situation) { s.Now = s.Now.Add(179 * day) }, false},
		{"refused, in the last hour", refused(), func(s *Situation) { s.Now = s.Now.Add(180*day - time.Hour) }, false},
		{"refused, over", refused(), func(s *Situation) { s.Now = s.Now.Add(182 * day) }, true},
		{"accepted, over", accepted(), func(s *Situation) { s.Now = s.Now.Add(181 * day) }, true},
		{"accepted in the future", accepted(), func(s *Situation) { s.Now = s.Now.Add(-3 * day) }, true},
		{"refused, shorter lifetime", refused(), func(s *Situation) { s.Site.ConsentLifetime = day; s.Now = s.Now.Add(day) }, false},
		{"refused, signal", refused(), func(s *Situation) { s.GPC = true }, false},
		{"refused, opt_out", refused(), func(s *Situation) { s.Regime = site.OptOut }, false},
		{"refused, away", refused(), func(s *Situation) { s.Away = true }, false},
		{"refused, site begins to ask for age", refused(), func(s *Situation) { s.Site.Minors.Ask = true }, false},
		{"accepted, site begins to ask for age", accepted(), func(s *Situation) { s.Site.Minors.Ask = true }, true},
		{"refused, version that is not material", refused(), func(s *Situation) {
			s.Site.Policy.Versions = append(s.Site.Policy.Versions, site.PolicyVersion{Number: 5})
		}, false},
		{"refused, material version", refused(), func(s *Situation) {
			s.Site.Policy.Versions = append(s.Site.Policy.Versions, site.PolicyVersion{Number: 5, Material: []site.Material{site.MaterialRisk}})
		}, true},
		{"refused, wider purpose", refused(), func(s *Situation) { s.Site.Purposes[0].Version++ }, true},
		{"refused, purpose dropped", refused(), func(s *Situation) { s.Site.Purposes = s.Site.Purposes[:2] }, false},
		{"forged", Record{}, func(s *Situation) { s.Problem = event.BadSignature }, true},
		{"signal alone under opt_out, only marketing", Record{}, func(s *Situation) {
			s.Site.Purposes = s.Site.Purposes[2:3]
			s.GPC, s.Regime = true, site.OptOut
		}, false},
		{"signal alone under opt_in, only marketing", Record{}, func(s *Situation) {
			s.Site.Purposes = s.Site.Purposes[2:3]
			s.GPC = true
		}, true},
	}
	for _, c := range cases {
		s := &Situation{Site: testSite(), Now: today, Record: c.record}
		if c.change != nil {
			c.change(s)
		}
		if got := StateOf(s).Ask; got != c.want {
			t.Errorf("%s: ask %t, want %t", c.name, got, c.want)
		}
	}
}

// A grant never outlasts the lifetime; a refusal is never asked again within it.
func TestLifetimeByTheHour(t *testing.T) {
	for hour := range 24 {
		made := time.Date(2026, 11, 24, hour, 0, 0, 0, time.UTC)
		over := made.Add(testSite().ConsentLifetime)
		yes, no := accepted(), refused()
		yes.Day, no.Day = dayOf(made), dayOf(made)
		s := &Situation{Site: testSite(), Now: over, Record: yes}
		reasons(t, s, event.Expired, event.PageView)
		s = &Situation{Site: testSite(), Now: over.Add(-time.Second), Record: no}
		reasons(t, s, event.NoConsent, event.PageView)
		if StateOf(s).Ask {
			t.Errorf("refused at %s: asked again before the lifetime is over", made)
		}
	}
}

func TestStateUnderTheSignal(t *testing.T) {
	given := accepted()
	given.Signal = true
	cases := []struct {
		name   string
		record Record
		regime site.Regime
		want   Decision // marketing's
	}{
		{"nothing decided", Record{}, site.OptIn, Denied},
		{"nothing decided", Record{}, site.OptOut, Denied},
		{"granted without the signal", accepted(), site.OptIn, Denied},
		{"granted while it was sent", given, site.OptIn, Granted},
		{"granted while it was sent", given, site.OptOut, Denied},
	}
	for _, c := range cases {
		st := StateOf(&Situation{Site: testSite(), Regime: c.regime, Now: today, GPC: true, Record: c.record})
		if got := st.Decisions[site.Marketing]; got != c.want {
			t.Errorf("%s, %s: marketing is %s, want %s", c.name, c.regime, got, c.want)
		}
		if c.record.Site != "" && st.Decisions[site.Analytics] != Granted {
			t.Errorf("%s, %s: the signal changed analytics", c.name, c.regime)
		}
	}
}

// A decision holds on every node: what a visitor said must not be rewritten
// because an answer came from another region.
func TestStateDoesNotDependOnTheNode(t *testing.T) {
	r := accepted()
	r.Choices[site.CrossBorder] = Choice{}
	home := StateOf(&Situation{Site: testSite(), Now: today, Record: r})
	away := StateOf(&Situation{Site: testSite(), Now: today, Record: r, Away: true})
	if home != away {
		t.Errorf("at home %v, away %v", home, away)
	}
}
