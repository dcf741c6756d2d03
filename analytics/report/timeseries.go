package report

import (
	"context"
	_ "embed" // timeseries.sql, timeseries_fine.sql
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

//go:embed query/timeseries.sql
var timeseriesSQL string

//go:embed query/timeseries_fine.sql
var timeseriesFineSQL string

// timeseries is the site's figures step by step, a row for every one of the
// range: by day, week, month or hour, or by minute for the last 30. A step's
// sum is of the whole site and names no group, so nothing is folded, unless
// filters make a group (hideFew). Visitors of the totals are counted once,
// whenever they came. A week or month at the end of the range has the days that
// are in the range.
func timeseries(ctx context.Context, src Source, q Query) (*Table, error) {
	by := q.Options.By
	if n := q.To - q.From + 1; by == ByHour && n > maxHourDays {
		return nil, &Error{"by", fmt.Sprintf("%d days by hour are too many rows", n), fmt.Sprintf("ask for at most %d days, or by day", maxHourDays)}
	}
	money := q.Site.Currency
	table := &Table{Meta: metaOf(&q), Columns: []Column{
		{by.String(), Date, ""},
		{"impressions", Integer, ""},
		{"clicks", Integer, ""},
		{"visits", Integer, ""},
		{"page_views", Integer, ""},
		{"visitors", Integer, ""},
		{"conversions", Integer, ""},
		{"value", Number, money},
		{"refunds", Number, money},
	}}
	if by.fine() {
		table.Columns[0].Type = Moment
	}
	table.Meta.MinGroup = 0
	figures, others, err := askSteps(ctx, src, q)
	if err != nil {
		return nil, err
	}
	table.Meta.OtherCurrencies = others
	table.Totals = figures[0]
	steps := q.steps()
	for _, one := range steps {
		cells, ok := figures[one.key]
		if !ok {
			cells = noFigures()
		}
		cells[0] = one.begin
		table.Rows = append(table.Rows, Row{Cells: cells})
	}
	if chosen, ok := src.(narrowed); ok {
		few, err := chosen.few(ctx, chosen.Source, "timeseries", q, stepColumns[by])
		if err != nil {
			return nil, err
		}
		q.hideFew(table, steps, few)
	}
	if q.Compare == NoCompare {
		return table, nil
	}
	before := q
	before.From, before.To = q.earlier()
	if figures, _, err = askSteps(ctx, src, before); err != nil {
		return nil, fmt.Errorf("the period compared with: %w", err)
	}
	table.Compare = &Comparison{before.From, before.To, figures[0]}
	return table, nil
}

// noFigures is a step in which nothing happened, without its date.
func noFigures() []any {
	return []any{nil, int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), Money(0), Money(0)}
}

// hideFew takes the figures of the steps in which filters choose fewer than
// MinGroup visitors, or leave so few out, and of the smallest other step: the
// totals less what is shown are then about enough people.
func (q *Query) hideFew(t *Table, steps []span, few map[int64]bool) {
	const visitors = 5
	hide := func(r Row) {
		for i := 1; i < len(r.Cells); i++ {
			r.Cells[i] = nil
		}
	}
	smallest, hidden := -1, false
	for i, r := range t.Rows {
		nothing := slices.Equal(r.Cells[1:], noFigures()[1:])
		switch n := r.Cells[visitors].(int64); {
		case few[steps[i].key], !nothing && n < int64(q.Site.MinGroup):
			hidden = true
			hide(r)
		case nothing:
		case smallest < 0 || n < t.Rows[smallest].Cells[visitors].(int64):
			smallest = i
		}
	}
	if hidden && smallest >= 0 {
		hide(t.Rows[smallest])
	}
}

// askSteps returns cells by step, the first of each left out; the totals are
// those of step 0. others counts amounts in other currencies.
func askSteps(ctx context.Context, src Source, q Query) (figures map[int64][]any, others int64, err error) {
	figures = map[int64][]any{0: noFigures()}
	sql, params := timeseriesSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()}
	since, until := q.moments()
	if q.Options.By.fine() {
		sql = timeseriesFineSQL
		params["since"], params["until"] = since.UTC().Format(time.DateTime), until.UTC().Format(time.DateTime)
	}
	sql = strings.Replace(sql, "{{step}}", stepColumns[q.Options.By], 1)
	if q.Options.By == ByHour {
		params["zone"] = q.Site.Zone.String()
	}
	var sales []sale
	err = together(ctx,
		func(ctx context.Context) error {
			if q.Options.By.fine() { // of events
				ctx = store.Threads(ctx, 0)
			}
			return readSteps(ctx, src, sql, params, figures)
		},
		func(ctx context.Context) (err error) { sales, err = askSales(ctx, src, q, false); return err },
	)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range sales {
		key := int64(q.Options.By.of(s.day))
		if q.Options.By.fine() {
			if key = s.bucket; key < hourOf(since, q.Site.Zone) || key >= until.Unix() {
				continue
			}
			if q.Options.By == ByMinute && key < since.Unix() {
				continue
			}
		}
		others += s.otherCurrencies
		for _, step := range []int64{0, key} {
			cells, ok := figures[step]
			if !ok {
				cells = noFigures()
				figures[step] = cells
			}
			cells[6] = cells[6].(int64) + s.conversions
			cells[7] = cells[7].(Money) + Money(s.value)
			cells[8] = cells[8].(Money) + Money(s.refunds)
		}
	}
	return figures, others, nil
}

// readSteps reads what the statement says of each step.
func readSteps(ctx context.Context, src Source, sql string, params map[string]any, figures map[int64][]any) error {
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var visitors, kept, impressions, clicks, visits, pageViews uint64
		if err := rows.Scan(&at, &visitors, &kept, &impressions, &clicks, &visits, &pageViews); err != nil {
			return fmt.Errorf("step %d of the answer: %w", len(figures), err)
		}
		figures[at] = []any{nil, int64(impressions), int64(clicks), int64(visits), int64(pageViews), int64(visitors + kept), int64(0), Money(0), Money(0)}
	}
	return rows.Err()
}

// stepColumns are what a series is grouped by: days, or seconds since 1970.
var stepColumns = [...]string{
	ByDay: "local_day", ByWeek: "toMonday(local_day)", ByMonth: "toStartOfMonth(local_day)",
	ByHour: buckets[ByHour], ByMinute: buckets[ByMinute],
}
