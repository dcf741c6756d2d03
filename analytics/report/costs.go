package report

import (
	"context"
	"slices"
	"strings"
	"unicode"
)

// The findings of the costs report. Pages translate them.
const (
	CostsWithoutVisits = "costs without visits"
	VisitsWithoutCosts = "visits without costs"
)

// costs finds links that are tagged otherwise than the platform names them:
// costs to which no visit came, and visits without costs from a source and
// medium that have costs elsewhere. resembles names the campaign of the other
// finding that is the same but for case, spaces and punctuation.
//
// It is made of the rows of the campaigns report, so what was folded there is
// in none of the two.
func costs(ctx context.Context, src Source, q Query) (*Table, error) {
	asked := q
	asked.Filters, asked.Options.Detail, asked.Compare = nil, Whole, NoCompare
	all, err := campaigns(ctx, src, asked)
	if err != nil {
		return nil, err
	}
	money := q.Site.Currency
	table := &Table{Meta: all.Meta, Columns: []Column{
		{"source", Text, ""}, {"medium", Text, ""}, {"campaign", Text, ""}, {"finding", Text, ""}, {"resembles", Text, ""},
		{"visits", Integer, ""}, {"cost", Number, money}, {"platform_clicks", Integer, ""},
	}}
	table.Meta.Filters = q.Filters
	table.Rows = slices.DeleteFunc(mismatches(all), func(r Row) bool { return !q.keeps(r.Cells, originNames) })
	table.Totals = sumCells(table.Columns, table.Rows)
	return table, nil
}

// mismatches lists the two findings, the dearest costs first, then the most
// visits.
func mismatches(all *Table) []Row {
	cell := func(r Row, name string) any { return r.Cells[all.Column(name)] }
	pair := func(r Row) [2]string { return [2]string{cell(r, "source").(string), cell(r, "medium").(string)} }
	paid := map[[2]string]bool{}
	for _, r := range all.Rows {
		if cell(r, "cost") != Money(0) {
			paid[pair(r)] = true
		}
	}
	var rows []Row
	alike := map[string][2]string{} // by what is left of a name: with costs, with visits
	for _, r := range all.Rows {
		visits, cost := cell(r, "visits").(int64), cell(r, "cost").(Money)
		finding := ""
		switch {
		case r.Kind != Measured:
		case visits == 0 && cost != 0:
			finding = CostsWithoutVisits
		case visits != 0 && cost == 0 && paid[pair(r)]:
			finding = VisitsWithoutCosts
		}
		if finding == "" {
			continue
		}
		campaign := cell(r, "campaign").(string)
		both := alike[bare(campaign)]
		if finding == CostsWithoutVisits {
			both[0] = campaign
		} else {
			both[1] = campaign
		}
		alike[bare(campaign)] = both
		rows = append(rows, Row{Measured, []any{
			cell(r, "source"), cell(r, "medium"), campaign, finding, "", visits, cost, cell(r, "platform_clicks"),
		}})
	}
	for _, r := range rows {
		other := 1
		if r.Cells[3] == VisitsWithoutCosts {
			other = 0
		}
		r.Cells[4] = alike[bare(r.Cells[2].(string))][other]
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		if a.Cells[6] != b.Cells[6] {
			return int(max(-1, min(1, b.Cells[6].(Money)-a.Cells[6].(Money))))
		}
		return int(max(-1, min(1, b.Cells[5].(int64)-a.Cells[5].(int64))))
	})
	return rows
}

// bare leaves of a campaign's name what people do not mistype: letters and
// digits, in lower case.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
