package report

import (
	"context"
	_ "embed" // channels.sql
)

//go:embed query/channels.sql
var channelsSQL string

// channels says what kind of source brought visits: paid search, e-mail,
// referral. The rules are package enrich's, applied when the session started.
func channels(ctx context.Context, src Source, q Query) (*Table, error) {
	return runGrouped(ctx, src, q, visitsBy(q, channelsSQL, []string{"channel"}, func(s *salePlace) []string {
		return []string{s.channel}
	}))
}
