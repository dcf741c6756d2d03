package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
)

// Environment of BenchmarkReports: on how many events it runs, several sizes
// with commas between, and where their databases are kept.
const (
	benchEventsEnv = "KUNJI_BENCH_EVENTS"
	benchDirEnv    = "KUNJI_BENCH_DIR"
	benchEvents    = "200000"
)

// benchRounds is how often each report is asked; the median counts.
const benchRounds = 9

// benchReport is a report of the benchmark, and the same question to the table of
// events alone, without care for orders that came twice.
type benchReport struct{ name, from, raw string }

const (
	benchRange = "site = 'shop' AND machine = 0 AND toDate(time) BETWEEN '2026-10-24' AND '2026-11-24' AND local_day BETWEEN '2026-10-25' AND '2026-11-23'"
	benchSold  = "SELECT visitor, time AS at, value FROM events WHERE kind = 'conversion' AND " + benchRange
)

var benchReports = []benchReport{
	{"campaigns", "2026-10-25", "SELECT source, medium, campaign, uniqCombined64(14)(visitor), countIf(kind = 'visit'), countIf(kind = 'conversion'), sum(value) FROM events WHERE " + benchRange + " GROUP BY 1, 2, 3"},
	{"timeseries", "2026-10-25", "SELECT local_day, uniqCombined64(14)(visitor), countIf(kind = 'visit'), countIf(kind = 'page_view'), countIf(kind = 'conversion'), sum(value) FROM events WHERE " + benchRange + " GROUP BY 1"},
	{"attribution", "2026-10-25", "SELECT groupArray((at, value, arrayFilter(t -> t.1 <= at AND t.1 > at - INTERVAL 30 DAY, ts))) FROM (" + benchSold + ") AS sold INNER JOIN " +
		"(SELECT visitor, arraySort(groupArray((time, source, medium, campaign))) AS ts FROM events WHERE site = 'shop' AND kind = 'visit' AND machine = 0 AND toDate(time) BETWEEN '2026-09-24' AND '2026-11-24' " +
		"AND visitor IN (SELECT visitor FROM (" + benchSold + ")) GROUP BY visitor) AS j USING (visitor) GROUP BY visitor % 100"},
	{"funnel", "2026-10-25", "SELECT level, count() FROM (SELECT visitor, windowFunnel(2592000000)(toUInt64(toUnixTimestamp64Milli(time)), kind = 'visit', kind = 'custom' AND name = 'basket', kind = 'conversion') AS level FROM events " +
		"WHERE kind IN ('visit', 'custom', 'conversion') AND visitor != 0 AND " + benchRange + " GROUP BY visitor) GROUP BY level"},
	{"retention", "2026-09-28", "SELECT cohort, (week - cohort) / 7 AS later, count() FROM (SELECT arraySort(groupUniqArray(toMonday(local_day))) AS weeks, weeks[1] AS cohort FROM events " +
		"WHERE site = 'shop' AND machine = 0 AND visitor != 0 AND kind IN ('page_view', 'visit') GROUP BY visitor) ARRAY JOIN weeks AS week GROUP BY 1, 2"},
	{"channels", "2026-10-25", ""},
	{"pages", "2026-10-25", "SELECT host, path, uniqCombined64(14)(visitor), count() FROM events WHERE kind IN ('page_view', 'visit') AND " + benchRange + " GROUP BY 1, 2"},
}

// BenchmarkReports times whole reports, from question to table, beside the same
// question to the raw events in the same run, and tells how the time grows from
// the first to the last number of events. The traffic is that of `kunji demo
// --events`; it is made once and kept. Run it with -benchtime 1x.
func BenchmarkReports(b *testing.B) {
	sizes := strings.Split(os.Getenv(benchEventsEnv), ",")
	if sizes[0] == "" {
		sizes = []string{benchEvents}
	}
	first := map[string]time.Duration{}
	for _, text := range sizes {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			b.Fatalf("%s names %q: write numbers from 1000", benchEventsEnv, text)
		}
		b.Run(text, func(b *testing.B) { timeReports(b, n, first) })
	}
}

