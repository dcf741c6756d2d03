package store

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/edge/event"
)

var erasureRows = flag.Int("erasure-rows", 2_000_000, "how many events BenchmarkErase erases from")

// BenchmarkErase erases 1 and 1,000 people from a table of -erasure-rows events
// of 20 each on 90 days: the time until nothing answers for them any more, and
// until the parts are rewritten.
func BenchmarkErase(b *testing.B) {
	s := openOn(b, enginetest.Start(b), "")
	n := *erasureRows
	people := n / 20
	for day := range 90 {
		exec(b, s, fmt.Sprintf("INSERT INTO events (time, local_day, site, kind, event_id, visitor, session, attributed, source, campaign, path, keep_until) "+
			"SELECT toDateTime64(today(), 3, 'UTC') - toIntervalSecond(%d + intHash32(number) %% 86400) AS at, toDate(at), 'shop', ['visit', 'page_view', 'page_view', 'click'][1 + number %% 4], generateUUIDv4(), "+
			"1 + intHash64(number %% %d), number, true, concat('source', toString(number %% 7)), concat('campaign', toString(number %% 50)), concat('/', toString(number %% 1000)), today() + 300 FROM numbers(%d, %d) SETTINGS max_threads = 1", day*86400, people, day*(n/90), n/90))
	}
	first := uint64(0)
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprintf("people=%d", count), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				var all []*event.Erasure
				rows, err := s.Query(b.Context(), fmt.Sprintf("SELECT 1 + intHash64(number) FROM numbers(%d, %d)", first, count), nil)
				if err != nil {
					b.Fatal(err)
				}
				for rows.Next() {
					var v uint64
					if err := rows.Scan(&v); err != nil {
						b.Fatal(err)
					}
					all = append(all, &event.Erasure{Site: "shop", Hash: hashOf("shop", v), Subject: seal(v), Requested: time.Now(), By: event.ByVisitor})
				}
				if err := rows.Close(); err != nil {
					b.Fatal(err)
				}
				first += uint64(count)
				if err := s.Insert(b.Context(), fmt.Sprint("bench ", first), Batch{Erasures: all}); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				began := time.Now()
				for step, name := range []string{"hidden-s", "rewritten-s"} {
					if _, err := s.Erase(b.Context(), erasing); err != nil {
						b.Fatal(err)
					}
					if got := one(b, s, fmt.Sprintf("SELECT countIf(step = %d) FROM (SELECT step FROM erasures FINAL ORDER BY requested DESC LIMIT %d)", stepDeleted+step, count)); got != fmt.Sprint(count) {
						b.Fatalf("%s of %d are at step %d", got, count, stepDeleted+step)
					}
					b.ReportMetric(time.Since(began).Seconds(), name)
				}
			}
			b.ReportMetric(float64(n), "rows")
		})
	}
}
