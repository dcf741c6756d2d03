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

// Indexes of a choice's counts. Those before withdrawn are of every banner; the
// others are rare.
const (
	shown = iota
	accepted
	rejected
	saved
	withdrawn
	signalled
	outcomes
)

// Indexes of a choice's place.
const (
	inCountry = iota
	onDevice
	inLanguage
	ofBanner
)

// choice is what became of some banners.
type choice struct {
	place []string
	n     [outcomes]int64
}

func (c *choice) add(o choice) {
	for i := range c.n {
		c.n[i] += o.n[i]
	}
}

// smallest is the least of the counts that are not zero: what could point at
// someone.
func smallest(counts []int64) int64 {
	least := int64(0)
	for _, n := range counts {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// consent says how often the banner was shown and what people chose, by
// country and device, and in tables of their own by the banner's language and
// by its version. Interactions are accept, reject and save; ignored is shown
// less interactions; the acceptance rate is accepted by interactions (the
// definitions of Usercentrics). Opt-outs by signal stand apart.
//
// Cells under MinGroup are merged: a row in which views, yes, no or a choice of
// one's own are fewer is folded, and then the row that was shown least, as long
// as the fold has such a cell itself. Withdrawals and signals are rare, and one of
// them must not fold everything: their cells are withheld instead, in their own
// column (withhold). There is no table by country alone: less the rows by country
// and device it would show what was merged.
func consent(ctx context.Context, src Source, q Query) (*Table, error) {
	all, err := askChoices(ctx, src, q)
	if err != nil {
		return nil, err
	}
	table := choiceTable(q, all, []string{"country", "device"}, inCountry, onDevice)
	languages, banners := choiceTable(q, all, []string{"language"}, inLanguage), choiceTable(q, all, []string{"banner"}, ofBanner)
	languages.Name, banners.Name = "languages", "banners"
	table.More = []*Table{languages, banners}
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if all, err = askChoices(ctx, src, before); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, choiceTable(before, all, []string{"country", "device"}, inCountry, onDevice).Totals}
	return table, nil
}

// choiceTable tabulates choices by parts of their place, with cells too small
// merged.
func choiceTable(q Query, all []choice, names []string, parts ...int) *Table {
	table := &Table{Meta: metaOf(&q)}
	for _, name := range names {
		table.Columns = append(table.Columns, Column{name, Text, ""})
	}
	for _, name := range []string{"shown", "accepted", "rejected", "saved", "ignored", "withdrawn", "gpc"} {
		table.Columns = append(table.Columns, Column{name, Integer, ""})
	}
	table.Columns = append(table.Columns, Column{"accept_rate", Number, Ratio})
	choices := gather(all, q.Site.MinGroup, parts...)
	cells, upTo := make([]int64, len(choices)), make([]int64, len(choices))
	total := choice{place: make([]string, len(parts))}
	for i, c := range choices {
		total.add(c)
		cells[i], upTo[i] = smallest(c.n[:withdrawn]), smallest(total.n[:withdrawn])
	}
	cut := foldAt(cells, upTo, q.Site.MinGroup)
	table.Meta.FoldedGroups = cut
	visible := slices.Clone(choices[cut:])
	slices.SortFunc(visible, func(a, b choice) int {
		return cmp.Or(cmp.Compare(b.n[shown], a.n[shown]), slices.Compare(a.place, b.place))
	})
	for _, c := range visible {
		table.Rows = append(table.Rows, Row{Measured, c.cells()})
	}
	if cut > 0 {
		fold := choice{place: make([]string, len(parts))}
		fold.place[0] = FoldedLabel(q.Site.MinGroup)
		for _, c := range choices[:cut] {
			fold.add(c)
		}
		table.Rows = append(table.Rows, Row{Folded, fold.cells()})
	}
	for _, name := range []string{"withdrawn", "gpc"} {
		withhold(table, name, q.Site.MinGroup)
	}
	table.Totals = total.cells()
	clear(table.Totals[:len(parts)])
	return table
}

// withhold leaves out of a column what would point at someone: where a cell is
// neither zero nor least, the smallest cells, zeros first, until those left out
// are least together. What the total less the others shows is then their sum only.
func withhold(t *Table, column string, least int) {
	at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
	count := func(r Row) int64 { n, _ := r.Cells[at].(int64); return n }
	if !slices.ContainsFunc(t.Rows, func(r Row) bool { return count(r) > 0 && count(r) < int64(least) }) {
		return
	}
	rows := slices.Clone(t.Rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(count(a), count(b)) })
	cells, upTo, sum := make([]int64, len(rows)), make([]int64, len(rows)), int64(0)
	for i, r := range rows {
		sum += count(r)
		cells[i], upTo[i] = count(r), sum
	}
	for _, r := range rows[:foldAt(cells, upTo, least)] {
		r.Cells[at] = nil
	}
}

