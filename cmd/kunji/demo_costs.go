package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// madeCosts are what the platforms of the made month bill: clicks by visits of
// a day, what one costs, and how often an advertisement is seen for each.
var madeCosts = []struct {
	source, medium, campaign string
	share, click, views      float64
}{
	{"baidu", "cpc", "autumn-tea", .17, 2.4, 26},
	{"google", "cpc", "autumn-tea", .1, 3.1, 31},
	{"douyin", "paid-social", "new-harvest", .07, 1.7, 64},
}

// makeCosts bills the month that ends at end.
func makeCosts(ctx context.Context, s *store.Store, st *site.Site, end time.Time, perDay float64, r *rand.Rand) error {
	var costs []store.Cost
	for back := range madeDays {
		day := end.AddDate(0, 0, -back)
		for _, c := range madeCosts {
			clicks := poisson(r, perDay*c.share*dayWeight(day.In(st.Zone).Weekday(), 1-float64(back)/madeDays))
			costs = append(costs, store.Cost{
				Site: st.ID, Day: st.LocalDay(day), Source: c.source, Medium: c.medium, Campaign: c.campaign, Currency: st.Currency,
				Amount: event.Amount(float64(clicks) * c.click * 10_000), Clicks: uint64(clicks), Impressions: uint64(poisson(r, float64(clicks)*c.views)),
			})
		}
	}
	if err := s.PutCosts(ctx, costs); err != nil {
		return fmt.Errorf("make the month's costs: %w", err)
	}
	return nil
}
