package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// timeseriesAgreesWithCampaigns checks that every day of the series, and its
// totals, equal the campaigns report of that day and of the range: two
// statements, one truth.
func timeseriesAgreesWithCampaigns(t *testing.T, db *store.Store) {
	own := newSite(t, "series", "America/New_York", "EUR")
	own.MinGroup = 1
	g := &traffic{Rand: rand.New(rand.NewPCG(3, 4)), site: own, start: time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC), days: 3}
	insert(t, db, "series", store.Batch{Events: g.events(1000)})
	q := query(t, own, "2026-10-29", "2026-11-03")
	q.Compare = PreviousPeriod
	series := answer(t, db, "timeseries", q)
	if len(series.Rows) != 6 {
		t.Fatalf("%d days, want 6", len(series.Rows))
	}
	agree := func(what string, got []any, q Query) {
		t.Helper()
		q.Compare = NoCompare
		campaigns := answer(t, db, "campaigns", q)
		for _, name := range []string{"impressions", "clicks", "visits", "visitors", "conversions", "value", "refunds"} {
			if g, w := got[series.Column(name)], campaigns.Total(name); g != w {
				t.Errorf("%s: %s is %v, campaigns say %v", what, name, g, w)
			}
		}
	}
	agree("totals", series.Totals, q)
	for _, row := range series.Rows {
		one := q
		one.From = row.Cells[0].(Day)
		one.To = one.From
		agree(one.From.String(), row.Cells, one)
	}
	if series.Compare == nil || series.Compare.From.String() != "2026-10-23" || series.Compare.To.String() != "2026-10-28" {
		t.Errorf("compared with %+v", series.Compare)
	}
}

// seenOn are visits of some people from a country at a moment.
func seenOn(siteID, country string, at time.Time, from, to uint64) []*event.Event {
	events := visits(siteID, country+at.Format("02"), from, to)
	for _, e := range events {
		e.Time, e.LocalDay, e.Place.Country = at, int32(at.Unix()/86400), country
		e.Kind, e.Session = event.PageView, e.Visitor
	}
	return events
}

// stepsNameNoHandful: a step has no figures where the filters choose a handful on
// it, or leave one out, for the step of everybody less it would show them; and
// one more step has none, or the totals would.
func stepsNameNoHandful(t *testing.T, db *store.Store) {
	own := newSite(t, "steps", "UTC", "EUR")
	day := time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
	var events []*event.Event
	for i, people := range []struct{ cn, de uint64 }{{20, 20}, {20, 1}, {2, 20}, {10, 10}, {30, 0}, {0, 0}} {
		at := day.AddDate(0, 0, i)
		events = append(events, seenOn("steps", "CN", at, 100, 99+people.cn)...)
		events = append(events, seenOn("steps", "DE", at, 200, 199+people.de)...)
	}
	insert(t, db, "steps", store.Batch{Events: events})
	got := answer(t, db, "timeseries", query(t, own, "2026-11-16", "2026-11-21", "country:CN"))
	var shown []any
	for _, r := range got.Rows {
		shown = append(shown, r.Cells[got.Column("visitors")])
	}
	// The tenth of four days is the smallest that would be shown.
	if want := "[20 <nil> <nil> <nil> 30 0]"; fmt.Sprint(shown) != want {
		t.Errorf("visitors by day: %v, want %s", shown, want)
	}
	if got.Total("visitors") != int64(30) {
		t.Errorf("totals: %v", got.Totals)
	}
}

// minutesNameNoHandful: the last minutes by a filter are about as many people as
// they are, however many days were asked for.
func minutesNameNoHandful(t *testing.T, db *store.Store) {
	own := newSite(t, "minutes", "UTC", "EUR")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	events := slices.Concat(
		seenOn("minutes", "CN", now.AddDate(0, 0, -3), 1, 20), seenOn("minutes", "DE", now.AddDate(0, 0, -3), 30, 50),
		seenOn("minutes", "CN", now.Add(-5*time.Minute), 1, 1), seenOn("minutes", "DE", now.Add(-5*time.Minute), 30, 50),
	)
	insert(t, db, "minutes", store.Batch{Events: events})
	for filter, withheld := range map[string]bool{"country:CN": true, "-country:CN": true, "": false} {
		var filters []string
		if filter != "" {
			filters = append(filters, filter)
		}
		q := query(t, own, "2026-11-01", "2026-11-23", filters...)
		q.Options.By, q.Now = ByMinute, now
		got := answer(t, db, "timeseries", q)
		if got.Meta.Withheld != withheld || withheld && len(got.Totals) > 0 {
			t.Errorf("by %q: withheld %v, totals %v", filter, got.Meta.Withheld, got.Totals)
		}
	}
}
