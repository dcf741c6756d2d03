package report

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
)

// benchEvents is how many events the benchmarks run on, unless
// KUNJI_BENCH_EVENTS says otherwise.
const benchEvents = 2_000_000

// benchRows makes n events of sixty days in ClickHouse itself: of ten, seven
// page views, two visits and one of the others; a visitor for each ten. Every
// hundredth event is a conversion, as in a shop.
const benchRows = `
INSERT INTO events (time, local_day, site, kind, event_id, visitor, session, basis, attributed, source, medium, campaign, channel, host, path, name, value, currency, keep_until)
SELECT
    toDateTime64('2026-09-25 00:00:00', 3, 'UTC') + toIntervalSecond(cityHash64(number) %% 5184000) AS at, toDate(at), 'bench',
    multiIf(number %% 100 = 0, 'conversion', number %% 10 < 2, 'visit', number %% 10 < 9, 'page_view', 'custom'),
    generateUUIDv4(), 1 + cityHash64(number, 1) %% %[1]d, cityHash64(number, 2), 'record', true,
    ['google', 'baidu', 'newsletter', 'facebook', '(direct)'][1 + cityHash64(number, 3) %% 5 AS s], ['cpc', 'cpc', 'email', 'paid_social', '(none)'][s + 1],
    if(s = 4, '', concat('campaign ', toString(cityHash64(number, 4) %% 40))),
    ['Paid Search', 'Paid Search', 'Email', 'Paid Social', 'Direct'][s + 1],
    'shop.example', ['/', '/shop/a', '/shop/b', '/cart', '/about'][1 + cityHash64(number, 5) %% 5], 'signup',
    if(number %% 100 = 0, toDecimal64(cityHash64(number, 6) %% 50000, 4) / 100, 0), if(number %% 100 = 0, 'CNY', ''), toDate('2030-01-01')
FROM numbers(%[2]d, %[3]d)`

// peers are the same questions to the table of events alone, without the
// rollup, the table of touches, or care for orders.
var peers = map[string]string{
	"campaigns": `SELECT source, medium, campaign, uniqCombined64(14)(visitor), countIf(kind = 'visit'), countIf(kind = 'conversion'), sum(value)
		FROM events WHERE site = 'bench' AND machine = 0 AND local_day BETWEEN '2026-10-25' AND '2026-11-23' GROUP BY 1, 2, 3`,
	"timeseries": `SELECT local_day, uniqCombined64(14)(visitor), countIf(kind = 'visit'), countIf(kind = 'conversion'), sum(value)
		FROM events WHERE site = 'bench' AND machine = 0 AND local_day BETWEEN '2026-10-25' AND '2026-11-23' GROUP BY 1`,
	"attribution": `WITH sold AS (SELECT visitor, time AS at, value FROM events WHERE site = 'bench' AND kind = 'conversion' AND local_day BETWEEN '2026-10-25' AND '2026-11-23')
		SELECT visitor, arrayFilter(t -> t.1 <= at AND t.1 > at - INTERVAL 30 DAY, ts)
		FROM sold INNER JOIN (SELECT visitor, arraySort(groupArray((time, source, medium, campaign))) AS ts FROM events
			WHERE site = 'bench' AND kind = 'visit' AND time >= '2026-09-25' AND visitor IN (SELECT visitor FROM sold) GROUP BY visitor) AS j USING (visitor)`,
}

// BenchmarkReports times whole reports, from question to table, over the last
// thirty of sixty days, each beside the same question to the raw events where
// there is one. Run it with -benchtime 9x and read the medians.
func BenchmarkReports(b *testing.B) {
	n := benchEvents
	if text := os.Getenv("KUNJI_BENCH_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1000 {
			b.Fatalf("KUNJI_BENCH_EVENTS is %q: write a number from 1000", text)
		}
	}
	db := openStore(b, store.Options{Dial: enginetest.Start(b)})
	const block = 100_000 // of rows inserted at once
	for from := 0; from < n; from += block {
		statement := fmt.Sprintf(benchRows, n/10, from, min(block, n-from))
		if err := db.SQL(b.Context(), io.Discard, statement, "table", true); err != nil {
			b.Fatal(err)
		}
	}
	q := query(b, newSite(b, "bench", "UTC", "CNY"), "2026-10-25", "2026-11-23")
	for _, name := range []string{"campaigns", "timeseries", "attribution", "funnel", "retention", "pages"} {
		b.Run(name+"/report", func(b *testing.B) {
			for b.Loop() {
				if table, err := Run(context.Background(), db, name, q); err != nil || len(table.Rows) == 0 {
					b.Fatalf("%v, %v", table, err)
				}
			}
		})
		if sql := peers[name]; sql != "" {
			b.Run(name+"/raw", func(b *testing.B) {
				for b.Loop() {
					drain(b, db, sql)
				}
			})
		}
	}
}

// drain reads a whole answer without keeping it.
func drain(b *testing.B, db *store.Store, sql string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := db.Query(ctx, sql, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}
