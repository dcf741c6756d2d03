package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// What a site's visitors were told when they answered may not grow behind
// their backs: whatever is kept longer, used for more, or shared with more
// needs a material policy version, which asks everybody again (policy 9.3;
// GDPR Art. 13(3); PIPL Art. 14). A configuration that widens a site without
// one is refused, by a running service and by one that starts: what was
// promised last is kept in data_dir/promises.json.

// promise is what the visitors of one site were told, as far as it can widen.
type promise struct {
	Site            string
	Made            bool // the demo's: its visitors are nobody
	AskedSince      int  // the newest material policy version
	RetainEvents    time.Duration
	RetainConsents  time.Duration
	ConsentLifetime time.Duration
	Purposes        []site.PurposeUse
	Services        []site.Service
	CrossBorder     map[string]site.Transfer // absent in files of before it was kept
	EventProps      map[string][]string
	Regimes         site.Regimes
	Minors          site.Minors
}

func promiseOf(s *site.Site) promise {
	return promise{
		Site: s.ID, Made: s.Made, AskedSince: s.Policy.AskedSince(),
		RetainEvents: s.RetainEvents, RetainConsents: s.RetainConsents, ConsentLifetime: s.ConsentLifetime,
		Purposes: s.Purposes, Services: s.Services, CrossBorder: s.CrossBorder, EventProps: s.EventProps, Regimes: s.Regimes, Minors: s.Minors,
	}
}

// promises are those of all sites, in the order of the configuration.
type promises []promise

func promisesOf(sites []*site.Site) promises {
	all := make(promises, len(sites))
	for i, s := range sites {
		all[i] = promiseOf(s)
	}
	return all
}

const promisesFile = "promises.json"

// readPromises returns what a service on dataDir promised last; none where
// none ran yet.
func readPromises(dataDir string) (promises, error) {
	path := filepath.Join(dataDir, promisesFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all promises
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was promised to visitors, %s: %w", path, err)
	}
	return all, nil
}

// save keeps the promises, and those of sites that are not configured any
// more: a site that comes back later is held to what it said. The file is
// replaced whole.
func (ps promises) save(dataDir string, before promises) error {
	all := slices.Clone(ps)
	for _, p := range before {
		if !slices.ContainsFunc(ps, func(q promise) bool { return q.Site == p.Site }) {
			all = append(all, p)
		}
	}
	b, err := json.MarshalIndent(all, "", "  ")
	path := filepath.Join(dataDir, promisesFile)
	if err == nil {
		err = os.WriteFile(path+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("keep what is promised to visitors: %w", err)
	}
	return nil
}

// keepPromises refuses a configuration that breaks what a service on dataDir
// promised, and keeps what it promises now.
func keepPromises(cfg *Config, dataDir string) error {
	before, err := readPromises(dataDir)
	if err != nil {
		return err
	}
	now := promisesOf(cfg.Sites)
	data, err := os.ReadFile(cfg.Path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if problems := widened(before, now, readDocument(cfg.Path, data).at); len(problems) > 0 {
		return problems
	}
	return now.save(dataDir, before)
}

// widening is one way in which a site would do more than was promised.
type widening struct{ key, message string }

// widened compares new promises with those before them, and returns a problem
// for every one that would be broken; at tells where in the file a key stands.
func widened(old, next promises, at func(path string) place) Problems {
	var problems Problems
	for i, p := range next {
		before := slices.IndexFunc(old, func(o promise) bool { return o.Site == p.Site })
		if before < 0 || p.Made || p.AskedSince > old[before].AskedSince {
			continue // new, or nobody real, or everybody is asked again
		}
		for _, w := range widenings(old[before], p) {
			path := indexed("sites", i) + "." + w.key
			problems = append(problems, Problem{
				place: at(path), Path: path,
				Message: w.message + ": write a material policy version for it, which asks visitors again, or take it back (where nobody has answered yet, delete " + promisesFile + " in data_dir)",
			})
		}
	}
	return problems
}

// widenings lists what next does beyond old. What it does less needs nothing.
func widenings(old, next promise) []widening {
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
		was := slices.IndexFunc(old.Purposes, func(o site.PurposeUse) bool { return o.ID == p.ID })
		switch {
		case was < 0:
			add("purposes", "%s is a new purpose", p.ID)
		case p.Version > old.Purposes[was].Version:
			add("purposes", "%s is used more widely (version %d instead of %d)", p.ID, p.Version, old.Purposes[was].Version)
		}
	}
	all = append(all, serviceWidenings(old.Services, next.Services)...)
	all = append(all, transferWidenings(old.CrossBorder, next.CrossBorder)...)
	for _, name := range slices.Sorted(maps.Keys(next.EventProps)) {
		for _, prop := range next.EventProps[name] {
			if !slices.Contains(old.EventProps[name], prop) {
				add("event_props."+name, "%s is a new prop of %s", prop, name)
			}
		}
	}
	places := site.Regimes{}
	maps.Copy(places, old.Regimes)
	maps.Copy(places, next.Regimes)
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if regimeOf(next.Regimes, place) == site.OptOut && regimeOf(old.Regimes, place) != site.OptOut {
			add("regimes."+place, "visits from %s would be counted before the visitor chose", place)
		}
	}
	if old.Minors.Ask && (!next.Minors.Ask || next.Minors.Age < old.Minors.Age) {
		add("minors", "fewer minors would be protected")
	}
	return all
}

// serviceWidenings lists what services would collect, use or share beyond what
// was said.
func serviceWidenings(old, next []site.Service) []widening {
	var all []widening
	for i, s := range next {
		at := slices.IndexFunc(old, func(o site.Service) bool { return o.ID == s.ID })
		key := indexed("services", i)
		if at < 0 {
			all = append(all, widening{key, s.ID + " is a new service"})
			continue
		}
		switch was := old[at]; {
		case s.Purpose != was.Purpose:
			all = append(all, widening{key + ".purpose", fmt.Sprintf("%s would serve %s instead of %s", s.ID, s.Purpose, was.Purpose)})
		case s.Provider != was.Provider || s.Country != was.Country:
			all = append(all, widening{key + ".provider", s.ID + " would give data to another recipient"})
		case s.Data != was.Data || s.Use != was.Use || s.Retention != was.Retention:
			all = append(all, widening{key, s.ID + " would collect, use or keep other data than was said"})
		}
	}
	return all
}

// transferWidenings lists where what leaves the region would not go as visitors
// were told. Each of the five facts counts: consent was given to all of them
// (PIPL 39, policy 7.6). A language more is taken for a translation; where none
// is left of those that visitors read, nothing says that it is one.
func transferWidenings(old, next map[string]site.Transfer) []widening {
	var all []widening
	read := false
	for _, lang := range slices.Sorted(maps.Keys(next)) {
		was, told := old[lang]
		read = read || told
		if told && next[lang] != was {
			all = append(all, widening{"cross_border." + lang, "data would leave the region to another recipient or country, or on other terms, than was said"})
		}
	}
	if len(old) > 0 && len(next) > 0 && !read {
		all = append(all, widening{"cross_border", "what leaves the region would be told in no language in which visitors agreed to it"})
	}
	return all
}

// regimeOf is the regime at a place as regimes are written: "default", a
// country or a region.
func regimeOf(all site.Regimes, place string) site.Regime {
	if place == "default" {
		return all[place]
	}
	country, _, regional := strings.Cut(place, "-")
	if !regional {
		place = ""
	}
	return all.At(country, place)
}

func days(d time.Duration) string { return counted(int(d/day), "day", "days") }
