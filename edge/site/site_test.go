package site

import (
	"net/url"
	"testing"
	"time"
)

func TestCovers(t *testing.T) {
	s := &Site{Domains: []string{"shop.example", "xn--bcher-kva.example", "127.0.0.1", "localhost", "::1"}}
	for host, want := range map[string]bool{
		"shop.example":                  true,
		"www.shop.example":              true,
		"a.b.c.shop.example":            true,
		"www.xn--bcher-kva.example":     true,
		"127.0.0.1":                     true,
		"localhost":                     true,
		"::1":                           true,
		"":                              false,
		".":                             false,
		"example":                       false,
		"hop.example":                   false,
		"evilshop.example":              false,
		"shop.example.evil.test":        false,
		"shop.example.":                 false,
		"shop.example:8080":             false,
		"shop-example":                  false,
		"www.shop.example.co":           false,
		"127.0.0.11":                    false,
		"www.shop.example/.evil.test":   false,
		"evil.test?x=.shop.example.com": false,
	} {
		if got := s.Covers(host); got != want {
			t.Errorf("Covers(%q) = %t, want %t", host, got, want)
		}
	}
	if (&Site{}).Covers("") || (&Site{}).Covers("shop.example") {
		t.Error("a site without domains covers a host")
	}
}

func TestTrusts(t *testing.T) {
	endpoint := func(text string) *url.URL {
		u, err := ParseEndpoint(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	s := &Site{
		Domains:   []string{"shop.example"},
		Endpoints: []*url.URL{endpoint("https://T.stats.test:8443/kj"), endpoint("http://[::1]:8080")},
	}
	for host, want := range map[string]bool{
		"shop.example": true, "www.shop.example": true, "t.stats.test": true, "::1": true,
		// An endpoint is one host, not a domain.
		"stats.test": false, "a.t.stats.test": false, "evil.test": false, "": false, "null": false,
	} {
		if got := s.Trusts(host); got != want {
			t.Errorf("Trusts(%q) = %t, want %t", host, got, want)
		}
	}
}

func TestLocalDay(t *testing.T) {
	day := func(text string) int32 {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return int32(d.Unix() / 86400)
	}
	for _, c := range []struct{ zone, utc, want string }{
		{"UTC", "2026-11-24T23:59:59Z", "2026-11-24"},
		{"UTC", "2026-11-25T00:00:00Z", "2026-11-25"},
		{"Asia/Shanghai", "2026-11-24T15:59:59Z", "2026-11-24"},
		{"Asia/Shanghai", "2026-11-24T16:00:00Z", "2026-11-25"},
		// Clocks go forward on 29 March 2026 in Berlin: that day has 23 hours.
		{"Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28"},
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"},
		{"Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"},
		{"Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"},
		// And back on 25 October: 25 hours.
		{"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25"},
		{"Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"},
		{"Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"},
		// Where midnight itself does not exist (Beirut, 29 March 2026, 0:00 to 1:00).
		{"Asia/Beirut", "2026-03-28T21:59:59Z", "2026-03-28"},
		{"Asia/Beirut", "2026-03-28T22:00:00Z", "2026-03-29"},
		// Samoa had no 30 December 2011.
		{"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"},
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"},
		{"America/New_York", "1969-12-31T23:00:00Z", "1969-12-31"},
		{"America/New_York", "1970-01-01T02:00:00Z", "1969-12-31"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Site{Zone: zone}).LocalDay(at); got != day(c.want) {
			t.Errorf("%s in %s: day %d, want %d (%s)", c.utc, c.zone, got, day(c.want), c.want)
		}
	}
}

// Days follow one another without a gap or a step back, whatever the clocks do.
func TestLocalDayNeverGoesBack(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &Site{Zone: zone}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		last := s.LocalDay(at)
		for range 365 * 48 {
			at = at.Add(30 * time.Minute)
			day := s.LocalDay(at)
			if day < last || day > last+1 {
				t.Fatalf("%s: day %d after %d at %s", name, day, last, at)
			}
			last = day
		}
	}
}

func TestUsesAndService(t *testing.T) {
	s := &Site{
		Purposes:   []PurposeUse{{Analytics, 3}},
		Services:   []Service{{ID: "ga4", Purpose: Analytics}},
		EventProps: map[string][]string{"search": {"query"}},
	}
	if u, ok := s.Uses(Analytics); !ok || u.Version != 3 {
		t.Errorf("Uses(analytics) = %v, %t", u, ok)
	}
	for _, p := range []Purpose{Necessary, Preferences, Marketing, CrossBorder, MailOpen, MailClick} {
		if _, ok := s.Uses(p); ok {
			t.Errorf("the site uses %s without naming it", p)
		}
	}
	if sv, ok := s.Service("ga4"); !ok || sv != &s.Services[0] {
		t.Error("the declared service is not found")
	}
	if _, ok := s.Service("ga"); ok {
		t.Error("a service is found that nobody declared")
	}
	if len(s.Props("search")) != 1 || s.Props("other") != nil {
		t.Error("props are not those of the event's name")
	}
}
