package consent

import (
	"slices"
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestNarrows(t *testing.T) {
	with := func(change func(*Record)) Record {
		r := accepted()
		change(&r)
		return r
	}
	ga4Off := with(func(r *Record) { r.SetService("ga4", false) })
	ga4On := with(func(r *Record) { r.SetService("ga4", true) })
	cases := []struct {
		name     string
		old, new Record
		want     bool
	}{
		{"first yes", Record{}, accepted(), false},
		{"first no", Record{}, refused(), false},
		{"no after no", refused(), refused(), false},
		{"yes after no", refused(), accepted(), false},
		{"the same again", accepted(), accepted(), false},
		{"no after yes", accepted(), refused(), true},
		{"one purpose less", accepted(), with(func(r *Record) { r.Choices[site.Marketing].Decision = Denied }), true},
		{"one purpose unset", accepted(), with(func(r *Record) { r.Choices[site.CrossBorder] = Choice{} }), true},
		{"a service less, switched on before", ga4On, ga4Off, true},
		{"a service less, never switched before", accepted(), ga4Off, true},
		{"a service still off", ga4Off, ga4Off, false},
		{"a service more", ga4Off, ga4On, false},
		{"a service off after a no", refused(), ga4Off, false},
		{"a minor after all", with(func(r *Record) { r.Age = Adult }), with(func(r *Record) { r.Age = Minor }), true},
		{"the guardian took it back", with(func(r *Record) { r.Age, r.Guardian = Minor, true }), with(func(r *Record) { r.Age = Minor }), true},
		{"a guardian agrees", with(func(r *Record) { r.Age = Minor }), with(func(r *Record) { r.Age, r.Guardian = Minor, true }), false},
	}
	for _, c := range cases {
		if got := c.new.Narrows(&c.old); got != c.want {
			t.Errorf("%s: narrows %t, want %t", c.name, got, c.want)
		}
	}
}

func TestSetServiceKeepsOrder(t *testing.T) {
	var r Record
	for _, id := range []string{"meta", "ga4", "zz", "clarity", "ga4"} {
		r.SetService(id, id == "ga4")
	}
	want := []ServiceChoice{{"clarity", false}, {"ga4", true}, {"meta", false}, {"zz", false}}
	if !slices.Equal(r.Services, want) {
		t.Errorf("services %v, want %v", r.Services, want)
	}
	if !r.ServiceGranted("ga4") || r.ServiceGranted("meta") || !r.ServiceGranted("unnamed") {
		t.Error("ServiceGranted does not say what was set")
	}
}

func TestLedgerNamesEveryDecision(t *testing.T) {
	r := accepted()
	r.Choices[site.Marketing] = Choice{Denied, 3}
	r.Choices[site.Preferences] = Choice{}
	r.SetService("ga4", false)
	purposes, services := r.Ledger()
	if want := []event.PurposeDecision{{Purpose: "analytics", Version: 2, Granted: true}, {Purpose: "marketing", Version: 3}, {Purpose: "cross_border", Version: 2, Granted: true}}; !slices.Equal(purposes, want) {
		t.Errorf("purposes %v, want %v", purposes, want)
	}
	if want := []event.ServiceDecision{{Service: "ga4"}}; !slices.Equal(services, want) {
		t.Errorf("services %v, want %v", services, want)
	}
}

func TestParseAge(t *testing.T) {
	for _, a := range []Age{NotAsked, Unanswered, Adult, Minor} {
		if got, err := ParseAge(a.String()); got != a || err != nil {
			t.Errorf("ParseAge(%q) = %d, %v", a, got, err)
		}
	}
	for _, bad := range []string{"Adult", "17", "adult ", "child"} {
		if got, err := ParseAge(bad); err == nil || got != NotAsked {
			t.Errorf("ParseAge(%q) = %d without an error", bad, got)
		}
	}
}
