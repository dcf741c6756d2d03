package report

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// narrowings choose by each way there is: a value, some, a beginning, all
// others, and what a session saw or began on.
var narrowings = [][]string{
	{"country:DE"},
	{"country:DE", "country:FR", "-device:mobile"},
	{"browser:Saf*", "-language:zh"},
	{"page:s.example/cart"},
	{"-page:s.example/shop*"},
	{"entry_page:s.example/", "-country:CN"},
	{"-entry_page:s.example/cart"},
}

// narrowedBehaviourEqualsACount compares funnels, retention, attribution, pages
// and mail over chosen events with their definitions over those events.
func narrowedBehaviourEqualsACount(t *testing.T, db *store.Store) {
	for report, check := range map[string]func(*testing.T, *store.Store, string) func(*testing.T, []string){
		"funnel":      narrowedFunnel,
		"retention":   narrowedRetention,
		"attribution": narrowedAttribution,
		"pages":       narrowedPages,
		"mail":        narrowedMail,
	} {
		compare := check(t, db, "narrowed-"+report)
		for _, filters := range narrowings {
			if !choosesEvents(report, filters) {
				continue
			}
			t.Run(report+" "+strings.Join(filters, " "), func(t *testing.T) { compare(t, filters) })
		}
	}
}

// choosesEvents reports whether the filters are of columns that the report has,
// and none of its own, which choose among its rows.
func choosesEvents(report string, filters []string) bool {
	return !slices.ContainsFunc(filters, func(text string) bool {
		f, err := ParseFilter(text)
		return err != nil || slices.Contains(Dimensions(report), f.Column) || !slices.Contains(FilterColumns(report), f.Column)
	})
}

// chosenOf returns the events that filters choose.
func chosenOf(events []*event.Event, q Query) []*event.Event {
	chosen := chooser(events, q.Filters, q)
	return slices.DeleteFunc(slices.Clone(events), func(e *event.Event) bool { return e.Agent.Machine || !chosen(e) })
}

func narrowedFunnel(t *testing.T, db *store.Store, id string) func(*testing.T, []string) {
	g, events := walks(t, id, 3000)
	g.site.MinGroup = 1
	insert(t, db, id, store.Batch{Events: events})
	return func(t *testing.T, filters []string) {
		q := query(t, g.site, "2026-09-28", "2026-10-02", filters...)
		steps := []string{"visit", "page:/cart", "conversion"}
		if slices.Contains(filters, "-page:s.example/shop*") {
			steps[0] = "event:signup"
		}
		if err := q.Set("step", steps); err != nil {
			t.Fatal(err)
		}
		if err := q.Set("window", []string{"2"}); err != nil {
			t.Fatal(err)
		}
		checkFunnel(t, answer(t, db, "funnel", q), chosenOf(events, q), q, steps)
	}
}

func narrowedRetention(t *testing.T, db *store.Store, id string) func(*testing.T, []string) {
	g := &traffic{Rand: rand.New(rand.NewPCG(27, 28)), site: newSite(t, id, "America/New_York", "EUR"), start: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), days: 60}
	g.site.MinGroup = 1
	var events []*event.Event
	for _, e := range g.events(8000) {
		e.Visitor = 1 + g.Uint64N(300) // seen before the range, most of them
		e.Session = e.Visitor<<8 | g.Uint64N(12)
		events = append(events, e)
	}
	insert(t, db, id, store.Batch{Events: events})
	return func(t *testing.T, filters []string) {
		q := query(t, g.site, "2026-09-16", "2026-10-25", filters...)
		ever := q
		ever.From -= 100 // sessions long ago saw pages too
		checkRetention(t, answer(t, db, "retention", q), weeksSeen(chosenOf(events, ever), q), q)
	}
}

// narrowedAttribution: filters choose conversions, and their ways stay whole.
func narrowedAttribution(t *testing.T, db *store.Store, id string) func(*testing.T, []string) {
	g, events := shops(t, rand.New(rand.NewPCG(29, 30)), id, "Asia/Shanghai", 4000)
	g.site.MinGroup = 1
	insert(t, db, id, store.Batch{Events: events})
	return func(t *testing.T, filters []string) {
		q := query(t, g.site, "2026-09-10", "2026-10-20", filters...)
		if err := q.Set("lookback", []string{"30"}); err != nil {
			t.Fatal(err)
		}
		chosen := chooser(events, q.Filters, q)
		ways := slices.DeleteFunc(walk(events, q, 30), func(w walked) bool { return !chosen(w.sale) })
		checkModels(t, answer(t, db, "attribution", q), ways)
	}
}

func narrowedPages(t *testing.T, db *store.Store, id string) func(*testing.T, []string) {
	own := newSite(t, id, "America/New_York", "EUR")
	g := &traffic{Rand: rand.New(rand.NewPCG(31, 32)), site: own, start: time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), days: 20}
	events := g.events(4000)
	for _, e := range events {
		e.Path = pick(g, "/", "/cart", "/shop/a", "/shop/b")
	}
	insert(t, db, id, store.Batch{Events: events})
	return func(t *testing.T, filters []string) {
		q := query(t, own, "2026-10-28", "2026-11-07", filters...)
		checkPages(t, answer(t, db, "pages", q), chosenOf(events, q), q)
	}
}

func narrowedMail(t *testing.T, db *store.Store, id string) func(*testing.T, []string) {
	own := newSite(t, id, "Asia/Shanghai", "CNY")
	own.MinGroup = 1
	g := &traffic{Rand: rand.New(rand.NewPCG(33, 34)), site: own, start: time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC), days: 4}
	events := newsletters(g, 3000)
	insert(t, db, id, store.Batch{Events: events})
	return func(t *testing.T, filters []string) {
		q := query(t, own, "2026-11-19", "2026-11-20", filters...)
		chosen := chooser(events, q.Filters, q)
		checkMail(t, answer(t, db, "mail", q), slices.DeleteFunc(slices.Clone(events), func(e *event.Event) bool { return !chosen(e) }), q)
	}
}
