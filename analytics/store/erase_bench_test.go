package store

import (
	"encoding/binary"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	chdb "github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/edge/event"
)

var erasureRows = flag.Int("erasure-rows", 2_000_000, "how many events BenchmarkErase erases from")

// BenchmarkErase erases 1 and 1,000 people from a table of -erasure-rows events
// of 20 each on 90 days: the time until nothing answers for them any more, until
// the parts are rewritten, and until the old parts are gone from disk. Then it
// looks for them in every byte of the engine's directory, decompressed: traces is
// what it finds of them, control what it finds, by the same search, of a person
// who was not erased.
func BenchmarkErase(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "engine")
	s := openOn(b, enginetest.StartOptions(b, chdb.Options{Dir: dir}).Dial, "")
	removePartsAtOnce(b, s)
	fillEvents(b, s, *erasureRows)
	first := uint64(0)
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprintf("people=%d", count), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				people := madeVisitors(b, s, first, count)
				control := madeVisitors(b, s, first+5_000, 1)
				first += uint64(count)
				requestErasure(b, s, people)
				b.StartTimer()
				timeErasure(b, s, count)
				b.StopTimer()
				found := traces(b, s, dir, people, control)
				b.ReportMetric(float64(found[0]), "traces")
				b.ReportMetric(float64(found[1]), "control")
				if found[0] > 0 || found[1] == 0 {
					b.Errorf("%d traces of the erased, %d of the control", found[0], found[1])
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(*erasureRows), "rows")
		})
	}
}

func fillEvents(b *testing.B, s *Store, n int) {
	b.Helper()
	for day := range 90 {
		exec(b, s, fmt.Sprintf("INSERT INTO events (time, local_day, site, kind, event_id, visitor, session, attributed, source, campaign, path, keep_until) "+
			"SELECT toDateTime64(today(), 3, 'UTC') - toIntervalSecond(%d + intHash32(number) %% 86400) AS at, toDate(at), 'shop', ['visit', 'page_view', 'page_view', 'click'][1 + number %% 4], generateUUIDv4(), "+
			"1 + intHash64(number %% %d), number, true, concat('source', toString(number %% 7)), concat('campaign', toString(number %% 50)), concat('/', toString(number %% 1000)), today() + 300 FROM numbers(%d, %d) SETTINGS max_threads = 1", day*86400, n/20, day*(n/90), n/90))
	}
}

// madeVisitors returns who fillEvents made, from one on.
func madeVisitors(b *testing.B, s *Store, first uint64, count int) (people []uint64) {
	b.Helper()
	rows, err := s.Query(b.Context(), fmt.Sprintf("SELECT 1 + intHash64(number) FROM numbers(%d, %d)", first, count), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v uint64
		if err := rows.Scan(&v); err != nil {
			b.Fatal(err)
		}
		people = append(people, v)
	}
	return people
}

func requestErasure(b *testing.B, s *Store, people []uint64) {
	b.Helper()
	var all []*event.Erasure
	for _, v := range people {
		all = append(all, &event.Erasure{Site: "shop", Hash: hashOf("shop", v), Subject: seal(v), Requested: time.Now(), By: event.ByVisitor})
	}
	if err := s.Insert(b.Context(), fmt.Sprint("bench ", people[0]), Batch{Erasures: all}); err != nil {
		b.Fatal(err)
	}
}

func timeErasure(b *testing.B, s *Store, count int) {
	b.Helper()
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
	eraseAll(b, s, count)
	b.ReportMetric(time.Since(began).Seconds(), "gone-s")
}

// traces counts, group by group, how often ids of these people, or the hashes
// that small sketches keep of them, lie in the files of dir, at whatever offset.
func traces(b *testing.B, s *Store, dir string, groups ...[]uint64) (found []int) {
	b.Helper()
	words := map[uint64]int{}
	var low [1 << 16]bool // the lowest bytes of any of them
	for n, people := range groups {
		for _, v := range people {
			sketch := sketchOf(b, s, v)
			for _, word := range []uint64{v, binary.LittleEndian.Uint64(sketch[len(sketch)-8:])} {
				words[word], low[uint16(word)] = n, true
			}
		}
	}
	found = make([]int, len(groups))
	eachFile(b, dir, func(_ string, raw, plain []byte) {
		for _, text := range [][]byte{raw, plain} {
			for at := 0; at+8 <= len(text); at++ {
				if !low[binary.LittleEndian.Uint16(text[at:])] {
					continue
				}
				if n, ok := words[binary.LittleEndian.Uint64(text[at:])]; ok {
					found[n]++
				}
			}
		}
	})
	return found
}
