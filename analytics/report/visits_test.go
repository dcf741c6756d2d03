package report

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// counted is one row of a report of visits, counted without ClickHouse.
type counted struct {
	consented                           bool
	place                               []string
	impressions, clicks, visits, orders int64
	value, refunds                      event.Amount
	others                              int64
	visitors                            map[uint64]bool
}

func (c *counted) add(o *counted) {
	c.impressions += o.impressions
	c.clicks += o.clicks
	c.visits += o.visits
	c.orders += o.orders
	c.value += o.value
	c.refunds += o.refunds
	c.others += o.others
	if c.visitors == nil {
		c.visitors = map[uint64]bool{}
	}
	for v := range o.visitors {
		c.visitors[v] = true
	}
}

// cells lays the row out; only campaigns show impressions and clicks.
func (c *counted) cells(name string) []any {
	var cells []any
	for _, text := range c.place {
		cells = append(cells, text)
	}
	if name == "campaigns" {
		cells = append(cells, c.impressions, c.clicks)
	}
	var rate any
	if c.visits > 0 {
		rate = float64(c.orders) / float64(c.visits)
	}
	cells = append(cells, c.visits, int64(len(c.visitors)), c.orders, Money(c.value), Money(c.refunds), rate)
	if name == "campaigns" { // no costs were uploaded; narrowed reports have no such columns
		cells = append(cells, Money(0), int64(0), int64(0), nil, nil, nil, nil)
	}
	return cells
}

// places says where an event stands in each report.
var places = map[string]func(event.Campaign) []string{
	"campaigns": func(c event.Campaign) []string {
		if c.Source == "" {
			return []string{c.Channel, c.Medium, c.Name}
		}
		return []string{c.Source, c.Medium, c.Name}
	},
	"channels": func(c event.Campaign) []string { return []string{c.Channel} },
	"sources":  func(c event.Campaign) []string { return []string{c.Source, c.Channel} },
}

// before reports whether a is the earlier of two conversions of one order.
func before(a, b *event.Event) bool {
	if !a.Time.Equal(b.Time) {
		return a.Time.Before(b.Time)
	}
	// As ClickHouse orders UUIDs: by their second half first.
	return cmp.Or(slices.Compare(a.ID[8:], b.ID[8:]), slices.Compare(a.ID[:8], b.ID[:8])) < 0
}

// count is a report's definition in plain Go, over the raw events.
func count(name string, events []*event.Event, q Query) []*counted {
	return countChosen(name, events, q, func(e *event.Event) bool { return !e.Agent.Machine })
}

