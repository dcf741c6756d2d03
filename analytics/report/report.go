package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnknown says that no report has the name asked for.
var ErrUnknown = errors.New("unknown report")

type run func(ctx context.Context, src Source, q Query) (*Table, error)

// all lists the reports.
func all() map[string]run {
	return map[string]run{
		"attribution": attribution,
		"bots":        bots,
		"campaigns":   campaigns,
		"costs":       costs,
		"coverage":    coverage,
		"channels":    channels,
		"consent":     consent,
		"funnel":      funnel,
		"mail":        mail,
		"retention":   retention,
		"pages":       pages,
		"sources":     sources,
		"timeseries":  timeseries,
	}
}

// Names lists the reports in alphabetical order.
func Names() []string {
	var names []string
	for name := range all() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Run answers a question with the report of that name. Errors: ErrUnknown, an
// *Error where the question is wrong, else what the source said.
func Run(ctx context.Context, src Source, name string, q Query) (*Table, error) {
	report, ok := all()[name]
	if !ok {
		return nil, fmt.Errorf("%w %q: the reports are %s", ErrUnknown, name, strings.Join(Names(), ", "))
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.CompleteUntil.IsZero() {
		newest, err := newestRow(ctx, src, q.Site.ID)
		if err != nil {
			return nil, fmt.Errorf("report %s of %s: %w", name, q.Site.ID, err)
		}
		q.CompleteUntil = newest
	}
	q.Options.defaults()
	q.rates = newRates(ctx, src, q)
	if name == "timeseries" && q.Options.By == ByMinute { // whatever days were asked for
		since, until := q.moments()
		q.From, q.To, q.Compare = DayOf(since, q.Site.Zone), DayOf(until, q.Site.Zone), NoCompare
	}
	asked := q.Filters
	if err := q.split(name); err != nil {
		return nil, err
	}
	table, err := q.answer(ctx, src, name, report)
	if err != nil {
		return nil, fmt.Errorf("report %s of %s, %s to %s: %w", name, q.Site.ID, q.From, q.To, err)
	}
	table.Meta.Report, table.Meta.Filters = name, asked
	table.Meta.RetainedSince, table.Meta.SumsBefore = q.retained(name, table.Compare, table.Meta.Lookback)
	return table, nil
}

// answer runs a report over the events that the filters choose; where they
// choose too few people, or leave out too few, it has no rows.
func (q Query) answer(ctx context.Context, src Source, name string, report run) (*Table, error) {
	chosen := narrowingBy(name, q.narrow)
	if name == "bots" {
		chosen.bots = true
	}
	names := chosen.names
	if name == "consent" || name == "coverage" {
		names = chosen.namesChoices
	}
	few, err := names(ctx, src, name, q)
	if err != nil {
		return nil, err
	}
	if few {
		table := &Table{Columns: []Column{}, Meta: metaOf(&q)}
		table.Meta.Withheld = true
		return table, nil
	}
	if q.Compare != NoCompare && len(chosen.conditions) > 0 {
		before := q
		before.From, before.To = q.earlier()
		if few, err = names(ctx, src, name, before); err != nil {
			return nil, fmt.Errorf("the period compared with: %w", err)
		}
		if few {
			q.Compare = NoCompare
		}
	}
	if len(q.narrow) > 0 { // else every statement is as it stands in its file
		src = narrowed{src, chosen}
	}
	table, err := report(ctx, src, q)
	if err == nil && q.Compare != NoCompare && slices.Contains(comparedWhole, name) {
		err = q.compareWhole(ctx, src, table, report)
	}
	return table, err
}

// comparedWhole are the reports that are asked once more for the period that
// they are compared with; the others ask for its totals alone.
var comparedWhole = []string{"costs", "coverage", "funnel", "retention"}

// compareWhole adds the totals of the earlier period; a funnel has none, and
// gets a column of the visitors who reached each step then.
func (q Query) compareWhole(ctx context.Context, src Source, table *Table, report run) error {
	q.From, q.To = q.earlier()
	q.Compare = NoCompare
	before, err := report(ctx, src, q)
	if err != nil {
		return fmt.Errorf("the period compared with: %w", err)
	}
	if i := before.Column("step"); i >= 0 {
		visitors := before.Column("visitors")
		table.Columns = append(table.Columns, Column{"visitors_before", Integer, ""})
		for n := range table.Rows {
			table.Rows[n].Cells = append(table.Rows[n].Cells, before.Rows[n].Cells[visitors])
		}
		table.Totals = append(table.Totals, nil)
	}
	totals := make([]any, len(table.Columns)) // a cohort's weeks may be more or fewer
	for i, c := range table.Columns {
		totals[i] = before.Total(c.Name)
	}
	table.Compare = &Comparison{q.From, q.To, totals}
	return nil
}

func metaOf(q *Query) Meta {
	return Meta{
		Site: q.Site.ID, From: q.From, To: q.To, Timezone: q.Site.Zone.String(), Currency: q.Site.Currency,
		CompleteUntil: q.CompleteUntil, MinGroup: q.Site.MinGroup, Made: q.Site.Made, Filters: q.Filters,
	}
}
