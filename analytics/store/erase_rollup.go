package store

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// rebuild makes the listed days of the rollup anew from events. Nothing is
// inserted meanwhile; while a batch may be stored in part it does nothing and
// returns false: the batch's repetition would be counted twice.
func (s *Store) rebuild(ctx context.Context) (bool, error) {
	s.inserting.Lock()
	defer s.inserting.Unlock()
	if !s.unsettled.none() {
		return false, nil
	}
	const op = "rebuild the days of an erasure"
	if err := s.catchUp(ctx, "erasing_days"); err != nil {
		return false, err
	}
	if err := s.change(ctx, op, "DELETE FROM "+s.form.change("campaign_day")+" WHERE (site, local_day) IN (SELECT site, local_day FROM erasing_days)"); err != nil {
		return false, err
	}
	days, err := s.erasingDays(ctx)
	if err != nil {
		return false, err
	}
	for _, d := range days { // one at a time: the sketches of all would fill the memory
		if err := s.change(ctx, op, rebuildDay, clickhouse.Named("site", d.site), clickhouse.Named("day", d.day)); err != nil {
			return false, err
		}
	}
	return true, s.change(ctx, op, "TRUNCATE TABLE erasing_days")
}

// siteDay is a day of a site, as 2026-11-24.
type siteDay struct{ site, day string }

func (s *Store) erasingDays(ctx context.Context) (days []siteDay, err error) {
	return s.siteDays(ctx, "SELECT DISTINCT site, toString(local_day) FROM erasing_days")
}

func (s *Store) siteDays(ctx context.Context, sql string) (days []siteDay, err error) {
	rows, err := s.query(ctx, "read days", sql, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d siteDay
		if err := rows.Scan(&d.site, &d.day); err != nil {
			return nil, err
		}
		days = append(days, d)
	}
	return days, rows.Err()
}

// rebuildDay makes one day of the rollup. The view events_to_campaign_day says
// the same (003_campaign_day.sql). The time bounds the parts that are read: a
// site's day lies within 14 hours of the one in UTC.
const rebuildDay = "INSERT INTO campaign_day (site, local_day, attributed, channel, source, medium, campaign, content, term, " +
	"visits, page_views, customs, impressions, clicks, mail_opens, mail_clicks, keep_until, visitors) SELECT site, local_day, attributed, channel, source, medium, campaign, content, term, " +
	"countIf(kind = 'visit'), countIf(kind = 'page_view'), countIf(kind = 'custom'), countIf(kind = 'impression'), " +
	"countIf(kind = 'click'), countIf(kind = 'mail_open'), countIf(kind = 'mail_click'), max(e.keep_until), " +
	"uniqCombined64StateIf(14)(visitor, visitor != 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion')) " +
	"FROM events AS e WHERE site = {site:String} AND local_day = {day:Date} AND machine = 0 AND kind != 'refund' " +
	"AND time >= toDateTime64({day:Date}, 3, 'UTC') - toIntervalDay(1) AND time < toDateTime64({day:Date}, 3, 'UTC') + toIntervalDay(2) " +
	"GROUP BY site, local_day, attributed, channel, source, medium, campaign, content, term " +
	"SETTINGS max_bytes_before_external_group_by = 67108864, max_threads = 1"
