package site

import (
	"fmt"
	"strings"
)

// Regime says which rule holds for a visit that has not chosen yet.
type Regime uint8

const (
	// OptIn: nothing beyond the necessary before a yes. The default
	// everywhere, and the answer for every unknown place.
	OptIn Regime = iota
	// OptOut: counted without identifier until the visitor says no, only
	// where a site names the place and its law allows it.
	OptOut
)

// String returns the regime's name in the configuration.
func (r Regime) String() string {
	if r == OptOut {
		return "opt_out"
	}
	return "opt_in"
}

// ParseRegime finds a regime by its name.
func ParseRegime(name string) (Regime, error) {
	switch name {
	case "opt_in":
		return OptIn, nil
	case "opt_out":
		return OptOut, nil
	}
	return OptIn, fmt.Errorf("unknown regime %q: write opt_in or opt_out", name)
}

// Regimes maps places to regimes: a region ("US-CA"), a country ("US"), or
// "default".
type Regimes map[string]Regime

// At returns the regime for a place: by region, then by country, then the
// default. Where the country is known but its region is not, and the site has
// rows for regions of that country, the strictest of that country's rows
// counts: a visitor who may be in California is treated as if there.
func (r Regimes) At(country, region string) Regime {
	if country == "" {
		return OptIn
	}
	if region != "" {
		if v, ok := r[region]; ok {
			return v
		}
	}
	own, known := r[country]
	if !known {
		own = r["default"]
	}
	if region == "" && own == OptOut && r.anyStricterRegion(country) {
		return OptIn
	}
	return own
}

func (r Regimes) anyStricterRegion(country string) bool {
	for place, v := range r {
		if v == OptIn && strings.HasPrefix(place, country+"-") {
			return true
		}
	}
	return false
}
