package report

import (
	"context"
	_ "embed" // bots.sql
	"fmt"
	"slices"
)

//go:embed query/bots.sql
var botsSQL string

// bots shows apart what every other report leaves out: hits of crawlers,
// scanners, monitors and other machines, by why they are taken for ones
// (package enrich, and package mail for mails, each hit as it was judged when it
// came: what only its neighbours tell is in the mail report). Reasons with fewer than MinGroup
// hits are folded: now and then a person is taken for a machine.
func bots(ctx context.Context, src Source, q Query) (*Table, error) {
	table := &Table{Meta: metaOf(&q), Columns: []Column{{"reason", Text, ""}}}
	for _, name := range []string{"hits", "page_views", "visits", "impressions", "clicks", "conversions", "mail_opens", "mail_clicks"} {
		table.Columns = append(table.Columns, Column{name, Integer, ""})
	}
	all, err := askBots(ctx, src, q, len(table.Columns)-1)
	if err != nil {
		return nil, err
	}
	hits, upTo, sum := make([]int64, len(all)), make([]int64, len(all)), int64(0)
	for i, row := range all {
		hits[i] = row.Cells[1].(int64)
		sum += hits[i]
		upTo[i] = sum
	}
	cut := foldAt(hits, upTo, q.Site.MinGroup)
	table.Meta.FoldedGroups = cut
	table.Rows = slices.Clone(all[cut:])
	slices.Reverse(table.Rows) // most hits first
	if cut > 0 {
		folded := sumCells(table.Columns, all[:cut])
		folded[0] = FoldedLabel(q.Site.MinGroup)
		table.Rows = append(table.Rows, Row{Folded, folded})
	}
	table.Totals = sumCells(table.Columns, all)
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if all, err = askBots(ctx, src, before, len(table.Columns)-1); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, sumCells(table.Columns, all)}
	return table, nil
}

// askBots returns a row per reason, fewest hits first.
func askBots(ctx context.Context, src Source, q Query, figures int) ([]Row, error) {
	rows, err := src.Query(ctx, botsSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Row
	for rows.Next() {
		var reason string
		n := make([]int64, figures)
		into := []any{&reason}
		for i := range n {
			into = append(into, &n[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("row %d of the answer: %w", len(all)+1, err)
		}
		cells := []any{reason}
		for _, one := range n {
			cells = append(cells, one)
		}
		all = append(all, Row{Measured, cells})
	}
	return all, rows.Err()
}
