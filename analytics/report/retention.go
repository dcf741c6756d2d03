package report

import (
	"context"
	_ "embed" // retention.sql
	"fmt"
)

//go:embed query/retention.sql
var retentionSQL string

// MaxWeeks is for how many weeks a cohort is followed.
const MaxWeeks = 12

// retention says how many of the visitors first seen in a week came back later:
// a row per week of the range, Monday to Sunday, and a column per week after.
// visitors is the cohort; week_n the part of it that was seen n weeks later.
// The week in which the range ends may not be over.
//
// Cohorts of fewer than MinGroup are left out; a part of a cohort that is, or
// leaves, fewer than MinGroup visitors but some has no figure (policy 2.3.3).
// Totals weigh the figures that are there.
func retention(ctx context.Context, src Source, q Query) (*Table, error) {
	first, last := monday(q.From), monday(q.To)
	weeks := min(MaxWeeks, int(last-first)/7)
	table := &Table{Meta: metaOf(&q), Columns: []Column{{"cohort", Date, ""}, {"visitors", Integer, ""}}}
	for n := 1; n <= weeks; n++ {
		table.Columns = append(table.Columns, Column{fmt.Sprintf("week_%d", n), Number, Ratio})
	}
	seen, err := askCohorts(ctx, src, q, weeks)
	if err != nil {
		return nil, err
	}
	people, back, of := int64(0), make([]int64, weeks+1), make([]int64, weeks+1)
	for cohort := first; cohort <= last; cohort += 7 {
		size, least := seen[cohort][0], int64(q.Site.MinGroup)
		if size < least {
			if size > 0 {
				table.Meta.FoldedGroups++
			}
			continue
		}
		people += size
		cells := []any{cohort, size}
		for n := 1; n <= weeks; n++ {
			came := seen[cohort][n]
			if over := cohort+Day(7*n) > last; over || !shows(came, least) || !shows(size-came, least) {
				cells = append(cells, nil)
				continue
			}
			cells = append(cells, ratio(came, size))
			back[n] += came
			of[n] += size
		}
		table.Rows = append(table.Rows, Row{Measured, cells})
	}
	table.Totals = []any{nil, people}
	for n := 1; n <= weeks; n++ {
		table.Totals = append(table.Totals, ratio(back[n], of[n]))
	}
	return table, nil
}

// monday returns the Monday of a day's week; day 0 was a Thursday.
func monday(d Day) Day { return d - (d+3)%7 }

// askCohorts returns visitors by cohort and weeks since.
func askCohorts(ctx context.Context, src Source, q Query, weeks int) (map[Day][MaxWeeks + 1]int64, error) {
	seen := map[Day][MaxWeeks + 1]int64{}
	for first := monday(q.From); first <= q.To; first += 7 * cohortsAtOnce {
		if err := readCohorts(ctx, src, q, first, weeks, seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// cohortsAtOnce is how many cohorts fit into a statement: they, the weeks after
// the last one, and all weeks before have a bit each of 64.
const cohortsAtOnce = 63 - MaxWeeks

// readCohorts reads the cohorts from a Monday on.
func readCohorts(ctx context.Context, src Source, q Query, first Day, weeks int, seen map[Day][MaxWeeks + 1]int64) error {
	rows, err := src.Query(ctx, retentionSQL, map[string]any{
		"site": q.Site.ID, "to": q.To.String(), "first": first.String(), "cohorts": uint8(cohortsAtOnce), "followed": uint8(weeks),
	})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var nth, came, visitors int64
		if err := rows.Scan(&nth, &came, &visitors); err != nil {
			return fmt.Errorf("a cohort of the answer: %w", err)
		}
		cohort := first + 7*Day(nth-1)
		one := seen[cohort]
		for later := range one {
			one[later] += visitors * (came >> later & 1)
		}
		seen[cohort] = one
	}
	return rows.Err()
}
