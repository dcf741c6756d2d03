package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// textOf says what an event has for a column, by the definition of filters.
func textOf(e *event.Event, column string) string {
	source := func(text string) string {
		if !e.Attributed {
			return "(not consented)"
		}
		return text
	}
	switch column {
	case "source":
		if e.Campaign.Source == "" {
			return source(e.Campaign.Channel)
		}
		return source(e.Campaign.Source)
	case "medium":
		return source(e.Campaign.Medium)
	case "channel":
		return source(e.Campaign.Channel)
	case "country":
		return e.Place.Country
	case "region":
		return e.Place.Region
	case "device":
		return e.Agent.Device
	case "browser":
		return e.Agent.Browser
	case "os":
		return e.Agent.OS
	case "language":
		return e.Language
	}
	panic("the test knows no " + column)
}

// chooser is the definition of filters in plain Go: what fits every one, where
// pages choose the sessions that saw them, or began on them.
func chooser(events []*event.Event, filters []Filter, q Query) func(*event.Event) bool {
	near := func(e *event.Event) bool {
		day := Day(e.Time.Unix() / 86400)
		return day >= q.From-1 && day <= q.To+1
	}
	sessions := map[string]map[uint64]bool{}
	for _, f := range filters {
		kind := map[string]event.Kind{"page": event.PageView, "entry_page": event.Visit}[f.Column]
		if kind == 0 {
			continue
		}
		in := map[uint64]bool{}
		for _, e := range events {
			if e.Site == q.Site.ID && e.Kind == kind && e.Session != 0 && near(e) && !e.Agent.Machine && f.fits(e.Host+e.Path) {
				in[e.Session] = true
			}
		}
		sessions[f.String()] = in
	}
	return func(e *event.Event) bool {
		any, wanted := map[string]bool{}, map[string]bool{}
		for _, f := range filters {
			var fits bool
			switch {
			case f.Column == "page" && e.Session == 0:
				fits = f.fits(e.Host + e.Path)
			case f.Column == "page", f.Column == "entry_page":
				fits = e.Session != 0 && sessions[f.String()][e.Session]
			default:
				fits = f.fits(textOf(e, f.Column))
			}
			if f.Not && fits {
				return false
			}
			if !f.Not {
				wanted[f.Column] = true
				any[f.Column] = any[f.Column] || fits
			}
		}
		return allOf(wanted, any)
	}
}

func allOf(wanted, found map[string]bool) bool {
	for column := range wanted {
		if !found[column] {
			return false
		}
	}
	return true
}

// narrowedReportsEqualACount compares reports over chosen events with a count
// of those events in plain Go.
func narrowedReportsEqualACount(t *testing.T, db *store.Store) {
	own := newSite(t, "narrow", "America/New_York", "EUR")
	g := &traffic{Rand: rand.New(rand.NewPCG(8, 9)), site: own, start: time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), days: 20}
	events := g.events(6000)
	insert(t, db, "narrow", store.Batch{Events: events})
	for _, filters := range [][]string{
		{"country:DE"},
		{"country:DE", "country:FR", "-device:mobile"},
		{"browser:Saf*", "os:iOS"},
		{"-language:zh", "region:"},
		{"page:s.example/cart"},
		{"-page:s.example/tea*"},
		{"entry_page:s.example/", "country:CN"},
		{"source:(not consented)"},
		{"source:Direct", "language:en"},
		{"-source:google", "medium:email", "medium:cpc"},
	} {
		q := query(t, own, "2026-10-28", "2026-11-07", filters...)
		for _, name := range []string{"campaigns", "channels"}[:1+len(filters)%2] {
			if slices.ContainsFunc(q.Filters, func(f Filter) bool { return slices.Contains(Dimensions(name), f.Column) }) {
				continue // there it chooses among the rows
			}
			t.Run(name+" "+strings.Join(filters, " "), func(t *testing.T) {
				got := answer(t, db, name, q)
				checkNarrowed(t, name, got, countChosen(name, events, q, chooser(events, q.Filters, q)), own.MinGroup)
			})
		}
		t.Run("timeseries "+strings.Join(filters, " "), func(t *testing.T) {
			series := answer(t, db, "timeseries", q)
			total := &counted{}
			for _, c := range countChosen("campaigns", events, q, chooser(events, q.Filters, q)) {
				total.add(c)
			}
			want := fmt.Sprint(total.impressions, total.clicks, total.visits, len(total.visitors), total.orders, Money(total.value), Money(total.refunds))
			var got []any
			for _, name := range []string{"impressions", "clicks", "visits", "visitors", "conversions", "value", "refunds"} {
				got = append(got, series.Total(name))
			}
			if strings.Trim(fmt.Sprint(got), "[]") != want {
				t.Errorf("totals %v, want %s", got, want)
			}
		})
	}
}

