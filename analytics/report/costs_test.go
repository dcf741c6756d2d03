package report

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// costsEqualAnIndependentCount compares cost, clicks and what is worked out of
// them with a count in plain Go: several currencies with rates that change,
// one without a rate, keys that are uploaded again, campaigns without traffic.
func costsEqualAnIndependentCount(t *testing.T, db *store.Store) {
	g := &traffic{Rand: rand.New(rand.NewPCG(5, 6)), site: newSite(t, "spent", "Asia/Shanghai", "CNY"), start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), days: 20}
	g.site.MinGroup = 1
	events := g.events(2000)
	insert(t, db, "spent", store.Batch{Events: events})
	q := query(t, g.site, "2026-10-03", "2026-10-15")
	rates := []Rate{
		{Site: "spent", Currency: "USD", Day: int32(q.From) - 30, Worth: 7_12345678},
		{Site: "spent", Currency: "USD", Day: int32(q.From) + 5, Worth: 6_98765432},
		{Site: "spent", Currency: "EUR", Day: int32(q.From) + 3, Worth: 8_00000001}, // earlier days have none
		{Site: "other", Currency: "JPY", Day: 1, Worth: 1},
	}
	if err := db.PutRates(t.Context(), append([]Rate{{Site: "spent", Currency: "USD", Day: int32(q.From) + 5, Worth: 1}}, rates[0])); err != nil {
		t.Fatal(err)
	}
	if err := db.PutRates(t.Context(), rates[1:]); err != nil { // replaces the wrong one
		t.Fatal(err)
	}
	kept := map[string]Cost{}
	for range 2 {
		var upload []Cost
		for day := q.From - 2; day <= q.To+2; day++ {
			for i, o := range append(origins[:5:5], event.Campaign{Source: "ghost", Medium: "cpc", Name: "nobody"}) {
				if g.IntN(3) == 0 {
					continue
				}
				c := Cost{
					Site: "spent", Day: int32(day), Source: o.Source, Medium: o.Medium, Campaign: o.Name, Content: o.Content, Term: o.Term,
					Amount: event.Amount(g.Int64N(1_000_000_0000)), Currency: []string{"CNY", "USD", "EUR", "JPY"}[(i+g.IntN(2))%4],
					Impressions: g.Uint64N(10000), Clicks: g.Uint64N(100),
				}
				kept[fmt.Sprint(c.Day, c.Source, c.Medium, c.Campaign, c.Content, c.Term)] = c
				upload = append(upload, c)
			}
		}
		if err := db.PutCosts(t.Context(), upload); err != nil {
			t.Fatal(err)
		}
	}
	type spent struct{ cost, impressions, clicks, others int64 }
	want, total := map[string]*spent{}, &spent{}
	for _, c := range kept {
		if Day(c.Day) < q.From || Day(c.Day) > q.To {
			continue
		}
		o := fmt.Sprintf("%q", []string{c.Source, c.Medium, c.Campaign})
		if want[o] == nil {
			want[o] = &spent{}
		}
		for _, s := range []*spent{want[o], total} {
			s.impressions += int64(c.Impressions)
			s.clicks += int64(c.Clicks)
			if amount, ok := inYuan(c, rates); ok {
				s.cost += amount
			} else {
				s.others++
			}
		}
	}
	got := answer(t, db, "campaigns", q)
	ghost := false
	for _, r := range got.Rows {
		o := fmt.Sprintf("%q", []string{r.Cells[0].(string), r.Cells[1].(string), r.Cells[2].(string)})
		w := want[o]
		if w == nil {
			w = &spent{}
		}
		delete(want, o)
		checkSpent(t, got, o, r.Cells, w.cost, w.impressions, w.clicks)
		ghost = ghost || r.Cells[0] == "ghost" && r.Cells[got.Column("visitors")] == int64(0)
	}
	checkSpent(t, got, "totals", got.Totals, total.cost, total.impressions, total.clicks)
	if len(want) != 0 || !ghost || total.others == 0 {
		t.Errorf("%d campaigns with costs have no row, a campaign without visits has one: %v; %d amounts without a rate", len(want), ghost, total.others)
	}
	ofSales := int64(0)
	for _, c := range count("campaigns", events, q) {
		ofSales += c.others
	}
	if got.Meta.OtherCurrencies >= ofSales+total.others || got.Meta.OtherCurrencies < total.others {
		t.Errorf("%d amounts in no sum, want %d of costs and fewer than %d of sales: dollars have a rate", got.Meta.OtherCurrencies, total.others, ofSales)
	}
	checkSalesInYuan(t, got, events, q, rates)
	checkDetail(t, db, got, q)
}

// inYuan is the definition of a conversion: by the last rate on or before the
// day, halves away from zero.
func inYuan(c Cost, rates []Rate) (int64, bool) {
	if c.Currency == "CNY" || c.Currency == "" {
		return int64(c.Amount), true
	}
	var by *Rate
	for i, r := range rates {
		if r.Site == "spent" && r.Currency == c.Currency && r.Day <= c.Day && (by == nil || r.Day > by.Day) {
			by = &rates[i]
		}
	}
	if by == nil {
		return 0, false
	}
	exact := new(big.Rat).Mul(big.NewRat(int64(c.Amount), 1), big.NewRat(int64(by.Worth), 100_000_000))
	text := exact.FloatString(0) // rounds halves away from zero
	var n int64
	_, err := fmt.Sscan(text, &n)
	return n, err == nil
}

