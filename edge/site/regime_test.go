package site

import "testing"

func TestRegimesAt(t *testing.T) {
	usOptOut := Regimes{"default": OptIn, "US": OptOut, "US-CA": OptIn, "CH": OptOut}
	caOnly := Regimes{"default": OptIn, "US-CA": OptOut}
	everywhere := Regimes{"default": OptOut, "DE": OptIn, "US-CA": OptIn, "CA-QC": OptIn}
	cases := []struct {
		regimes         Regimes
		country, region string
		want            Regime
	}{
		// Contract: looked up region, country, default.
		{usOptOut, "US", "US-CA", OptIn},
		{usOptOut, "US", "US-TX", OptOut},
		{usOptOut, "CH", "CH-ZH", OptOut},
		{usOptOut, "DE", "DE-BE", OptIn},
		{caOnly, "US", "US-CA", OptOut},
		{caOnly, "US", "US-NV", OptIn},
		{everywhere, "US", "US-TX", OptOut},
		{everywhere, "DE", "DE-BE", OptIn},
		{everywhere, "JP", "JP-13", OptOut},
		// A region unknown in its country gets the strictest of its rows.
		{usOptOut, "US", "", OptIn},
		{everywhere, "US", "", OptIn},
		{everywhere, "CA", "", OptIn},
		{everywhere, "JP", "", OptOut},
		{caOnly, "US", "", OptIn},
		{usOptOut, "CH", "", OptOut},
		// CA is Canada's code as well as California's: no row leaks over.
		{Regimes{"default": OptOut, "US-CA": OptIn}, "CA", "", OptOut},
		{Regimes{"default": OptIn, "CA": OptOut}, "US", "US-CA", OptIn},
		// An unknown place is opt_in, whatever the default.
		{everywhere, "", "", OptIn},
		{everywhere, "", "US-TX", OptIn},
		// Using a site is never consent: no row, no opt_out.
		{nil, "US", "US-TX", OptIn},
		{Regimes{}, "US", "", OptIn},
		{Regimes{"CH": OptOut}, "US", "", OptIn},
	}
	for _, c := range cases {
		if got := c.regimes.At(c.country, c.region); got != c.want {
			t.Errorf("%v at %q %q: %s, want %s", c.regimes, c.country, c.region, got, c.want)
		}
	}
}

// Whatever a site names, not knowing the region never helps the site.
func TestUnknownRegionIsNeverLaxer(t *testing.T) {
	values := []string{"", "in", "out"}
	set := func(r Regimes, place, v string) {
		if v != "" {
			r[place] = map[string]Regime{"in": OptIn, "out": OptOut}[v]
		}
	}
	for _, byDefault := range values {
		for _, us := range values {
			for _, ca := range values {
				for _, tx := range values {
					r := Regimes{}
					set(r, "default", byDefault)
					set(r, "US", us)
					set(r, "US-CA", ca)
					set(r, "US-TX", tx)
					unknown := r.At("US", "")
					for _, region := range []string{"US-CA", "US-TX", "US-NV"} {
						if unknown == OptOut && r.At("US", region) == OptIn {
							t.Errorf("%v: opt_out for an unknown region, though %s is opt_in", r, region)
						}
					}
				}
			}
		}
	}
}

func TestParseRegime(t *testing.T) {
	for _, r := range []Regime{OptIn, OptOut} {
		if got, err := ParseRegime(r.String()); got != r || err != nil {
			t.Errorf("ParseRegime(%q) = %s, %v", r, got, err)
		}
	}
	for _, bad := range []string{"", "optout", "OPT_OUT", "opt-out", "none"} {
		if got, err := ParseRegime(bad); err == nil || got != OptIn {
			t.Errorf("ParseRegime(%q) = %s, %v; want opt_in and an error", bad, got, err)
		}
	}
}
