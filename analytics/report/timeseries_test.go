package report

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// Every day of the series, and its totals, equal the campaigns report of that
// day and of the range: two statements, one truth.
func TestTimeseriesAgreesWithCampaigns(t *testing.T) {
	db := openStore(t)
	own := newSite(t, "york", "America/New_York", "EUR")
	own.MinGroup = 1
	g := &traffic{Rand: rand.New(rand.NewPCG(3, 4)), site: own, start: time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC), days: 5}
	insert(t, db, "1", store.Batch{Events: g.events(2000)})
	q, err := ParseQuery(own, "2026-10-28", "2026-11-05", "previous", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	series, err := Run(t.Context(), db, "timeseries", q)
	if err != nil {
		t.Fatal(err)
	}
	if len(series.Rows) != 9 {
		t.Fatalf("%d days, want 9", len(series.Rows))
	}
	agree := func(what string, got []any, q Query) {
		t.Helper()
		q.Compare = NoCompare
		campaigns, err := Run(t.Context(), db, "campaigns", q)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"impressions", "clicks", "visits", "visitors", "conversions", "value"} {
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
	if series.Compare == nil || series.Compare.From.String() != "2026-10-19" || series.Compare.To.String() != "2026-10-27" {
		t.Errorf("compared with %+v", series.Compare)
	}
}
