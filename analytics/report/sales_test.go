package report

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// delayed is a source that does something between a report's question for its
// groups and that for what was sold.
type delayed struct {
	Source
	asked chan struct{}
	then  func()
}

func (d delayed) Query(ctx context.Context, sql string, params map[string]any) (*store.Rows, error) {
	if sql == soldSQLByDay {
		<-d.asked
		d.then()
	}
	rows, err := d.Source.Query(ctx, sql, params)
	if strings.Contains(sql, "FROM campaign_day") {
		close(d.asked)
	}
	return rows, err
}

var soldSQLByDay = strings.NewReplacer("{{place}}", "place", "{{bucket}}", "0").Replace(eachSale(soldSQL))

// salesOfAMomentAgo: what was sold after the groups were asked for has a place
// that none of them has; it is asked for by name.
func salesOfAMomentAgo(t *testing.T, db *store.Store) {
	shop := newSite(t, "moment", "UTC", "CNY")
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	sell := func(token, campaign string, visitors ...uint64) {
		var b store.Batch
		for _, v := range visitors {
			e := &event.Event{
				Time: at, LocalDay: shop.LocalDay(at), Site: "moment", Kind: event.Conversion, Visitor: v, Session: v, Basis: event.BasisRecord,
				Attributed: true, Value: 10_0000, Currency: "CNY", KeepUntil: shop.LocalDay(at) + 395,
				Campaign: event.Campaign{Source: "s", Name: campaign, Channel: "c"},
			}
			e.ID[0], e.ID[15] = byte(v), 1
			b.Add(event.Record{Event: e})
		}
		insert(t, db, token, b)
	}
	sell("before", "long known", 1, 2, 3, 4, 5)
	late := delayed{db, make(chan struct{}), func() { sell("meanwhile", "just begun", 6, 7, 8, 9, 10, 11) }}
	table, err := Run(t.Context(), late, "campaigns", query(t, shop, "2026-11-01", "2026-11-03"))
	if err != nil {
		t.Fatal(err)
	}
	if table.Total("conversions") != int64(11) || table.Total("value") != Money(110_0000) {
		t.Errorf("totals: %v conversions, %v", table.Total("conversions"), table.Total("value"))
	}
	// Nobody who came from there was counted yet: it is folded, and another with it.
	if len(table.Rows) != 1 || table.Rows[0].Kind != Folded || table.Rows[0].Cells[table.Column("conversions")] != int64(11) {
		t.Errorf("rows: %v", table.Rows)
	}
}
