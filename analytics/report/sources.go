package report

import (
	"cmp"
	"context"
	_ "embed" // sources.sql
)

//go:embed query/sources.sql
var sourcesSQL string

// sources says which site, platform or letter brought visits, whatever the
// campaign.
func sources(ctx context.Context, src Source, q Query) (*Table, error) {
	return runGrouped(ctx, src, q, visitsBy(q, sourcesSQL, []string{"source", "channel"}, func(s *salePlace) []string {
		return []string{s.source, s.channel}
	}))
}

// visitsBy is a report of visits and what became of them, by dimensions of
// where they came from.
func visitsBy(q Query, sql string, dimensions []string, placeOf func(*salePlace) []string) grouped {
	money := q.Site.Currency
	r := grouped{
		sql: sql, rollup: true, dimensions: dimensions, placeOf: placeOf,
		metrics: []Column{{"visits", Integer, ""}},
		derived: map[string]func(group) any{"rate": conversionRate},
		order:   mostVisitsFirst,
	}
	for _, name := range dimensions {
		r.columns = append(r.columns, Column{name, Text, ""})
	}
	r.columns = append(r.columns, Column{"visits", Integer, ""}, Column{"visitors", Integer, ""})
	r.columns = append(r.columns, saleMetrics(money)...)
	r.columns = append(r.columns, Column{"rate", Number, Ratio})
	return r
}

// conversionRate is conversions per visit.
func conversionRate(g group) any { return ratio(g.figures["conversions"], g.figures["visits"]) }

func mostVisitsFirst(a, b group) int {
	return cmp.Or(
		cmp.Compare(b.figures["visits"], a.figures["visits"]),
		cmp.Compare(b.visitors, a.visitors),
		cmp.Compare(b.figures["conversions"], a.figures["conversions"]),
	)
}
