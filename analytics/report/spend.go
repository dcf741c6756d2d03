package report

import (
	"cmp"
	"context"
	_ "embed" // costs.sql
	"fmt"
	"slices"
)

//go:embed query/costs.sql
var costsSQL string

// spend is what was spent on one key, in the site's currency.
type spend struct {
	place               []string // source, medium, campaign, content, term
	amount              int64    // ten-thousandths
	impressions, clicks int64    // the platform's
	otherCurrencies     int64    // uploaded amounts without a rate
}

// askSpend reads the costs of the query's days, down to a detail. A key may
// come several times, by currency and day.
func askSpend(ctx context.Context, src Source, q Query, detail Detail) ([]spend, error) {
	rows, err := src.Query(ctx, detail.columns(costsSQL), map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(), "currency": q.Site.Currency,
	})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	type paid struct {
		spend
		day                           int32
		currency                      string
		impressions, clicks, uploaded uint64
	}
	var costs []paid
	for rows.Next() {
		one := paid{spend: spend{place: make([]string, 5)}}
		err := rows.Scan(&one.day, &one.currency, &one.place[0], &one.place[1], &one.place[2], &one.place[3], &one.place[4],
			&one.amount, &one.impressions, &one.clicks, &one.uploaded)
		if err != nil {
			return nil, fmt.Errorf("cost %d of the answer: %w", len(costs)+1, err)
		}
		one.spend.impressions, one.spend.clicks = int64(one.impressions), int64(one.clicks)
		costs = append(costs, one)
	}
	if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	all := make([]spend, len(costs))
	for i, one := range costs {
		amount, ok, err := q.rates.convert(one.amount, one.currency, Day(one.day))
		if err != nil {
			return nil, err
		}
		if one.amount = amount; !ok {
			one.otherCurrencies = int64(one.uploaded)
		}
		all[i] = one.spend
	}
	return all, nil
}

// joinCosts adds costs to the campaigns that they paid for; those to which
// nobody came become groups without visitors.
func (r *grouped) joinCosts(groups []group, spent []spend) []group {
	index := make(map[string]int, len(groups))
	for i, g := range groups {
		index[placeKey(g.kind, g.dimensions)] = i
	}
	for _, s := range spent {
		i, ok := index[placeKey(Measured, s.place)]
		if !ok {
			i = len(groups)
			index[placeKey(Measured, s.place)] = i
			groups = append(groups, group{kind: Measured, dimensions: s.place, figures: map[string]int64{}})
		}
		g := &groups[i]
		g.figures["cost"] += s.amount
		g.figures["platform_impressions"] += s.impressions
		g.figures["platform_clicks"] += s.clicks
		g.otherCurrencies += s.otherCurrencies
	}
	return groups
}

// costMetrics are the figures that only costs fill.
var costMetrics = []string{"cost", "platform_impressions", "platform_clicks"}

// onlyCosts reports whether all that is known of a group is what it cost: it is
// about nobody.
func (g group) onlyCosts() bool {
	for name, n := range g.figures {
		if n != 0 && !slices.Contains(costMetrics, name) {
			return false
		}
	}
	return g.visitors == 0 && (g.figures["cost"] != 0 || g.figures["platform_impressions"] != 0 || g.figures["platform_clicks"] != 0)
}

// extract takes out of groups those that match.
func extract(groups *[]group, match func(group) bool) (taken []group) {
	*groups = slices.DeleteFunc(*groups, func(g group) bool {
		if match(g) {
			taken = append(taken, g)
			return true
		}
		return false
	})
	return taken
}

func costColumns(money string) []Column {
	return []Column{
		{"cost", Number, money},
		{"platform_impressions", Integer, ""},
		{"platform_clicks", Integer, ""},
		{"ctr", Number, Ratio},
		{"cpc", Number, money},
		{"cpa", Number, money},
		{"roas", Number, ""},
	}
}

// costFigures are the columns that are worked out of others. Without a cost
// there is none of them.
func costFigures() map[string]func(group) any {
	return map[string]func(group) any{
		"ctr":  func(g group) any { return ratio(g.figures["platform_clicks"], g.figures["platform_impressions"]) },
		"cpc":  func(g group) any { return each(g.figures["cost"], g.figures["platform_clicks"]) },
		"cpa":  func(g group) any { return each(g.figures["cost"], g.figures["conversions"]) },
		"roas": func(g group) any { return ratio(g.figures["value"], g.figures["cost"]) },
	}
}

// each divides money, rounded to ten-thousandths, halves away from zero; nil
// where there is nothing to divide or nobody to divide among.
func each(amount, n int64) any {
	if amount == 0 || n == 0 {
		return nil
	}
	half := n / 2
	if amount < 0 {
		half = -half
	}
	return Money((amount + half) / n)
}
