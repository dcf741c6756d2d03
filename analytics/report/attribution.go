package report

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
)

// attribution sets eight models side by side: which origin is to be credited
// with a conversion that several visits led to. Visits count that began within
// Options.Lookback days before the conversion; machines' do not. A conversion
// without such a visit is "(unattributed)" in every model.
//
// The totals of every model are the conversions and their value. first, last
// and last_non_direct are whole; linear, position and shapley are fractions,
// rounded once; time_decay and markov are floats. Values are rounded to
// ten-thousandths so that the rows of every model sum to the total.
//
// Rows of which fewer than MinGroup different visitors converted are folded.
// More tells the ways, how long they were, and how long they took.
func attribution(ctx context.Context, src Source, q Query) (*Table, error) {
	table := &Table{Meta: metaOf(&q), Columns: attributionColumns(q.Site.Currency)}
	table.Meta.Lookback = q.Options.Lookback
	all, others, err := attributed(ctx, src, q)
	if err != nil {
		return nil, err
	}
	table.Meta.OtherCurrencies = others
	var shown []*credits
	var folded int
	err = together(ctx,
		func(context.Context) error { shown, folded = all.credited(q.Site.MinGroup); return nil },
		func(context.Context) error {
			table.More = []*Table{waysTable(all, q), lengthTable(all, q), delayTable(all, q)}
			return nil
		},
	)
	if err != nil {
		return nil, err
	}
	table.Meta.FoldedGroups = folded
	rows := layCredits(shown)
	total := all.total()
	if len(q.Filters) > 0 {
		rows = slices.DeleteFunc(rows, func(r Row) bool { return !q.keeps(r.Cells, originNames) })
		table.Totals = sumCells(table.Columns, rows)
	} else {
		table.Totals = totalCredits(total)
	}
	table.Rows = rows
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if all, _, err = attributed(ctx, src, before); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, totalCredits(all.total())}
	return table, nil
}

var originNames = []string{"source", "medium", "campaign"}

func attributionColumns(money string) []Column {
	var columns []Column
	for _, name := range originNames {
		columns = append(columns, Column{name, Text, ""})
	}
	for model, name := range modelNames {
		kind := Number
		if model <= lastIndirect {
			kind = Integer
		}
		columns = append(columns, Column{name, kind, ""})
	}
	for _, name := range modelNames {
		columns = append(columns, Column{name + "_value", Number, money})
	}
	return columns
}

// attributed asks for journeys and brings their amounts into the site's
// currency; others counts those that cannot be.
func attributed(ctx context.Context, src Source, q Query) (all *journeys, others int64, err error) {
	if all, err = askJourneys(ctx, src, q); err != nil {
		return nil, 0, err
	}
	for i := range all.all {
		j := &all.all[i]
		amount, ok, err := q.rates.convert(j.amount, j.currency, j.day)
		if err != nil {
			return nil, 0, err
		}
		if j.amount = amount; !ok {
			others++
		}
	}
	return all, others, nil
}

// sum is conversions and their amount.
type sum struct{ conversions, amount int64 }

func (all *journeys) total() sum {
	var s sum
	for _, j := range all.all {
		s.conversions++
		s.amount += j.amount
	}
	return s
}

// credits is one row before it is laid out.
type credits struct {
	kind         RowKind
	origin       origin
	crowd        crowd
	count, value tally
}

