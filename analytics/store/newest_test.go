package store

import (
	"fmt"
	"testing"
	"time"
)

// testNewestRow: each table that knows a moment counts by it, and what a site that
// is stopped goes on writing does not.
func testNewestRow(t *testing.T, s *Store) {
	first := time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC)
	day := func(n int) string { return "'" + first.AddDate(0, 0, n).Format("2006-01-02 15:04:05.000") + "'" }
	nanos := func(n int) string { return fmt.Sprint(first.AddDate(0, 0, n).UnixNano()) }
	f := func(row, table string, n int) {
		t.Helper()
		if row != "" {
			exec(t, s, "INSERT INTO "+row)
		}
		want := time.Time{}
		if table != "" {
			want = first.AddDate(0, 0, n)
		}
		if got, at, err := s.NewestRow(t.Context(), "shop"); err != nil || got != table || !at.Equal(want) {
			t.Errorf("after %s: %s of %v, %v, want %s of %v", row, got, at, err, table, want)
		}
	}
	f("", "", 0)
	f("events (site, kind, time, keep_until) VALUES ('blog', 'page_view', "+day(1)+", '2100-01-01')", "", 0)
	f("events (site, kind, time, keep_until) VALUES ('shop', 'page_view', "+day(1)+", '2100-01-01')", "events", 1)
	f("consents (site, subject, time, keep_until) VALUES ('shop', 0, "+day(2)+", '2100-01-01')", "events", 1)
	f("consents (site, subject, time, keep_until) VALUES ('shop', 7, "+day(2)+", '2100-01-01')", "consents", 2)
	f("mail_consents (site, recipient, time, taken) VALUES ('shop', 7, '2020-01-01 00:00:00', "+day(3)+")", "mail_consents", 3)
	f("ad_costs (site, day, version) VALUES ('shop', '2020-01-01', "+nanos(4)+")", "ad_costs", 4)
	f("rates (site, day, version) VALUES ('shop', '2020-01-01', "+nanos(5)+")", "rates", 5)
	f("console_state (site, kind, id, version) VALUES ('shop', 'mark', '1', "+nanos(6)+")", "console_state", 6)
	f("console_state (site, kind, id, version) VALUES ('shop', 'state', '2', "+nanos(7)+")", "console_state", 6)
	f("refusals (site, hour, reason, count) VALUES ('shop', '2100-01-01 00:00:00', 'site_stopped', 1)", "console_state", 6)
}
