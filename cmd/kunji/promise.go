package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// What a site's visitors were told when they answered may not grow behind
// their backs: whatever is kept longer, used for more, or shared with more
// needs a material policy version, which asks everybody again (policy 9.3;
// GDPR Art. 13(3); PIPL Art. 14). A running service refuses a configuration
// that widens a site without one.

// widening is one way in which a site would do more than was promised.
type widening struct{ key, message string }

// widened compares the sites of a new configuration with those in use, and
// returns a problem for every promise that would be broken; at tells where in
// the file a key stands.
func widened(old, next []*site.Site, at func(path string) place) Problems {
	var problems Problems
	for i, s := range next {
		before := slices.IndexFunc(old, func(o *site.Site) bool { return o.ID == s.ID })
		if before < 0 || s.Policy.AskedSince() > old[before].Policy.AskedSince() {
			continue // new, or everybody is asked again
		}
		for _, w := range widenings(old[before], s) {
			path := indexed("sites", i) + "." + w.key
			problems = append(problems, Problem{
				place: at(path), Path: path,
				Message: w.message + ": write a material policy version for it, which asks visitors again, or take it back",
			})
		}
	}
	return problems
}

// widenings lists what next does beyond old. What it does less needs nothing.
func widenings(old, next *site.Site) []widening {
	var all []widening
	add := func(key, format string, args ...any) {
		all = append(all, widening{key, fmt.Sprintf(format, args...)})
	}
	longer := func(key, what string, old, next time.Duration) {
		if next > old {
			add(key, "%s would be %s instead of %s", what, days(next), days(old))
		}
	}
	longer("retention.events", "events' term", old.RetainEvents, next.RetainEvents)
	longer("retention.consents", "consent records' term", old.RetainConsents, next.RetainConsents)
	longer("consent_lifetime", "a consent's life", old.ConsentLifetime, next.ConsentLifetime)
	for _, p := range next.Purposes {
		switch was, used := old.Uses(p.ID); {
		case !used:
			add("purposes", "%s is a new purpose", p.ID)
		case p.Version > was.Version:
			add("purposes", "%s is used more widely (version %d instead of %d)", p.ID, p.Version, was.Version)
		}
	}
	for i, s := range next.Services {
		was, known := old.Service(s.ID)
		key := indexed("services", i)
		switch {
		case !known:
			add(key, "%s is a new service", s.ID)
		case s.Purpose != was.Purpose:
			add(key+".purpose", "%s would serve %s instead of %s", s.ID, s.Purpose, was.Purpose)
		case s.Provider != was.Provider || s.Country != was.Country:
			add(key+".provider", "%s would give data to another recipient", s.ID)
		case s.Data != was.Data || s.Use != was.Use || s.Retention != was.Retention:
			add(key, "%s would collect, use or keep other data than was said", s.ID)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.EventProps)) {
		for _, prop := range next.EventProps[name] {
			if !slices.Contains(old.EventProps[name], prop) {
				add("event_props."+name, "%s is a new prop of %s", prop, name)
			}
		}
	}
	places := maps.Clone(map[string]site.Regime(old.Regimes))
	maps.Copy(places, next.Regimes)
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if regimeOf(next, place) == site.OptOut && regimeOf(old, place) != site.OptOut {
			add("regimes."+place, "visits from %s would be counted before the visitor chose", place)
		}
	}
	if old.Minors.Ask && (!next.Minors.Ask || next.Minors.Age < old.Minors.Age) {
		add("minors", "fewer minors would be protected")
	}
	return all
}

// regimeOf is a site's regime at a place as regimes are written: "default", a
// country or a region.
func regimeOf(s *site.Site, place string) site.Regime {
	if place == "default" {
		return s.Regimes[place]
	}
	country, _, regional := strings.Cut(place, "-")
	if !regional {
		place = ""
	}
	return s.Regimes.At(country, place)
}

func days(d time.Duration) string { return counted(int(d/day), "day", "days") }