func checkSpent(t *testing.T, table *Table, what string, cells []any, cost, impressions, clicks int64) {
	t.Helper()
	cell := func(name string) any { return cells[table.Column(name)] }
	if cell("cost") != Money(cost) || cell("platform_impressions") != impressions || cell("platform_clicks") != clicks {
		t.Errorf("%s: %v, %v, %v; want %v, %d, %d", what, cell("cost"), cell("platform_impressions"), cell("platform_clicks"), Money(cost), impressions, clicks)
	}
	quotient := func(part, whole int64) any { // to ten-thousandths
		if part == 0 || whole == 0 {
			return nil
		}
		var n int64
		_, _ = fmt.Sscan(big.NewRat(part, whole).FloatString(0), &n)
		return Money(n)
	}
	orders, value := cell("conversions").(int64), int64(cell("value").(Money))
	if cell("cpc") != quotient(cost, clicks) || cell("cpa") != quotient(cost, orders) {
		t.Errorf("%s: cpc %v, cpa %v of %d by %d clicks and %d orders", what, cell("cpc"), cell("cpa"), cost, clicks, orders)
	}
	var ctr, roas any
	if impressions > 0 {
		ctr = float64(clicks) / float64(impressions)
	}
	if cost > 0 {
		roas = float64(value) / float64(cost)
	}
	if cell("ctr") != ctr || cell("roas") != roas {
		t.Errorf("%s: ctr %v, roas %v; want %v, %v", what, cell("ctr"), cell("roas"), ctr, roas)
	}
}

// checkSalesInYuan: foreign sales count by the day's rate. A day's sum of one
// place is converted at once, so each of those may round by half of a
// ten-thousandth.
func checkSalesInYuan(t *testing.T, got *Table, events []*event.Event, q Query, rates []Rate) {
	t.Helper()
	first := map[string]*event.Event{}
	for _, e := range events {
		if e.Kind != event.Conversion || e.Agent.Machine {
			continue
		}
		key := "order " + e.Order
		if e.Order == "" {
			key = fmt.Sprintf("id %x", e.ID)
		}
		if first[key] == nil || before(e, first[key]) {
			first[key] = e
		}
	}
	want, n := int64(0), int64(0)
	for _, e := range first {
		if Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To {
			continue
		}
		if amount, ok := inYuan(Cost{Day: e.LocalDay, Amount: e.Value, Currency: e.Currency}, rates); ok {
			want += amount
			n++
		}
	}
	if off := int64(got.Total("value").(Money)) - want; off > n || off < -n {
		t.Errorf("value %v, want %v within %d ten-thousandths", got.Total("value"), Money(want), n)
	}
}

// checkDetail: contents and terms of a campaign add up to it.
func checkDetail(t *testing.T, db *store.Store, whole *Table, q Query) {
	t.Helper()
	for _, detail := range []string{"content", "term"} {
		if err := q.Set("detail", []string{detail}); err != nil {
			t.Fatal(err)
		}
		fine := answer(t, db, "campaigns", q)
		if fine.Column(detail) < 0 {
			t.Fatalf("no column %s", detail)
		}
		for _, name := range []string{"visits", "visitors", "conversions", "value", "cost", "platform_clicks"} {
			if fine.Total(name) != whole.Total(name) {
				t.Errorf("by %s: %s is %v, whole campaigns say %v", detail, name, fine.Total(name), whole.Total(name))
			}
		}
	}
	q.Options.Detail, q.Filters = Whole, []Filter{{"term", "shoes", false}}
	if got := answer(t, db, "campaigns", q); len(got.Rows) != 1 || got.Rows[0].Cells[2] != "autumn" || got.Rows[0].Cells[4] != "shoes" {
		t.Errorf("a filter by term: %v", got.Rows)
	}
}

func mistaggedLinksAreFound(t *testing.T, db *store.Store) {
	own := newSite(t, "tags", "UTC", "EUR")
	var events []*event.Event
	events = append(events, visits("tags", "Autumn_Sale", 1, 9)...)
	events = append(events, visits("tags", "matched", 20, 27)...)
	events = append(events, visits("tags", "few", 30, 31)...)
	organic := visits("tags", "organic", 40, 49)
	for _, e := range organic {
		e.Campaign.Medium = "organic"
	}
	insert(t, db, "tags", store.Batch{Events: append(events, organic...)})
	cost := func(campaign string, amount event.Amount) Cost {
		return Cost{Site: "tags", Day: events[0].LocalDay, Source: "s", Medium: "m", Campaign: campaign, Amount: amount, Currency: "EUR", Clicks: 3}
	}
	if err := db.PutCosts(t.Context(), []Cost{cost("autumn sale", 30_0000), cost("matched", 10_0000), cost("few", 20_0000), cost("gone", 90_0000)}); err != nil {
		t.Fatal(err)
	}
	got := answer(t, db, "costs", query(t, own, "2026-11-20", "2026-11-20"))
	want := []string{
		"s m gone costs without visits  0 90.00 3",
		"s m autumn sale costs without visits Autumn_Sale 0 30.00 3",
		// matched is folded with few: two visitors are too few to be told of.
		"s m Autumn_Sale visits without costs autumn sale 9 0.00 0",
		"<nil> <nil> <nil> <nil> <nil> 9 120.00 6",
	}
	lines := rowsOf(got)
	if fmt.Sprint(lines) != fmt.Sprint(want) {
		t.Errorf("\n got %q\nwant %q", lines, want)
	}
}
