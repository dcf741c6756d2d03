package report

import (
	"context"
	_ "embed" // campaigns.sql
	"slices"
	"strings"
)

//go:embed query/campaigns.sql
var campaignsSQL string

// campaigns says which campaign brought visits, visitors and conversions, and
// at what cost.
//
// source is the campaign's source, or the channel where there is none; rate is
// conversions per visit. value and refunds are in the site's currency; value
// is before refunds, because a refund counts on its own day.
//
// impressions and clicks are ours, of people who agreed. platform_impressions
// and platform_clicks are what the platform says, uploaded with the costs: ctr
// and cpc are of those alone. cpa is cost by conversion, roas value by cost.
// Costs to which no visit came have rows of their own: they name nobody. Where
// filters choose events by other columns there are no costs.
//
// Options.Detail splits campaigns by content, or by content and term.
func campaigns(ctx context.Context, src Source, q Query) (*Table, error) {
	q.Options.detailFor(q.Filters)
	dimensions := []string{"source", "medium", "campaign", "content", "term"}
	shownDimensions := 3 + int(q.Options.Detail)
	r := visitsBy(q, q.Options.Detail.columns(campaignsSQL), dimensions, func(s *salePlace) []string {
		place := []string{s.source, s.medium, s.campaign, "", ""}
		if s.source == "" {
			place[0] = s.channel
		}
		if q.Options.Detail >= ByContent {
			place[3] = s.content
		}
		if q.Options.Detail >= ByTerm {
			place[4] = s.term
		}
		return place
	})
	r.withCosts = len(q.narrow) == 0 // no platform says them by country or page
	shows := []Column{{"impressions", Integer, ""}, {"clicks", Integer, ""}}
	r.metrics = append(shows, r.metrics...)
	r.columns = slices.Concat(r.columns[:shownDimensions], shows, r.columns[len(dimensions):])
	if r.withCosts {
		r.columns = append(r.columns, costColumns(q.Site.Currency)...)
	}
	for name, derive := range costFigures() {
		r.derived[name] = derive
	}
	return runGrouped(ctx, src, q, r)
}

// columns puts the columns by which a campaign is split into a statement.
func (d Detail) columns(sql string) string {
	content, term := "''", "''"
	if d >= ByContent {
		content = "content"
	}
	if d >= ByTerm {
		term = "term"
	}
	return strings.NewReplacer("{{content}}", content, "{{term}}", term).Replace(sql)
}
