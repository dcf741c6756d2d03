package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// grouped is a report that has one row per group of visitors: by campaign, by
// channel, by page. Its statement answers, smallest group first and ties by
// its dimensions,
//
//	consented, key, visitors, visitors up to here, amounts in other
//	currencies, one column per dimension, one column per metric
type grouped struct {
	sql        string
	dimensions []string
	metrics    []Column
	columns    []Column // of the table, in order
	derived    map[string]func(group) any
	order      func(a, b group) int // of the rows; ties by dimension
}

// group is one row of the statement's answer, or a sum of some.
type group struct {
	kind            RowKind
	key             uint64
	visitors, upTo  int64
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
	if err := checkFilters(q.Filters, r.dimensions); err != nil {
		return nil, err
	}
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
	groups, err := r.ask(ctx, src, q, nil)
	if err != nil {
		return nil, group{}, err
	}
	shown, folded := r.fold(groups, q.Site.MinGroup)
	meta.FoldedGroups = len(folded)
	if len(q.Filters) == 0 {
		return shown, r.sum(groups), nil
	}
	return r.filter(ctx, src, q, shown, folded)
}

// filter keeps the rows that the filters choose, and counts their visitors
// together: one who came by two of them counts once.
func (r *grouped) filter(ctx context.Context, src Source, q Query, shown, folded []group) ([]group, group, error) {
	shown = slices.DeleteFunc(shown, func(g group) bool {
		for _, f := range q.Filters {
			if g.dimensions[slices.Index(r.dimensions, f.Column)] != f.Value {
				return true
			}
		}
		return false
	})
	if len(shown) == 0 {
		return nil, r.sum(nil), nil
	}
	total := r.sum(shown)
	if len(shown) == 1 {
		total.visitors = shown[0].visitors
		return shown, total, nil
	}
	var keys []uint64
	for _, g := range shown {
		if g.kind != Folded {
			keys = append(keys, g.key)
			continue
		}
		for _, small := range folded {
			keys = append(keys, small.key)
		}
	}
	chosen, err := r.ask(ctx, src, q, keys)
	if err != nil {
		return nil, group{}, err
	}
	total.visitors = r.sum(chosen).visitors
	return shown, total, nil
}

// fold joins the groups too small to be shown, which come first. It returns
// the groups to show and those that were joined.
func (r *grouped) fold(groups []group, least int) (shown, folded []group) {
	visitors, upTo := make([]int64, len(groups)), make([]int64, len(groups))
	for i, g := range groups {
		visitors[i], upTo[i] = g.visitors, g.upTo
	}
	cut := foldAt(visitors, upTo, least)
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
		for name, n := range g.figures {
			total.figures[name] += n
		}
		total.otherCurrencies += g.otherCurrencies
		total.visitors = g.upTo
	}
	return total
}

// ask runs the statement.
func (r *grouped) ask(ctx context.Context, src Source, q Query, only []uint64) ([]group, error) {
	rows, err := src.Query(ctx, r.sql, parameters(&q, only))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var groups []group
	for rows.Next() {
		g := group{dimensions: make([]string, len(r.dimensions))}
		figures := make([]int64, len(r.metrics))
		var consented bool
		into := []any{&consented, &g.key, &g.visitors, &g.upTo, &g.otherCurrencies}
		for i := range g.dimensions {
			into = append(into, &g.dimensions[i])
		}
		for i := range figures {
			into = append(into, &figures[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("row %d of the answer: %w", len(groups)+1, err)
		}
		if !consented {
			g.kind = NotConsented
			g.dimensions[0] = NotConsentedLabel
		}
		g.figures = make(map[string]int64, len(figures))
		for i, m := range r.metrics {
			g.figures[m.Name] = figures[i]
		}
		groups = append(groups, g)
	}
	return groups, rows.Err()
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

// parameters are what every grouped statement takes.
func parameters(q *Query, only []uint64) map[string]any {
	if only == nil {
		only = []uint64{}
	}
	return map[string]any{"site": q.Site.ID, "currency": q.Site.Currency, "from": q.From.String(), "to": q.To.String(), "only": only}
}

func checkFilters(filters []Filter, dimensions []string) error {
	for _, f := range filters {
		if !slices.Contains(dimensions, f.Column) {
			return &Error{
				"filter", fmt.Sprintf("this report has no %q to filter by", f.Column),
				"use one of " + strings.Join(dimensions, ", "),
			}
		}
	}
	return nil
}