// credited runs the models and folds. The rows come with the most linear
// credit first, then the unattributed, then the fold.
func (all *journeys) credited(least int) (shown []*credits, folded int) {
	n := len(all.origins)
	counts, values := make([]tally, n), make([]tally, n)
	groups := make([]*credits, n+1)
	for i := range n {
		groups[i] = &credits{kind: Measured, origin: all.origins[i], crowd: crowd{least: least}}
	}
	lost := &credits{kind: Unattributed, origin: origin{UnattributedLabel}, crowd: crowd{least: least}}
	groups[n] = lost
	var found sum
	var way weighed
	for i := range all.all {
		j := &all.all[i]
		if len(j.touches) == 0 {
			lost.count.all(1)
			lost.value.all(j.amount)
			lost.crowd.add(j.visitor)
			continue
		}
		found.conversions++
		found.amount += j.amount
		way.weigh(j)
		way.credit(j, 1, counts)
		way.credit(j, j.amount, values)
		for _, t := range j.touches {
			groups[t.origin].crowd.add(j.visitor)
		}
	}
	all.creditChain(counts, func(*journey) float64 { return 1 }, found.conversions)
	all.creditChain(values, func(j *journey) float64 { return float64(j.amount) }, found.amount)
	for i := range n {
		groups[i].count, groups[i].value = counts[i], values[i]
	}
	groups = slices.DeleteFunc(groups, func(c *credits) bool { return len(c.count.set) == 0 && c.count.whole[0] == 0 })
	return foldCredits(groups, least)
}

// foldCredits joins the rows that are about too few people.
func foldCredits(groups []*credits, least int) (shown []*credits, folded int) {
	slices.SortFunc(groups, func(a, b *credits) int {
		return cmp.Or(cmp.Compare(len(a.crowd.visitors), len(b.crowd.visitors)), -byCredit(a, b))
	})
	crowds := make([]*crowd, len(groups))
	for i, g := range groups {
		crowds[i] = &g.crowd
	}
	cut := foldCrowds(crowds, least)
	shown = slices.Clone(groups[cut:])
	slices.SortFunc(shown, func(a, b *credits) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), byCredit(a, b))
	})
	if cut > 0 {
		fold := &credits{kind: Folded, origin: origin{FoldedLabel(least)}}
		for _, g := range groups[:cut] {
			fold.count.add(&g.count)
			fold.value.add(&g.value)
		}
		shown = append(shown, fold)
	}
	return shown, cut
}

// byCredit puts the origin with the most linear credit first.
func byCredit(a, b *credits) int {
	return cmp.Or(b.count.linear.exact().Cmp(a.count.linear.exact()), slices.Compare(a.origin[:], b.origin[:]))
}

// layCredits makes cells. Values are apportioned over the rows, so that they
// sum to the total.
func layCredits(shown []*credits) []Row {
	rows := make([]Row, len(shown))
	for i, c := range shown {
		rows[i] = Row{c.kind, []any{c.origin[0], c.origin[1], c.origin[2]}}
		for model := range models {
			if credited := c.count.of(model); model <= lastIndirect {
				rows[i].Cells = append(rows[i].Cells, credited.Num().Int64())
			} else {
				f, _ := credited.Float64()
				rows[i].Cells = append(rows[i].Cells, f)
			}
		}
	}
	total := int64(0)
	for _, c := range shown {
		total += c.value.whole[firstTouch]
	}
	for model := range models {
		shares := make([]*big.Rat, len(shown))
		for i, c := range shown {
			shares[i] = c.value.of(model)
		}
		for i, amount := range apportion(total, shares) {
			rows[i].Cells = append(rows[i].Cells, Money(amount))
		}
	}
	return rows
}

// totalCredits is the same in every model.
func totalCredits(s sum) []any {
	cells := make([]any, len(originNames))
	for model := range models {
		if model <= lastIndirect {
			cells = append(cells, s.conversions)
		} else {
			cells = append(cells, float64(s.conversions))
		}
	}
	for range models {
		cells = append(cells, Money(s.amount))
	}
	return cells
}

// sumCells adds rows up, column by column.
func sumCells(columns []Column, rows []Row) []any {
	totals := make([]any, len(columns))
	for i, c := range columns {
		switch {
		case c.Type == Integer:
			n := int64(0)
			for _, r := range rows {
				n += r.Cells[i].(int64)
			}
			totals[i] = n
		case c.Type == Number && c.Unit == "":
			n := 0.0
			for _, r := range rows {
				n += r.Cells[i].(float64)
			}
			totals[i] = n
		case c.Type == Number:
			n := Money(0)
			for _, r := range rows {
				n += r.Cells[i].(Money)
			}
			totals[i] = n
		}
	}
	return totals
}
