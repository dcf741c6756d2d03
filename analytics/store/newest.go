package store

import (
	"context"
	"errors"
	"time"
)

// newest is where a table tells when a row of a site came, or happened, in
// milliseconds since 1970. Tables that know the day alone are left out, and counts
// of refusals: a site that is stopped goes on with them.
var newest = []struct{ table, at, which string }{
	{"events", "toUnixTimestamp64Milli(time)", ""},
	{"consents", "toUnixTimestamp64Milli(time)", " AND subject != 0"}, // others are rounded to the hour
	{"mail_consents", "toUnixTimestamp64Milli(taken)", ""},
	{"ad_costs", "intDiv(version, 1000000)", ""},
	{"rates", "intDiv(version, 1000000)", ""},
	{"console_state", "intDiv(version, 1000000)", " AND kind IN ('segment', 'mark')"}, // others are the service's own
}

// NewestRow returns the newest of a site's rows: its table, and when it came. The
// time is zero where there is none.
func (s *Store) NewestRow(ctx context.Context, site string) (table string, at time.Time, err error) {
	for _, one := range newest {
		rows, err := s.query(ctx, "read how new a site's rows are", "SELECT toInt64(max("+one.at+")) FROM "+one.table+" WHERE site = {site:String}"+one.which, map[string]any{"site": site})
		if err != nil {
			return "", at, err
		}
		var ms int64
		for rows.Next() {
			err = rows.Scan(&ms)
		}
		if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
			return "", at, err
		}
		if ms > 0 && time.UnixMilli(ms).After(at) {
			table, at = one.table, time.UnixMilli(ms).UTC()
		}
	}
	return table, at, nil
}
