package ship

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

// spooledEnv says how many events BenchmarkDrain ships.
const spooledEnv = "KUNJI_BENCH_SPOOLED"

// BenchmarkDrain drains a spool into the embedded engine, and then inserts the
// same rows in batches of the same size without spool, manifest and
// acknowledgement: drained-rows/s and plain-rows/s are the figures. Both put merges
// off while they last; merging-s is how long the engine then merged what was
// drained. Where the
// time goes is told in µs of processor time a row, of this process (edge) and of
// the engine, whose merges go on beside both.
func BenchmarkDrain(b *testing.B) {
	size := 200_000
	if text := os.Getenv(spooledEnv); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1000 {
			b.Fatalf("%s is %q: write a number from 1000", spooledEnv, text)
		}
	}
	child := enginetest.StartOptions(b, engine.Options{Dir: filepath.Join(b.TempDir(), "engine")})
	s, err := store.Open(store.Options{Dial: child.Dial})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	q, err := spool.Open(spool.Options{Dir: filepath.Join(b.TempDir(), "spool"), MinFree: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	shipper, err := New(Options{Spool: q, Store: s})
	if err != nil {
		b.Fatal(err)
	}
	report := func(what string, took time.Duration, spent processors) {
		b.ReportMetric(float64(size)/took.Seconds(), what+"-rows/s")
		b.ReportMetric(spent.edge.Seconds()*1e6/float64(size), what+"-edge-µs/row")
		b.ReportMetric(spent.engine.Seconds()*1e6/float64(size), what+"-engine-µs/row")
	}
	spent := func() processors { return spentBy(b, child.State().PID) }
	for n := range b.N {
		b.StopTimer()
		for from := 0; from < size; from += 500 {
			var all [][]byte
			for i := from; i < min(from+500, size); i++ {
				all = append(all, encode(b, event.Record{Event: shopEvent(i)}))
			}
			if err := q.Append(all...); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		began, before := time.Now(), spent()
		if err := shipper.Drain(b.Context()); err != nil {
			b.Fatal(err)
		}
		report("drained", time.Since(began), spent().less(before))
		b.StopTimer()
		began = time.Now()
		waitMerged(b, s)
		b.ReportMetric(time.Since(began).Seconds(), "merging-s")
		var plain time.Duration
		var plainly processors
		for from := 0; from < size; from += shipper.opts.MaxRows {
			var rows store.Batch
			for i := from; i < min(from+shipper.opts.MaxRows, size); i++ {
				rows.Add(event.Record{Event: shopEvent(i)})
			}
			began, before := time.Now(), spent()
			s.Hurry(b.Context())
			if err := s.Insert(b.Context(), fmt.Sprint("plain ", n, from), rows); err != nil {
				b.Fatal(err)
			}
			plain += time.Since(began)
			plainly = plainly.more(spent().less(before))
		}
		report("plain", plain, plainly)
		b.StartTimer()
	}
}

// waitMerged returns once merges go on and none is left to do.
func waitMerged(b *testing.B, s *store.Store) {
	b.Helper()
	for quiet := 0; quiet < 10; time.Sleep(500 * time.Millisecond) {
		var out strings.Builder
		if err := s.SQL(b.Context(), &out, "SELECT count() FROM system.merges", "tsv", false); err != nil {
			b.Fatal(err)
		}
		if quiet++; !strings.HasSuffix(out.String(), "\n0\n") {
			quiet = 0
		}
	}
}

// processors is processor time.
type processors struct{ edge, engine time.Duration }

func (p processors) less(o processors) processors {
	return processors{p.edge - o.edge, p.engine - o.engine}
}

func (p processors) more(o processors) processors {
	return processors{p.edge + o.edge, p.engine + o.engine}
}

// spentBy returns what this process and the engine's have used so far, the latter
// to a hundredth of a second: Linux says it in /proc (man 5 proc), fields 14 and 15.
func spentBy(b *testing.B, engine int) (p processors) {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	p.edge = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", engine))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	for _, ticks := range strings.Fields(rest)[11:13] {
		n, err := strconv.Atoi(ticks)
		if err != nil {
			b.Fatal(err)
		}
		p.engine += time.Duration(n) * time.Second / 100
	}
	return p
}

// shopEvent is one of a busy shop's: eight of a visitor, one of them a visit, in
// a day of 20 million; every text of a real one has its usual length.
func shopEvent(n int) *event.Event {
	visitor := uint64(n/8+1) * 0x9e3779b97f4a7c15
	e := &event.Event{
		Time: day.Add(time.Duration(n) * 4 * time.Millisecond), LocalDay: int32(day.Unix() / 86400), Site: "shop", Kind: event.PageView,
		Visitor: visitor, Session: visitor ^ 0x5bd1e995, Basis: event.BasisRecord, Attributed: true,
		Campaign: event.Campaign{
			Source: []string{"google", "newsletter", "weibo"}[n/8%3], Medium: []string{"cpc", "email", "social"}[n/8%3],
			Name: fmt.Sprintf("autumn-%d", n/8%20), Channel: []string{"Paid Search", "Email", "Social"}[n/8%3], ReferrerHost: "www.google.com",
		},
		Host: "www.shop.example", Path: fmt.Sprintf("/tea/sort-%d", n*7%400),
		Place:    event.Place{Country: "CN", Region: []string{"CN-SH", "CN-BJ", "CN-GD", "CN-ZJ"}[n/8%4], ISP: "China Telecom"},
		Language: "zh", Agent: event.Agent{Browser: []string{"Chrome", "Safari"}[n/8%2], OS: []string{"Android", "iOS"}[n/8%2], Device: "mobile"},
		KeepUntil: int32(day.Unix()/86400) + 395,
	}
	binary.BigEndian.PutUint64(e.ID[:], uint64(n+1)*0xbf58476d1ce4e5b9)
	binary.BigEndian.PutUint64(e.Record[:], visitor*0x94d049bb133111eb)
	switch n % 8 {
	case 0:
		e.Kind, e.First = event.Visit, e.Campaign
	case 7:
		if n%160 == 7 {
			e.Kind, e.Value, e.Currency, e.Order = event.Conversion, 1_280_000, "CNY", fmt.Sprintf("A-%d", n)
		}
	}
	return e
}
