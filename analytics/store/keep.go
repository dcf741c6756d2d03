package store

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// A sketch of distinct visitors holds hashes of their ids while it is small, so it
// is about people, and past the term of the events that it was made from nothing
// about them may stay. What stays is how many they were:
//
//	staged    the days' rows are in campaign_keeping, each with a number in place
//	          of its sketch
//	listed    the days are in keeping_days: from here on they can be made anew
//	replaced  campaign_day has those rows in place of the others, and the parts
//	          were rewritten without them
//
// A crash before the second step leaves rows in campaign_keeping that nobody reads,
// and one after it leaves the days listed: the next round replaces them again.

// maxKeeping bounds how many days one round takes.
const maxKeeping = 100

// KeepNumbers puts numbers in place of the sketches of days whose events are all
// past their term, and returns how many days it did that to. Sums of a number
// count a visitor once for each day and campaign: who came on two days is two.
// Nothing is inserted meanwhile; while a batch may be stored in part it does
// nothing. One job per store calls it, every hour; other nodes that write into
// days past their term in that moment lose what they add to the rollup.
func (s *Store) KeepNumbers(ctx context.Context) (days int, err error) {
	s.inserting.Lock()
	defer s.inserting.Unlock()
	if !s.unsettled.none() {
		return 0, nil
	}
	if err := s.catchUp(ctx, "keeping_days", "campaign_keeping"); err != nil {
		return 0, err
	}
	listed, err := s.siteDays(ctx, "SELECT site, toString(local_day) FROM keeping_days")
	if err != nil {
		return 0, err
	}
	if len(listed) == 0 {
		if listed, err = s.stageDays(ctx); err != nil || len(listed) == 0 {
			return 0, err
		}
	}
	return len(listed), s.replaceDays(ctx)
}

// overDays finds the days with a sketch whose rows are all past their term.
var overDays = fmt.Sprintf("SELECT site, toString(local_day) FROM campaign_day GROUP BY site, local_day "+
	"HAVING max(keep_until) < today() AND sum(finalizeAggregation(visitors)) > 0 ORDER BY site, local_day LIMIT %d", maxKeeping)

// stagedColumns are those of campaign_keeping, in its order.
const stagedColumns = "site, local_day, attributed, channel, source, medium, campaign, content, term, " +
	"visits, page_views, customs, impressions, clicks, mail_opens, mail_clicks, keep_until, kept"

// stageDay copies a day. The names of the sums differ from the columns', or one
// would be taken for the other.
const stageDay = "INSERT INTO campaign_keeping SELECT site, local_day, attributed, channel, source, medium, campaign, content, term, " +
	"sum(d.visits), sum(d.page_views), sum(d.customs), sum(d.impressions), sum(d.clicks), sum(d.mail_opens), sum(d.mail_clicks), " +
	"max(d.keep_until), sum(d.kept) + uniqCombined64Merge(14)(d.visitors) FROM campaign_day AS d " +
	"WHERE site = {site:String} AND local_day = {day:Date} " +
	"GROUP BY site, local_day, attributed, channel, source, medium, campaign, content, term SETTINGS max_threads = 1"

func (s *Store) stageDays(ctx context.Context) ([]siteDay, error) {
	days, err := s.siteDays(ctx, overDays)
	if err != nil || len(days) == 0 {
		return nil, err
	}
	if err := s.change(ctx, "begin to keep numbers", "TRUNCATE TABLE campaign_keeping"); err != nil {
		return nil, err
	}
	for _, d := range days { // one at a time: the sketches of all would fill the memory
		if err := s.change(ctx, "keep the numbers of a day", stageDay, clickhouse.Named("site", d.site), clickhouse.Named("day", d.day)); err != nil {
			return nil, err
		}
	}
	const list = "INSERT INTO keeping_days SELECT DISTINCT site, local_day FROM campaign_keeping"
	if err := s.catchUp(ctx, "campaign_keeping"); err != nil {
		return nil, err
	}
	if err := s.change(ctx, "list the days whose numbers are kept", list); err != nil {
		return nil, err
	}
	return days, s.catchUp(ctx, "keeping_days")
}

// replaceDays puts the staged rows in place of the listed days'.
func (s *Store) replaceDays(ctx context.Context) error {
	const op = "put numbers in place of sketches"
	for _, sql := range []string{
		"DELETE FROM " + s.form.change("campaign_day") + " WHERE (site, local_day) IN (SELECT site, local_day FROM keeping_days)",
		"INSERT INTO campaign_day (" + stagedColumns + ") SELECT " + stagedColumns + " FROM campaign_keeping",
		"TRUNCATE TABLE keeping_days",
		"TRUNCATE TABLE campaign_keeping",
	} {
		if err := s.change(ctx, op, sql); err != nil {
			return err
		}
	}
	return s.applyMasks(ctx, map[string]string{"campaign_day": eraseTables["campaign_day"]})
}
