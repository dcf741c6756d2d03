package report

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
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
