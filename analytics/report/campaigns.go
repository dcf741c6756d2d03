package report

import (
	"cmp"
	"context"
	_ "embed" // campaigns.sql
)

//go:embed query/campaigns.sql
var campaignsSQL string

// campaigns says which campaign brought visits, visitors and conversions.
//
// source is the campaign's source, or the channel where there is none; rate is
// conversions per visit. value and refunds are in the site's currency; value
// is before refunds, because a refund counts on its own day.
func campaigns(ctx context.Context, src Source, q Query) (*Table, error) {
	money := q.Site.Currency
	return runGrouped(ctx, src, q, grouped{
		sql:        campaignsSQL,
		dimensions: []string{"source", "medium", "campaign"},
		metrics: []Column{
			{"impressions", Integer, ""},
			{"clicks", Integer, ""},
			{"visits", Integer, ""},
		},
		placeOf: func(s sale) []string {
			if s.source == "" {
				return []string{s.channel, s.medium, s.campaign}
			}
			return []string{s.source, s.medium, s.campaign}
		},
		columns: []Column{
			{"source", Text, ""},
			{"medium", Text, ""},
			{"campaign", Text, ""},
			{"impressions", Integer, ""},
			{"clicks", Integer, ""},
			{"visits", Integer, ""},
			{"visitors", Integer, ""},
			{"conversions", Integer, ""},
			{"value", Number, money},
			{"refunds", Number, money},
			{"rate", Number, Ratio},
		},
		derived: map[string]func(group) any{
			"rate": func(g group) any { return ratio(g.figures["conversions"], g.figures["visits"]) },
		},
		order: func(a, b group) int {
			return cmp.Or(
				cmp.Compare(b.figures["visits"], a.figures["visits"]),
				cmp.Compare(b.visitors, a.visitors),
				cmp.Compare(b.figures["conversions"], a.figures["conversions"]),
			)
		},
	})
}