// checkNarrowed is checkCount for a report that has no costs.
func checkNarrowed(t *testing.T, name string, got *Table, all []*counted, least int) {
	t.Helper()
	if got.Meta.Withheld || len(got.Rows) == 0 {
		t.Fatalf("no figures: %+v", got.Meta)
	}
	checkCount(t, name, got, all, least)
}

// filtersNameNoHandful: a filter that chooses a handful, or leaves one out, has
// no figures, and a name that nobody has looks the same.
func filtersNameNoHandful(t *testing.T, db *store.Store) {
	own := newSite(t, "handful", "UTC", "EUR")
	var events []*event.Event
	for i, e := range visits("handful", "c", 1, 40) {
		e.Place.Country = []string{"CN", "DE"}[i%2]
		e.Agent.Device = "desktop"
		if i < 4 {
			e.Agent.Device = "tablet"
		}
		e.Agent.Browser = "Chrome"
		if i < 20 {
			e.Agent.Browser = []string{"Opera", "Firefox"}[min(i/3, 1)]
		}
		events = append(events, e)
	}
	var notices []*event.Notice
	for _, n := range []struct {
		language string
		count    uint32
	}{{"zh", 40}, {"en", 30}, {"de", 3}} {
		notices = append(notices, &event.Notice{Site: "handful", Day: events[0].LocalDay, Outcome: event.Shown, Country: "CN", Language: n.language, Count: n.count})
	}
	insert(t, db, "handful", store.Batch{Events: events, Notices: notices})
	f := func(report string, withheld bool, filters ...string) {
		t.Helper()
		got := answer(t, db, report, query(t, own, "2026-11-20", "2026-11-20", filters...))
		if got.Meta.Withheld != withheld || withheld != (len(got.Rows) == 0) || withheld && len(got.Totals) > 0 {
			t.Errorf("%s by %v: withheld %v, %d rows, totals %v; want withheld %v", report, filters, got.Meta.Withheld, len(got.Rows), got.Totals, withheld)
		}
	}
	for _, report := range []string{"campaigns", "channels", "timeseries", "pages", "retention", "funnel"} {
		f(report, false, "country:CN")
		f(report, true, "device:tablet")                   // four people
		f(report, true, "device:desktop")                  // leaves the four out
		f(report, true, "-device:tablet")                  // the same
		f(report, true, "country:CN", "device:desktop")    // leaves out two of CN
		f(report, true, "device:watch")                    // nobody
		f(report, true, "device:tablet", "device:desktop") // the four more than before
		f(report, false, "browser:Firefox")
		f(report, true, "browser:Firefox", "browser:Opera") // the three more than before
	}
	f("consent", false, "language:zh")
	f("consent", true, "language:zh", "language:de")
	f("consent", true, "language:de")
	f("consent", true, "-language:de")
	if _, err := Run(t.Context(), db, "consent", query(t, own, "2026-11-20", "2026-11-20", "browser:Safari")); err == nil {
		t.Error("counters of banners know no browser")
	}
	if _, err := Run(t.Context(), db, "campaigns", query(t, own, "2026-11-20", "2026-11-20", "bot:maybe")); err == nil {
		t.Error("bot is yes or no")
	}
}

// overlapsNameNoHandful: whom a value has in common with the others of its column
// it does not tell of; whom it alone adds it does.
func overlapsNameNoHandful(t *testing.T, db *store.Store) {
	own := newSite(t, "overlap", "UTC", "EUR")
	var events []*event.Event
	see := func(page string, from, to uint64) {
		for _, e := range seenOn("overlap", "CN", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), from, to) {
			e.Host, e.Path = "s.example", page
			copy(e.ID[8:], page)
			events = append(events, e)
		}
	}
	see("/a", 1, 40)
	see("/b", 20, 42) // two that did not see /a
	see("/c", 30, 60)
	see("/d", 1, 3) // all of them saw /a
	insert(t, db, "overlap", store.Batch{Events: events})
	for filters, withheld := range map[string]bool{"/a": false, "/b": false, "/a /b": true, "/a /c": false, "/d": true, "/a /d": false} {
		var all []string
		for _, page := range strings.Fields(filters) {
			all = append(all, "page:s.example"+page)
		}
		if got := answer(t, db, "timeseries", query(t, own, "2026-11-20", "2026-11-20", all...)); got.Meta.Withheld != withheld {
			t.Errorf("%s: withheld %v, want %v", filters, got.Meta.Withheld, withheld)
		}
	}
}

func TestFiltersAreReadAndWritten(t *testing.T) {
	f := func(text string, want Filter) {
		t.Helper()
		if got, err := ParseFilter(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q is %+v (%v) and %q, want %+v", text, got, err, got.String(), want)
		}
	}
	f("source:google", Filter{"source", "google", false})
	f("-page:a.example/x:y*", Filter{"page", "a.example/x:y*", true})
	f("term:", Filter{"term", "", false})
	for _, wrong := range []string{"", "source", ":x", "-:x"} {
		if _, err := ParseFilter(wrong); err == nil {
			t.Errorf("%q is no filter", wrong)
		}
	}
}
