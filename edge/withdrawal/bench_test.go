package withdrawal

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// heap returns what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkRecipient looks recipients up among ten million, half of them unknown,
// and reports what they take. Besides the mean it tells the median of many short
// runs, which other programs on the machine disturb less.
func BenchmarkRecipient(b *testing.B) {
	const all = 10_000_000
	d, _ := newDisk(b)
	s := loaded(b, d)
	hash := func(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 }
	before := heap()
	start := time.Now()
	for i := range uint64(all) {
		s.Apply(Entry{Site: "shop", Recipient: hash(i), Time: noon, Mail: Denied})
	}
	filled := time.Since(start)
	var system runtime.MemStats
	runtime.ReadMemStats(&system)
	taken := heap() - before
	look := func(b *testing.B, i uint64) {
		n := seededStep(i) % (2 * all)
		if s.Recipient("shop", hash(n)).Unsubscribed() != (n < all) {
			b.Errorf("recipient %d is wrong", n)
		}
	}
	b.Run("one", func(b *testing.B) {
		const few = 100
		var runs []time.Duration
		b.ReportAllocs()
		for i := uint64(0); i < uint64(b.N); {
			begin := time.Now()
			for range few {
				look(b, i)
				i++
			}
			runs = append(runs, time.Since(begin))
		}
		slices.Sort(runs)
		b.ReportMetric(float64(runs[len(runs)/2].Nanoseconds())/few, "ns/median")
		b.ReportMetric(float64(taken)/1e6, "MB")
		b.ReportMetric(float64(system.HeapSys-system.HeapReleased)/1e6, "MB/process")
		b.ReportMetric(float64(filled.Nanoseconds())/all, "ns/statement")
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := rand.Uint64(); pb.Next(); i++ {
				look(b, i)
			}
		})
	})
	runtime.KeepAlive(s)
}

// seededStep spreads a counter, so that each look-up meets memory that no cache holds.
func seededStep(i uint64) uint64 {
	i = (i ^ i>>31) * 0xbf58476d1ce4e5b9
	return i ^ i>>29
}

// BenchmarkLoad reads a million statements from disk.
func BenchmarkLoad(b *testing.B) {
	const all = 1_000_000
	d, _ := newDisk(b)
	s := loaded(b, d)
	var page Page
	for i := range uint64(all) {
		page.Entries = append(page.Entries, Entry{Site: "shop", Recipient: i * 0x9e3779b97f4a7c15, Time: noon, Mail: Denied})
	}
	page.Cursor = fmt.Sprint(all)
	start := time.Now()
	must(b, s.take(page))
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/all, "ns/taken")
	for b.Loop() {
		if n := loaded(b, d).Stats().Recipients; n != all {
			b.Fatalf("%d recipients", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/all, "ns/loaded")
}
