package export

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// table is one sort of rows. Ids of 16 bytes are written as texts, which every
// reader of Parquet shows.
type table struct {
	name  string
	from  string // with FINAL where rows replace or add to each other
	when  string // a column by which a large table is cut
	what  string // columns
	only  string // AND … : which rows of the site
	group string // GROUP BY …
}

const ids = "* EXCEPT site REPLACE (toString(event_id) AS event_id, if(notEmpty(consent_record), toString(consent_record), '') AS consent_record)"

// tables are what the site's operator may hold. Left out are what the service
// keeps for itself: accounts, the audit log, who made a mark, sealed ids, and how
// far an erasure is; and sales and visitor_days, which repeat events.
var tables = []table{
	{name: "events", from: "events", when: "time", what: ids},
	{name: "touches", from: "touches", when: "time", what: ids},
	{
		name: "campaign_day", from: "campaign_day AS d", when: "local_day",
		what: "local_day, attributed, channel, source, medium, campaign, content, term, sum(d.visits) AS visits, sum(d.page_views) AS page_views, " +
			"sum(d.customs) AS customs, sum(d.impressions) AS impressions, sum(d.clicks) AS clicks, sum(d.mail_opens) AS mail_opens, sum(d.mail_clicks) AS mail_clicks, " +
			"uniqCombined64Merge(14)(d.visitors) + sum(d.kept) AS visitors",
		group: "GROUP BY local_day, attributed, channel, source, medium, campaign, content, term",
	},
	{name: "refusals", from: "refusals FINAL", when: "hour", what: "* EXCEPT site"},
	{name: "notices", from: "notices FINAL", when: "day", what: "* EXCEPT site"},
	{name: "mail_consents", from: "mail_consents FINAL", when: "time", what: "* EXCEPT (site, sealed, taken)"},
	{name: "mail_sent", from: "mail_sent FINAL", when: "day", what: "* EXCEPT site"},
	{name: "ad_costs", from: "ad_costs FINAL", when: "day", what: "* EXCEPT (site, version)"},
	{name: "rates", from: "rates FINAL", when: "day", what: "day, currency, toDecimal64(worth / 100000000, 8) AS rate"},
	{
		name: "erasures", from: "erasures FINAL", when: "requested",
		what: "lower(hex(hash)) AS subject, requested, requested_by, stepped AS finished, events, touches, consents, base64Encode(receipt) AS receipt",
		only: "AND step = 4",
	},
	{
		name: "notes", from: "console_state FINAL", when: "created", what: "kind, name, day, body, created",
		only: "AND kind IN ('segment', 'mark') AND deleted = 0",
	},
}

// span is a part of a table: from and to in seconds since 1970, to excluded.
type span struct{ from, to int64 }

// counted is how many rows an hour has.
type counted struct {
	hour int64
	rows uint64
}

// cut joins hours to spans of at most most rows; one hour is never cut.
func cut(hours []counted, most uint64) (spans []span) {
	var rows uint64
	for _, h := range hours {
		if n := len(spans); n > 0 && rows+h.rows <= most {
			spans[n-1].to = h.hour + 3600
			rows += h.rows
			continue
		}
		spans = append(spans, span{h.hour, h.hour + 3600})
		rows = h.rows
	}
	return spans
}

// tables writes every table that has rows.
func (w *writer) tables(ctx context.Context) error {
	for _, t := range tables {
		hours, err := w.hours(ctx, t)
		if err != nil {
			return err
		}
		spans := cut(hours, w.MaxRows)
		for _, s := range spans {
			path := "tables/" + t.name + ".parquet"
			if len(spans) > 1 {
				path = "tables/" + t.name + "/" + time.Unix(s.from, 0).UTC().Format("2006-01-02T15") + ".parquet"
			}
			if err := w.part(ctx, t, path, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// hour is the time by which a table is cut, in seconds since 1970.
func (t *table) hour() string { return "toUnixTimestamp(toDateTime(" + t.when + ", 'UTC'))" }

// hours counts the rows of a table.
func (w *writer) hours(ctx context.Context, t table) (all []counted, err error) {
	rows, err := w.Store.Query(ctx, "SELECT toInt64(intDiv("+t.hour()+", 3600) * 3600) AS h, count() FROM "+t.from+
		" WHERE site = {site:String} "+t.only+" GROUP BY h ORDER BY h", map[string]any{"site": w.Site.ID})
	if err != nil {
		return nil, fmt.Errorf("export: count %s: %w", t.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var c counted
		if err := rows.Scan(&c.hour, &c.rows); err != nil {
			return nil, fmt.Errorf("export: count %s: %w", t.name, err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// part writes one file of a table, and reads its end back.
func (w *writer) part(ctx context.Context, t table, path string, s span) error {
	query := "SELECT " + t.what + " FROM " + t.from + " WHERE site = {site:String} AND " + t.hour() + " >= {from:Int64} AND " + t.hour() + " < {to:Int64} " + t.only + t.group
	return w.file(path, t.name, func(to io.Writer) (uint64, error) {
		if err := w.Store.Parquet(ctx, to, query, map[string]any{"site": w.Site.ID, "from": s.from, "to": s.to}); err != nil {
			return 0, err
		}
		f, err := os.Open(filepath.Join(w.dir, filepath.FromSlash(path)))
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return parquetRows(f)
	})
}
