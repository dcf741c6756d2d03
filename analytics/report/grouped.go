package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/store"
)

// grouped is a report that has one row per group of visitors: by campaign, by
// channel, by page. Its statement answers
//
//	consented, key, visitors, visitors up to here,
//	one column per dimension, one column per metric
//
// where "up to here" counts the visitors of the group and of all groups before
// it, by visitors, consented and dimensions.
type grouped struct {
	sql string
	// rollup: the statement reads campaign_day and answers
	//
	//	consented, visitors, visitors up to here, past, most, places,
	//	one column per dimension, one column per metric
	//
	// past and most are the sum and the greatest of the numbers that days past the
	// events' term have in place of sketches. They count somebody again each day, so
	// a handful could look like many: the order, and the fold, are by how many people
	// a group has at least.
	rollup     bool
	dimensions []string
	metrics    []Column // of the statement
	// placeOf says which dimensions a sale has; nil where the report has no
	// conversions.
	placeOf func(*salePlace) []string
	// withCosts joins what was spent, by the first five dimensions.
	withCosts bool
	// withSent joins how many mails were sent, by source, campaign and content.
	withSent bool
	columns  []Column // of the table, in order
	derived  map[string]func(group) any
	order    func(a, b group) int // of the rows; ties by dimension
}

// group is one row of the statement's answer, or a sum of some.
type group struct {
	kind            RowKind
	keys            []uint64 // of the rows that it has; over the rollup the hashes of its places
	visitors, upTo  int64
	least, leastTo  int64 // people, at least: of the group, and up to here
	otherCurrencies int64
	dimensions      []string
	figures         map[string]int64 // by metric; money in ten-thousandths
}

// ratio returns part of whole, nil where whole is nothing.
func ratio(part, whole int64) any {
	if whole == 0 {
		return nil
	}
	return float64(part) / float64(whole)
}

// runGrouped asks, folds, filters, orders and sums.
func runGrouped(ctx context.Context, src Source, q Query, r grouped) (*Table, error) {
	table := &Table{Columns: r.columns, Meta: metaOf(&q)}
	shown, totals, err := r.rows(ctx, src, q, &table.Meta)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(shown, func(a, b group) int {
		if a.kind == Folded || b.kind == Folded {
			return int(a.kind/Folded) - int(b.kind/Folded)
		}
		if c := r.order(a, b); c != 0 {
			return c
		}
		return slices.Compare(a.dimensions, b.dimensions)
	})
	for _, g := range shown {
		table.Rows = append(table.Rows, Row{g.kind, r.cells(g)})
	}
	table.Totals = r.totalCells(totals)
	table.Meta.OtherCurrencies = totals.otherCurrencies
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	_, totals, err = r.rows(ctx, src, before, &Meta{})
	if err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, r.totalCells(totals)}
	return table, nil
}

// rows returns the groups that may be shown and their total.
func (r *grouped) rows(ctx context.Context, src Source, q Query, meta *Meta) ([]group, group, error) {
	var groups []group
	var sales []sale
	var spent []spend
	asks := []func(context.Context) error{
		func(ctx context.Context) (err error) { groups, err = r.ask(ctx, src, q, nil); return err },
	}
	if r.placeOf != nil {
		asks = append(asks, func(ctx context.Context) (err error) { sales, err = askSales(ctx, src, q, true); return err })
	}
	if r.withCosts {
		asks = append(asks, func(ctx context.Context) (err error) {
			spent, err = askSpend(ctx, src, q, q.Options.Detail)
			return err
		})
	}
	err := together(ctx, asks...)
	if err != nil {
		return nil, group{}, err
	}
	if groups, err = r.join(ctx, src, q, groups, sales); err != nil {
		return nil, group{}, err
	}
	groups = r.joinCosts(groups, spent)
	if r.withSent {
		if groups, err = r.joinSent(ctx, src, q, groups); err != nil {
			return nil, group{}, err
		}
	}
	groups = slices.DeleteFunc(groups, group.empty)
	aside := extract(&groups, func(g group) bool { return g.onlyCosts() || g.onlySent(q.Site.MinGroup) })
	slices.SortFunc(groups, bySize)
	shown, folded := r.fold(groups, q.Site.MinGroup)
	meta.FoldedGroups = len(folded)
	shown = append(shown, aside...)
	if len(q.Filters) == 0 {
		total := r.sum(groups)
		for _, g := range aside {
			total.add(g)
		}
		return shown, total, nil
	}
	return r.filter(ctx, src, q, shown, folded)
}

// join adds sales to the groups that they came from. A place without a group
// is one without visitors: only refunds are left of it, or it came a moment ago.
func (r *grouped) join(ctx context.Context, src Source, q Query, groups []group, sales []sale) ([]group, error) {
	byPlace, byName := map[uint64]int{}, make(map[string]int, len(groups))
	for i, g := range groups {
		byName[placeKey(g.kind, g.dimensions)] = i
		for _, p := range g.keys {
			byPlace[p] = i
		}
	}
	grouped := func(place uint64) bool { _, ok := byPlace[place]; return ok }
	if err := namePlaces(ctx, src, q, sales, grouped); err != nil {
		return nil, err
	}
	for _, s := range sales {
		i, ok := byPlace[s.place]
		if s.from != nil {
			kind, dimensions := r.nameOf(s.from)
			if i, ok = byName[placeKey(kind, dimensions)]; !ok {
				i = len(groups)
				byName[placeKey(kind, dimensions)] = i
				groups = append(groups, group{kind: kind, dimensions: dimensions, figures: map[string]int64{}})
			}
		} else if !ok {
			continue
		}
		g := &groups[i]
		for n, m := range saleMetrics("") {
			g.figures[m.Name] += s.figures()[n]
		}
		g.otherCurrencies += s.otherCurrencies
	}
	return groups, nil
}

