package report

import (
	"context"
	_ "embed" // mail_sent.sql, mail_left.sql
	"fmt"
	"slices"
)

//go:embed query/mail_sent.sql
var mailSentSQL string

//go:embed query/mail_left.sql
var mailLeftSQL string

// sentMetrics are the figures that are counted when mails are made ready: all of
// them, and those whose recipient had agreed to a pixel or to signed links.
var sentMetrics = []string{"sent", "tracked"}

// joinSent adds to the groups how many mails were sent; campaigns that nobody
// opened become groups without recipients.
func (r *grouped) joinSent(ctx context.Context, src Source, q Query, groups []group) ([]group, error) {
	rows, err := src.Query(ctx, mailSentSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	index := make(map[string]int, len(groups))
	for i, g := range groups {
		index[placeKey(g.kind, g.dimensions)] = i
	}
	for rows.Next() {
		place := make([]string, 3)
		var sent, tracked int64
		if err := rows.Scan(&place[0], &place[1], &place[2], &sent, &tracked); err != nil {
			return nil, fmt.Errorf("mails sent: %w", err)
		}
		i, ok := index[placeKey(Measured, place)]
		if !ok {
			i = len(groups)
			groups = append(groups, group{kind: Measured, dimensions: place, figures: map[string]int64{}})
		}
		groups[i].figures["sent"], groups[i].figures["tracked"] = sent, tracked
	}
	return groups, rows.Err()
}

// onlySent reports whether all that is known of a group is that mails were sent,
// to so many that it names nobody: neither who was in it, nor which few of those
// who could be seen opened nothing.
func (g group) onlySent(least int) bool {
	for name, n := range g.figures {
		if n != 0 && !slices.Contains(sentMetrics, name) {
			return false
		}
	}
	sent, tracked := g.figures["sent"], g.figures["tracked"]
	return g.visitors == 0 && sent > 0 && sent >= int64(least) && (tracked == 0 || tracked >= int64(least))
}

// askLeft counts the recipients who unsubscribed.
func askLeft(ctx context.Context, src Source, q Query, from, to Day) (int64, error) {
	rows, err := src.Query(ctx, mailLeftSQL, map[string]any{"site": q.Site.ID, "from": from.String(), "to": to.String(), "zone": q.Site.Zone.String()})
	if err != nil {
		return 0, fmt.Errorf("who unsubscribed: %w", err)
	}
	defer rows.Close()
	var left int64
	if rows.Next() {
		if err := rows.Scan(&left); err != nil {
			return 0, fmt.Errorf("who unsubscribed: %w", err)
		}
	}
	return left, rows.Err()
}
