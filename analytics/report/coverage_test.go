package report

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// botsStandApart counts a few machines by hand; people are in none of it.
func botsStandApart(t *testing.T, db *store.Store) {
	own := newSite(t, "bots", "UTC", "EUR")
	events := visits("bots", "people", 1, 9)
	machine := func(reason string, from, to uint64) {
		for _, e := range visits("bots", reason, from, to) {
			e.Agent.Machine, e.Agent.MachineReason, e.Kind = true, reason, event.PageView
			e.Session, e.Host, e.Path = e.Visitor, "s.example", "/"+reason
			events = append(events, e)
		}
	}
	machine("crawler", 20, 39)
	machine("monitor", 40, 46)
	machine("scanner", 50, 51)
	insert(t, db, "bots", store.Batch{Events: events})
	q := query(t, own, "2026-11-20", "2026-11-20")
	want := []string{
		"crawler 20 20 0 0 0 0 0 0",
		"(fewer than 5) 9 9 0 0 0 0 0 0", // two scanners; with the monitors none is alone
		"<nil> 29 29 0 0 0 0 0 0",
	}
	if got := rowsOf(answer(t, db, "bots", q)); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	q.Filters = []Filter{{"bot", "yes", false}}
	if got := answer(t, db, "pages", q); got.Total("page_views") != int64(29) {
		t.Errorf("pages seen by machines: %v, want 29", got.Totals)
	}
	q.Filters = []Filter{{"page", "s.example/crawler", false}}
	if got := answer(t, db, "bots", q); got.Total("hits") != int64(20) {
		t.Errorf("machines in whose sessions a page was seen: %v, want 20", got.Totals)
	}
}

// coverageEqualsItsDefinition compares shares and estimate with the formulas
// written out.
func coverageEqualsItsDefinition(t *testing.T, db *store.Store) {
	own := newSite(t, "cover", "UTC", "EUR")
	var b store.Batch
	add := func(country string, visitors uint64, n ...uint32) {
		for _, e := range visits("cover", country, 1, visitors) {
			e.Place.Country, e.Agent.Device = country, "mobile"
			b.Events = append(b.Events, e)
		}
		for i, outcome := range []event.Outcome{event.Shown, event.Accepted, event.Rejected, event.Saved} {
			b.Notices = append(b.Notices, &event.Notice{Site: "cover", Outcome: outcome, Country: country, Device: "mobile", Count: n[i]})
		}
	}
	add("CN", 40, 200, 50, 30, 20)
	add("DE", 20, 60, 20, 20, 10)
	add("FR", 3, 50, 8, 9, 7)    // few visitors
	add("JP", 10, 40, 10, 10, 5) // goes into the fold: FR alone is three
	for _, n := range b.Notices {
		n.Day = b.Events[0].LocalDay
	}
	insert(t, db, "cover", b)
	q := query(t, own, "2026-11-20", "2026-11-20")
	got := answer(t, db, "coverage", q)
	want := []string{
		fmt.Sprint("CN mobile 40 40 0 200 50 30 20 ", 50/200., " ", 70/100.),
		fmt.Sprint("DE mobile 20 20 0 60 20 20 10 ", 20/60., " ", 30/50.),
		fmt.Sprint("(fewer than 5)  13 13 0 90 18 19 12 ", 18/90., " ", 30/49.),
		fmt.Sprint("<nil> <nil> 73 73 0 350 88 69 42 ", 88/350., " ", 130/199.),
	}
	if rows := rowsOf(got); !slices.Equal(rows, want) || got.More != nil {
		t.Errorf("got %q, more %v\nwant %q", rows, got.More, want)
	}
	if err := q.Set("estimate", []string{"yes"}); err != nil {
		t.Fatal(err)
	}
	got = answer(t, db, "coverage", q)
	// The Wilson interval solves (p - s)² = z² s (1 - s) / n for s.
	const z2 = 1.959963984540054 * 1.959963984540054
	end := func(part, of, sign float64) float64 {
		p := part / of
		a, b, c := 1+z2/of, -2*p-z2/of, p*p
		return (-b + sign*math.Sqrt(b*b-4*a*c)) / (2 * a)
	}
	var low, middle, high float64
	for _, s := range [][5]float64{{40, 50, 200, 70, 100}, {20, 20, 60, 30, 50}, {13, 18, 90, 30, 49}} {
		least, most := end(s[1], s[2], -1), end(s[3], s[4], 1)
		rest := func(share float64) float64 { return s[0] * (1/share - 1) }
		low, middle, high = low+rest(most), middle+rest((least+most)/2), high+rest(least)
	}
	if line := rowsOf(got.Part("estimate"))[1]; line != fmt.Sprintf("visits %d %d %d", int(middle+.5), int(low+.5), int(high+.5)) {
		t.Errorf("estimate %q, want %f, %f to %f", line, middle, low, high)
	}
	if got.Total("visits") != int64(73) {
		t.Errorf("the estimate is in a measured figure: %v", got.Totals)
	}
}

func TestWilsonAtItsEnds(t *testing.T) {
	for _, c := range [][2]int64{{0, 0}, {0, 1}, {1, 1}, {0, 1000}, {1000, 1000}, {3, 7}} {
		low, high := wilson(c[0], c[1])
		p := 0.5
		if c[1] > 0 {
			p = float64(c[0]) / float64(c[1])
		}
		if low < 0 || high > 1 || low > p || high < p {
			t.Errorf("%d of %d: %f to %f", c[0], c[1], low, high)
		}
	}
}

// everyReportIsCompared: no report ignores that it is to be set against an
// earlier period, and the totals are those of that period.
func everyReportIsCompared(t *testing.T, db *store.Store) {
	own := newSite(t, "compared", "America/New_York", "EUR")
	own.MinGroup = 1
	g := visits("compared", "c", 1, 30)
	for i, e := range g {
		e.Time = e.Time.AddDate(0, 0, -i)
		e.LocalDay = own.LocalDay(e.Time)
	}
	insert(t, db, "compared", store.Batch{Events: g})
	for _, name := range Names() {
		q := query(t, own, "2026-11-11", "2026-11-20")
		q.Compare = PreviousPeriod
		got := answer(t, db, name, q)
		if got.Compare == nil || got.Compare.From.String() != "2026-11-01" || len(got.Compare.Totals) != len(got.Columns) {
			t.Errorf("%s is not compared: %+v", name, got.Compare)
			continue
		}
		earlier := query(t, own, "2026-11-01", "2026-11-10")
		if !slices.Contains(comparedWhole, name) && name != "bots" {
			continue
		}
		then := answer(t, db, name, earlier)
		for i, c := range got.Columns {
			if want := then.Total(c.Name); got.Compare.Totals[i] != want {
				t.Errorf("%s: %s was %v, the report of those days says %v", name, c.Name, got.Compare.Totals[i], want)
			}
		}
	}
}