// countChosen counts only what chosen chooses.
func countChosen(name string, events []*event.Event, q Query, chosen func(*event.Event) bool) []*counted {
	in := func(e *event.Event) bool { return Day(e.LocalDay) >= q.From && Day(e.LocalDay) <= q.To }
	rows := map[string]*counted{}
	row := func(e *event.Event) *counted {
		c := counted{consented: e.Attributed, place: places[name](e.Campaign), visitors: map[uint64]bool{}}
		if !e.Attributed {
			c.place = make([]string, len(c.place))
			c.place[0] = "(not consented)"
		}
		key := fmt.Sprintf("%v %q", c.consented, c.place)
		if rows[key] == nil {
			rows[key] = &c
		}
		return rows[key]
	}
	first := map[string]*event.Event{} // by order, else by id
	refunds := map[[16]byte]*event.Event{}
	for _, e := range events {
		if e.Site != q.Site.ID || e.Agent.Machine {
			continue
		}
		if e.Kind == event.Conversion {
			key := "order " + e.Order
			if e.Order == "" {
				key = fmt.Sprintf("id %x", e.ID)
			}
			if first[key] == nil || before(e, first[key]) {
				first[key] = e
			}
		}
		if !in(e) {
			continue
		}
		if e.Kind == event.Refund {
			refunds[e.ID] = e
			continue
		}
		if !chosen(e) {
			continue
		}
		switch e.Kind {
		case event.Impression:
			row(e).impressions++
			continue
		case event.Click:
			row(e).clicks++
			continue
		case event.Visit:
			row(e).visits++
		}
		if e.Visitor != 0 {
			row(e).visitors[e.Visitor] = true
		}
	}
	for _, e := range first {
		if in(e) && chosen(e) {
			c := row(e)
			c.orders++
			if e.Currency == "" || e.Currency == q.Site.Currency {
				c.value += e.Value
			} else {
				c.others++
			}
		}
	}
	for _, e := range refunds {
		of := e
		if conversion := first["order "+e.Order]; e.Order != "" && conversion != nil {
			of = conversion
		}
		if !chosen(of) {
			continue
		}
		c := row(of)
		if e.Currency == "" || e.Currency == q.Site.Currency {
			c.refunds += e.Value
		} else {
			c.others++
		}
	}
	var all []*counted
	for _, c := range rows {
		if name != "campaigns" { // which do not show them
			c.impressions, c.clicks = 0, 0
		}
		if c.impressions+c.clicks+c.visits+c.orders+c.others+int64(c.refunds)+int64(len(c.visitors)) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// tabulate folds and orders what was counted.
func tabulate(name string, all []*counted, least int) (rows [][]any, totals []any, folded int) {
	slices.SortFunc(all, func(a, b *counted) int {
		if c := cmp.Compare(len(a.visitors), len(b.visitors)); c != 0 {
			return c
		}
		if a.consented != b.consented {
			return map[bool]int{false: -1, true: 1}[a.consented]
		}
		return slices.Compare(a.place, b.place)
	})
	width := len(places[name](event.Campaign{}))
	total, fold := &counted{}, &counted{place: make([]string, width)}
	fold.place[0] = fmt.Sprintf("(fewer than %d)", least)
	var shown []*counted
	for _, c := range all {
		total.add(c)
		if len(c.visitors) < least || folded > 0 && len(fold.visitors) < least {
			fold.add(c)
			folded++
			continue
		}
		shown = append(shown, c)
	}
	slices.SortFunc(shown, func(a, b *counted) int {
		return cmp.Or(cmp.Compare(b.visits, a.visits), cmp.Compare(len(b.visitors), len(a.visitors)), cmp.Compare(b.orders, a.orders), slices.Compare(a.place, b.place))
	})
	if folded > 0 {
		shown = append(shown, fold)
	}
	for _, c := range shown {
		rows = append(rows, c.cells(name))
	}
	return rows, append(make([]any, width), total.cells(name)...), folded
}

func sameCells(t *testing.T, what string, columns []Column, got, want []any) {
	t.Helper()
	for i := range columns {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: %s\n got %v\nwant %v", what, columns[i].Name, got, want)
			return
		}
	}
}

// reportsEqualAnIndependentCount compares every figure with a count in plain
// Go over the raw events, for zones on both sides of UTC, across a change of
// the clocks.
func reportsEqualAnIndependentCount(t *testing.T, db *store.Store) {
	type days struct {
		from, to string
		least    int
	}
	sites := []struct {
		id, zone, currency string
		ranges             []days
	}{
		{"shop", "Asia/Shanghai", "CNY", []days{
			{"2026-10-01", "2026-10-31", 5},
			{"2026-10-10", "2026-10-10", 1000}, // all in one row
			{"2027-01-01", "2027-01-31", 5},    // nothing
		}},
		{"york", "America/New_York", "EUR", []days{ // clocks go back on 2026-11-01
			{"2026-10-25", "2026-11-10", 5},
			{"2026-11-01", "2026-11-01", 5},
			{"2026-10-10", "2026-10-12", 40},
		}},
		{"howe", "Australia/Lord_Howe", "AUD", []days{ // by half an hour, on 2026-10-04
			{"2026-10-04", "2026-10-04", 5},
			{"2026-09-20", "2026-11-19", 20},
			{"2026-10-10", "2026-10-20", 1},
		}},
	}
	var all []*event.Event
	random := rand.New(rand.NewPCG(20261124, 7))
	for _, s := range sites {
		g := &traffic{Rand: random, site: newSite(t, s.id, s.zone, s.currency), start: time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC), days: 60}
		all = append(all, g.events(4000)...)
	}
	// In two batches, so that the rollup has to join parts.
	insert(t, db, "campaigns 1", store.Batch{Events: all[:len(all)/2]})
	insert(t, db, "campaigns 2", store.Batch{Events: all[len(all)/2:]})
	for _, s := range sites {
		for _, r := range s.ranges {
			t.Run(fmt.Sprintf("%s %s %s min %d", s.id, r.from, r.to, r.least), func(t *testing.T) {
				own := newSite(t, s.id, s.zone, s.currency)
				own.MinGroup = r.least
				q := query(t, own, r.from, r.to)
				for name := range places {
					checkCount(t, name, answer(t, db, name, q), count(name, all, q), r.least)
				}
			})
		}
	}
}

func checkCount(t *testing.T, name string, got *Table, all []*counted, least int) {
	t.Helper()
	others := int64(0)
	for _, c := range all {
		others += c.others
	}
	rows, totals, folded := tabulate(name, all, least)
	if len(got.Rows) != len(rows) {
		t.Errorf("%s: %d rows, want %d\n got %v\nwant %v", name, len(got.Rows), len(rows), got.Rows, rows)
	}
	for i := range min(len(rows), len(got.Rows)) {
		sameCells(t, fmt.Sprintf("%s row %d", name, i), got.Columns, got.Rows[i].Cells, rows[i])
	}
	sameCells(t, name+" totals", got.Columns, got.Totals, totals)
	if got.Meta.FoldedGroups != folded {
		t.Errorf("%d groups folded, want %d", got.Meta.FoldedGroups, folded)
	}
	if got.Meta.OtherCurrencies != others {
		t.Errorf("%d amounts in other currencies, want %d", got.Meta.OtherCurrencies, others)
	}
}
