package report

import (
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
	r := visitsBy(q, campaignsSQL, []string{"source", "medium", "campaign"}, func(s sale) []string {
		if s.source == "" {
			return []string{s.channel, s.medium, s.campaign}
		}
		return []string{s.source, s.medium, s.campaign}
	})
	shows := []Column{{"impressions", Integer, ""}, {"clicks", Integer, ""}}
	r.metrics = append(shows, r.metrics...)
	r.columns = append(append(r.columns[:3:3], shows...), r.columns[3:]...)
	return runGrouped(ctx, src, q, r)
}
