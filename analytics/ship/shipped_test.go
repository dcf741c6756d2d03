package ship

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/spool"
)

// TestShippedIDs keeps the ids of large batches for a day, in their order, and
// no longer.
func TestShippedIDs(t *testing.T) {
	b := &bench{T: t, dir: t.TempDir()}
	b.openSpool()
	defer b.spool.Close()
	events := func(from, n int) [][16]byte {
		all := make([][16]byte, n)
		for i := range all {
			all[i] = [16]byte{byte((from + i) >> 16), byte((from + i) >> 8), byte(from + i), 15: 1}
		}
		return all
	}
	put := func(at time.Time, first spool.Seq, events [][16]byte) {
		t.Helper()
		if err := b.spool.PutMarks(shippedMarks(at, first, events)...); err != nil {
			t.Fatal(err)
		}
	}
	put(day, 1, events(0, 10))
	put(day.Add(20*time.Hour), 11, events(10, 25_000))
	put(day.Add(90*time.Hour), 30_000, events(30_000, 5)) // by a clock that jumped
	count := func(now time.Time) (n int) {
		t.Helper()
		last := -1
		err := ShippedIDs(b.spool, now, func(id [16]byte) {
			this := int(id[0])<<16 | int(id[1])<<8 | int(id[2])
			if this != last+1 && last >= 0 {
				t.Fatalf("id %d follows %d", this, last)
			}
			last, n = this, n+1
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for after, want := range map[time.Duration]int{21 * time.Hour: 25_010, 25 * time.Hour: 25_000, 45 * time.Hour: 0} {
		if got := count(day.Add(after)); got != want {
			t.Errorf("after %v %d ids are known, want %d", after, got, want)
		}
	}
	s, err := New(Options{Spool: b.spool, Store: b.store})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.tidyShipped(day.Add(25 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s.kept != 25_005 { // what a clock ahead wrote goes when its turn comes
		t.Errorf("%d ids are kept, want 25005", s.kept)
	}
	if err := s.tidyShipped(day.Add(48 * time.Hour)); err != nil || s.kept != 0 {
		t.Errorf("a day later %d ids are kept, %v", s.kept, err)
	}
}
