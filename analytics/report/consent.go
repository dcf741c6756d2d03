package report

import (
	"cmp"
	"context"
	_ "embed" // consent.sql
	"fmt"
	"slices"
)

//go:embed query/consent.sql
var consentSQL string

// Indexes of a choice's counts.
const (
	shown = iota
	accepted
	rejected
	saved
	withdrawn
	signalled
	outcomes
)

// choice is what became of banners of one country and device.
type choice struct {
	country, device string
	n               [outcomes]int64
}

func (c *choice) add(o choice) {
	for i := range c.n {
		c.n[i] += o.n[i]
	}
}

// smallest is the least of the counts that are not zero: what could point at
// someone.
func (c *choice) smallest() int64 {
	least := int64(0)
	for _, n := range c.n {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// consent says how often the banner was shown and what people chose, by
// country and device. Interactions are accept, reject and save; ignored is
// shown less interactions; the acceptance rate is accepted by interactions
// (the definitions of Usercentrics). Opt-outs by signal stand apart.
//
// Cells under MinGroup are merged: a row with one is folded, and then the row
// that was shown least, as long as the fold has one itself.
func consent(ctx context.Context, src Source, q Query) (*Table, error) {
	table := &Table{Meta: metaOf(&q), Columns: []Column{
		{"country", Text, ""}, {"device", Text, ""},
		{"shown", Integer, ""}, {"accepted", Integer, ""}, {"rejected", Integer, ""}, {"saved", Integer, ""},
		{"ignored", Integer, ""}, {"withdrawn", Integer, ""}, {"gpc", Integer, ""}, {"accept_rate", Number, Ratio},
	}}
	choices, total, err := askChoices(ctx, src, q)
	if err != nil {
		return nil, err
	}
	cells := make([]int64, len(choices))
	upTo := make([]int64, len(choices))
	var sum choice
	for i, c := range choices {
		sum.add(c)
		cells[i], upTo[i] = c.smallest(), sum.smallest()
	}
	cut := foldAt(cells, upTo, q.Site.MinGroup)
	table.Meta.FoldedGroups = cut
	visible := slices.Clone(choices[cut:])
	slices.SortFunc(visible, func(a, b choice) int {
		return cmp.Or(cmp.Compare(b.n[shown], a.n[shown]), cmp.Compare(a.country, b.country), cmp.Compare(a.device, b.device))
	})
	for _, c := range visible {
		table.Rows = append(table.Rows, Row{Measured, c.cells()})
	}
	if cut > 0 {
		fold := choice{country: FoldedLabel(q.Site.MinGroup)}
		for _, c := range choices[:cut] {
			fold.add(c)
		}
		table.Rows = append(table.Rows, Row{Folded, fold.cells()})
	}
	table.Totals = total.totals()
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if _, total, err = askChoices(ctx, src, before); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, total.totals()}
	return table, nil
}

// askChoices returns the choices, those with a cell too small first and then
// those shown least, and their sum.
func askChoices(ctx context.Context, src Source, q Query) (all []choice, total choice, err error) {
	rows, err := src.Query(ctx, consentSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, total, err
	}
	defer rows.Close()
	for rows.Next() {
		var c choice
		if err := rows.Scan(&c.country, &c.device, &c.n[0], &c.n[1], &c.n[2], &c.n[3], &c.n[4], &c.n[5]); err != nil {
			return nil, total, fmt.Errorf("row %d of the answer: %w", len(all)+1, err)
		}
		all = append(all, c)
		total.add(c)
	}
	few := func(c choice) int {
		if c.smallest() < int64(q.Site.MinGroup) {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b choice) int {
		return cmp.Or(few(a)-few(b), cmp.Compare(a.n[shown], b.n[shown]), cmp.Compare(a.country, b.country), cmp.Compare(a.device, b.device))
	})
	return all, total, rows.Err()
}

func (c *choice) cells() []any {
	interactions := c.n[accepted] + c.n[rejected] + c.n[saved]
	return []any{
		c.country, c.device, c.n[shown], c.n[accepted], c.n[rejected], c.n[saved],
		max(0, c.n[shown]-interactions), c.n[withdrawn], c.n[signalled], ratio(c.n[accepted], interactions),
	}
}

func (c *choice) totals() []any {
	cells := c.cells()
	cells[0], cells[1] = nil, nil
	return cells
}

// namesChoices is names for the counters of banners, which have no row per
// person: one of the counts that the filters choose, or that one of them leaves
// out, is under MinGroup.
func (n narrowing) namesChoices(ctx context.Context, src Source, _ string, q Query) (bool, error) {
	if len(n.conditions) == 0 {
		return false, nil
	}
	total := func(conditions []string) (choice, error) {
		_, sum, err := askChoices(ctx, narrowed{src, narrowing{conditions, n.params, false}}, q)
		return sum, err
	}
	chosen, err := total(n.conditions)
	if err != nil {
		return false, fmt.Errorf("what is chosen by the filters: %w", err)
	}
	least := int64(q.Site.MinGroup)
	if chosen.smallest() < least { // 0 where there is nothing
		return true, nil
	}
	for i := range n.conditions {
		others := slices.Delete(slices.Clone(n.conditions), i, i+1)
		with, err := total(others)
		if err != nil {
			return false, fmt.Errorf("what is left out by the filters: %w", err)
		}
		for j := range with.n {
			with.n[j] -= chosen.n[j]
		}
		if few := with.smallest(); few > 0 && few < least {
			return true, nil
		}
	}
	return false, nil
}