// gather sums choices by parts of their place: those with a count under least
// first, then those shown least.
func gather(all []choice, least int, parts ...int) []choice {
	var sums []choice
	at := map[string]int{}
	for _, c := range all {
		place := make([]string, len(parts))
		for i, part := range parts {
			place[i] = c.place[part]
		}
		key := placeKey(Measured, place)
		i, ok := at[key]
		if !ok {
			i = len(sums)
			at[key] = i
			sums = append(sums, choice{place: place})
		}
		sums[i].add(c)
	}
	few := func(c choice) int {
		if smallest(c.n[:withdrawn]) < int64(least) {
			return 0
		}
		return 1
	}
	slices.SortFunc(sums, func(a, b choice) int {
		return cmp.Or(few(a)-few(b), cmp.Compare(a.n[shown], b.n[shown]), slices.Compare(a.place, b.place))
	})
	return sums
}

// askChoices returns the choices of every country, device, language and
// version of the banner.
func askChoices(ctx context.Context, src Source, q Query) ([]choice, error) {
	rows, err := src.Query(ctx, consentSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []choice
	for rows.Next() {
		c := choice{place: make([]string, 4)}
		into := []any{&c.place[inCountry], &c.place[onDevice], &c.place[inLanguage], &c.place[ofBanner]}
		for i := range c.n {
			into = append(into, &c.n[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("row %d of the answer: %w", len(all)+1, err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (c *choice) cells() []any {
	var cells []any
	for _, text := range c.place {
		cells = append(cells, text)
	}
	interactions := c.n[accepted] + c.n[rejected] + c.n[saved]
	return append(cells,
		c.n[shown], c.n[accepted], c.n[rejected], c.n[saved],
		max(0, c.n[shown]-interactions), c.n[withdrawn], c.n[signalled], ratio(c.n[accepted], interactions),
	)
}

// namesChoices is names for the counters of banners, which have no row per
// person: one of the counts that the filters choose, or that one value of several
// adds, or that one of them leaves out, is under MinGroup.
func (n narrowing) namesChoices(ctx context.Context, src Source, _ string, q Query) (bool, error) {
	if len(n.conditions) == 0 {
		return false, nil
	}
	total := func(conditions []string) (choice, error) {
		all, err := askChoices(ctx, narrowed{src, narrowing{conditions: conditions, params: n.params}}, q)
		var sum choice
		for _, c := range all {
			sum.add(c)
		}
		return sum, err
	}
	chosen, err := total(n.conditions)
	if err != nil {
		return false, fmt.Errorf("what is chosen by the filters: %w", err)
	}
	least := int64(q.Site.MinGroup)
	if smallest(chosen.n[:]) < least { // 0 where there is nothing
		return true, nil
	}
	for _, v := range n.values {
		alone := slices.Clone(n.conditions)
		alone[v.condition] = v.sql
		sum, err := total(alone)
		if err != nil {
			return false, fmt.Errorf("what is chosen by a filter alone: %w", err)
		}
		if few := smallest(sum.n[:]); few > 0 && few < least {
			return true, nil
		}
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
		if few := smallest(with.n[:]); few > 0 && few < least {
			return true, nil
		}
	}
	return false, nil
}