// nameOf says which group sales from a place belong to.
func (r *grouped) nameOf(from *salePlace) (RowKind, []string) {
	if from.consented {
		return Measured, r.placeOf(from)
	}
	dimensions := make([]string, len(r.dimensions))
	dimensions[0] = NotConsentedLabel
	return NotConsented, dimensions
}

func placeKey(kind RowKind, dimensions []string) string {
	return fmt.Sprintf("%d%q", kind, dimensions)
}

// empty reports whether nothing that the report counts happened in the group.
func (g group) empty() bool {
	for _, n := range g.figures {
		if n != 0 {
			return false
		}
	}
	return g.visitors == 0 && g.otherCurrencies == 0
}

// bySize orders groups as the statement counts them: smallest first, then
// without consent, then by dimension.
func bySize(a, b group) int {
	return cmp.Or(cmp.Compare(a.least, b.least), cmp.Compare(b.kind, a.kind), slices.Compare(a.dimensions, b.dimensions))
}

// fold joins the groups too small to be shown, which come first. It returns
// the groups to show and those that were joined.
func (r *grouped) fold(groups []group, least int) (shown, folded []group) {
	people, upTo := make([]int64, len(groups)), make([]int64, len(groups))
	for i, g := range groups {
		people[i], upTo[i] = g.least, g.leastTo
	}
	cut := foldAt(people, upTo, least)
	shown = slices.Clone(groups[cut:])
	if cut > 0 {
		small := r.sum(groups[:cut])
		small.kind = Folded
		small.dimensions[0] = FoldedLabel(least)
		shown = append(shown, small)
	}
	return shown, groups[:cut]
}

// sum adds groups up. They must be the first ones of an answer, or the count
// of their visitors is not to be used.
func (r *grouped) sum(groups []group) group {
	total := group{dimensions: make([]string, len(r.dimensions)), figures: make(map[string]int64, len(r.metrics))}
	for _, g := range groups {
		total.add(g)
		total.visitors = g.upTo
	}
	return total
}

// add adds all that can be added: not visitors.
func (g *group) add(o group) {
	for name, n := range o.figures {
		g.figures[name] += n
	}
	g.otherCurrencies += o.otherCurrencies
}

// ask runs the statement; only chooses groups by their keys, all where nil.
func (r *grouped) ask(ctx context.Context, src Source, q Query, only []uint64) ([]group, error) {
	sql, params := r.sql, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()}
	switch {
	case !r.rollup:
		params["only"] = append([]uint64{}, only...)
	case only == nil:
		sql = strings.Replace(sql, "{{only}}", "", 1)
	default:
		sql = strings.Replace(sql, "{{only}}", "\n      AND cityHash64(attributed, channel, source, medium, campaign, content, term) IN {only:Array(UInt64)}", 1)
		params["only"] = only
	}
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var groups []group
	var past []int64
	for rows.Next() {
		g, before, err := r.read(rows)
		if err != nil {
			return nil, fmt.Errorf("row %d of the answer: %w", len(groups)+1, err)
		}
		groups, past = append(groups, g), append(past, before)
	}
	if r.rollup {
		addPast(groups, past)
	}
	return groups, rows.Err()
}

// read reads a row. past is what to add to its visitors.
func (r *grouped) read(rows *store.Rows) (g group, past int64, err error) {
	var consented bool
	var counts [4]uint64 // visitors, up to here, past, most
	g.dimensions = make([]string, len(r.dimensions))
	figures := make([]uint64, len(r.metrics))
	into := []any{&consented, &counts[0], &counts[1], &counts[2], &counts[3], &g.keys}
	if !r.rollup {
		g.keys = make([]uint64, 1)
		into = []any{&consented, &g.keys[0], &counts[0], &counts[1]}
	}
	for i := range g.dimensions {
		into = append(into, &g.dimensions[i])
	}
	for i := range figures {
		into = append(into, &figures[i])
	}
	if err := rows.Scan(into...); err != nil {
		return g, 0, err
	}
	g.visitors, g.upTo = int64(counts[0]), int64(counts[1])
	g.least, g.leastTo = max(g.visitors, int64(counts[3])), g.upTo
	if !consented {
		g.kind = NotConsented
		g.dimensions[0] = NotConsentedLabel
	}
	g.figures = make(map[string]int64, len(figures))
	for i, m := range r.metrics {
		g.figures[m.Name] = int64(figures[i])
	}
	return g, int64(counts[2]), nil
}

// addPast adds to the visitors of groups those of days that have numbers. The
// groups come as the statement counts them.
func addPast(groups []group, past []int64) {
	sum, least := int64(0), int64(0)
	for i := range groups {
		g := &groups[i]
		sum, least = sum+past[i], max(least, g.least)
		g.visitors, g.upTo, g.leastTo = g.visitors+past[i], g.upTo+sum, max(g.leastTo, least)
	}
}

// cells lays a group out by the table's columns.
func (r *grouped) cells(g group) []any {
	cells := make([]any, len(r.columns))
	for i, c := range r.columns {
		derive, derived := r.derived[c.Name]
		dimension := slices.Index(r.dimensions, c.Name)
		switch {
		case derived:
			cells[i] = derive(g)
		case dimension >= 0:
			cells[i] = g.dimensions[dimension]
		case c.Name == "visitors":
			cells[i] = g.visitors
		case c.Type == Number:
			cells[i] = Money(g.figures[c.Name])
		default:
			cells[i] = g.figures[c.Name]
		}
	}
	return cells
}

// totalCells is cells without text.
func (r *grouped) totalCells(total group) []any {
	cells := r.cells(total)
	for i, c := range r.columns {
		if !c.Numeric() {
			cells[i] = nil
		}
	}
	return cells
}