// timeReports prints a line for each report; first has the times of the first
// number of events.
func timeReports(b *testing.B, n int, first map[string]time.Duration) {
	db := openBench(b, n)
	var visitors, visits, conversions uint64
	one(b, db, "SELECT uniqExact(visitor), countIf(kind = 'visit'), countIf(kind = 'conversion') FROM events", &visitors, &visits, &conversions)
	fmt.Printf("\n%d events, %d visitors, %d visits, %d conversions; median of %d: report, the same question to the raw events, growth\n",
		n, visitors, visits, conversions, benchRounds)
	for _, r := range benchReports {
		took, raw := timeReport(b, db, r)
		line := fmt.Sprintf("%-12s %8.1f ms", r.name, ms(took))
		if raw > 0 {
			line += fmt.Sprintf(" %8.1f ms", ms(raw))
		} else {
			line += strings.Repeat(" ", 12)
		}
		if first[r.name] == 0 {
			first[r.name] = took
		} else {
			line += fmt.Sprintf("  %.2f times", ms(took)/ms(first[r.name]))
		}
		fmt.Println(line)
		b.ReportMetric(ms(took), r.name+"-ms")
	}
}

// one reads a single row.
func one(b *testing.B, db *store.Store, sql string, into ...any) {
	b.Helper()
	rows, err := db.Query(b.Context(), sql, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// timeReport asks both in turn, so that what else the machine does meets both.
func timeReport(b *testing.B, db *store.Store, r benchReport) (took, raw time.Duration) {
	b.Helper()
	st, _ := benchSite(b)
	q, err := report.ParseQuery(st, r.from, "2026-11-23", "", nil, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	if r.name == "funnel" {
		q.Options.Steps = []report.Step{{Kind: "visit"}, {Kind: "event", Value: "basket"}, {Kind: "conversion"}}
	}
	q.CompleteUntil = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	var reports, raws []time.Duration
	for range benchRounds {
		began := time.Now()
		table, err := report.Run(b.Context(), db, r.name, q)
		if err != nil || len(table.Rows) == 0 {
			b.Fatalf("report %s: %v", r.name, err)
		}
		reports = append(reports, time.Since(began))
		if r.raw != "" {
			raws = append(raws, timeRaw(b, db, r.raw))
		}
	}
	return median(reports), median(raws)
}

func timeRaw(b *testing.B, db *store.Store, sql string) time.Duration {
	b.Helper()
	began := time.Now()
	rows, err := db.Query(b.Context(), sql, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		continue // read without keeping
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// benchSite is the shop of the benchmark, and when its traffic ends: a fixed
// day, and long kept, so that a database made earlier still holds it.
func benchSite(b *testing.B) (*site.Site, time.Time) {
	b.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		b.Fatal(err)
	}
	s := &site.Site{ID: "shop", Name: "Shop", Zone: zone, Currency: "CNY", MinGroup: 5, RetainEvents: 3950 * 24 * time.Hour}
	return s, time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
}

// openBench opens a database of n made events, and makes it where there is none
// whole.
func openBench(b *testing.B, n int) *store.Store {
	b.Helper()
	root := os.Getenv(benchDirEnv)
	if root == "" {
		root = b.TempDir()
	}
	dir, err := filepath.Abs(filepath.Join(root, "events-"+strconv.Itoa(n)))
	if err != nil {
		b.Fatal(err)
	}
	made := filepath.Join(dir, "made")
	_, missing := os.Stat(made)
	if missing != nil {
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
	db, err := startBench(b, dir)
	if err != nil {
		b.Fatal(err)
	}
	if missing == nil {
		waitMerged(b, db)
		return db
	}
	st, end := benchSite(b)
	began := time.Now()
	shop := &url.URL{Scheme: "http", Host: "shop.example"}
	if err := newBulk(st, shop, end, n).fill(b.Context(), db, func(int) {}); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("made %d events in %.0f s\n", n, time.Since(began).Seconds())
	if err := os.WriteFile(made, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	waitMerged(b, db)
	return db
}

// waitMerged waits until ClickHouse has joined the parts that it was given.
func waitMerged(b *testing.B, db *store.Store) {
	b.Helper()
	for quiet := 0; quiet < 5; quiet++ {
		var merges uint64
		if one(b, db, "SELECT count() FROM system.merges", &merges); merges > 0 {
			quiet = 0
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// startBench starts the program's own engine on dir; both end with the benchmark.
func startBench(b *testing.B, dir string) (*store.Store, error) {
	program, err := exec.LookPath("kunji") // TestMain puts this program there
	if err != nil {
		return nil, fmt.Errorf("the program under test: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := engine.Start(b.Context(), engine.SupervisorOptions{Executable: program, Args: []string{"engine"}, Engine: engine.Options{Dir: dir}, Logger: log})
	if err != nil {
		return nil, err
	}
	db, err := store.Open(store.Options{Dial: s.Dial})
	if err == nil {
		err = s.Wait(b.Context())
	}
	if err == nil {
		_, err = db.Migrate(b.Context())
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), engineStop)
		defer cancel()
		if err := errors.Join(db.Close(), s.Close(ctx)); err != nil {
			b.Error(err)
		}
	})
	return db, err
}
