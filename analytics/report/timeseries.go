package report

import (
	"context"
	_ "embed" // timeseries.sql
	"fmt"
)

//go:embed query/timeseries.sql
var timeseriesSQL string

// timeseries is the site's figures day by day, a row for every day of the
// range. A day's sum is of the whole site and names no group, so nothing is
// folded. Visitors of the totals are counted once, whatever days they came on.
func timeseries(ctx context.Context, src Source, q Query) (*Table, error) {
	if err := checkFilters(q.Filters, nil); err != nil {
		return nil, err
	}
	money := q.Site.Currency
	table := &Table{Meta: metaOf(&q), Columns: []Column{
		{"day", Date, ""},
		{"impressions", Integer, ""},
		{"clicks", Integer, ""},
		{"visits", Integer, ""},
		{"page_views", Integer, ""},
		{"visitors", Integer, ""},
		{"conversions", Integer, ""},
		{"value", Number, money},
		{"refunds", Number, money},
	}}
	table.Meta.MinGroup = 0
	days, others, err := askDays(ctx, src, q)
	if err != nil {
		return nil, err
	}
	table.Meta.OtherCurrencies = others
	table.Totals = days[0]
	for d := q.From; d <= q.To; d++ {
		cells, ok := days[d]
		if !ok {
			cells = noFigures()
		}
		cells[0] = d
		table.Rows = append(table.Rows, Row{Cells: cells})
	}
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if days, _, err = askDays(ctx, src, before); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, days[0]}
	return table, nil
}

// noFigures is a day on which nothing happened, without its date.
func noFigures() []any {
	return []any{nil, int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), Money(0), Money(0)}
}

// askDays returns cells by day, the first of each left out; the totals are
// those of day 0. others counts amounts in other currencies.
func askDays(ctx context.Context, src Source, q Query) (days map[Day][]any, others int64, err error) {
	days = map[Day][]any{0: noFigures()}
	rows, err := src.Query(ctx, timeseriesSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var day int32
		var visitors, impressions, clicks, visits, pageViews int64
		if err := rows.Scan(&day, &visitors, &impressions, &clicks, &visits, &pageViews); err != nil {
			return nil, 0, fmt.Errorf("day %d of the answer: %w", len(days), err)
		}
		days[Day(day)] = []any{nil, impressions, clicks, visits, pageViews, visitors, int64(0), Money(0), Money(0)}
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	sales, err := askSales(ctx, src, q)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range sales {
		others += s.otherCurrencies
		for _, day := range []Day{0, s.day} {
			cells, ok := days[day]
			if !ok {
				cells = noFigures()
				days[day] = cells
			}
			cells[6] = cells[6].(int64) + s.conversions
			cells[7] = cells[7].(Money) + Money(s.value)
			cells[8] = cells[8].(Money) + Money(s.refunds)
		}
	}
	return days, others, nil
}
