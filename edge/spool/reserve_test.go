package spool

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fill appends until there is no room.
func fill(t *testing.T, add func(n int) error) (n int) {
	t.Helper()
	for ; n < 1<<16; n++ {
		switch err := add(n); {
		case errors.Is(err, ErrFull):
			return n
		case err != nil:
			t.Fatal(err)
		}
	}
	t.Fatal("never full")
	return 0
}

// TestReserve_StatementsFindRoom: what people state is kept where hits find no room
// any more, as much as the reserve holds and no more, also over a restart; and the
// spool says that it is full all the while.
func TestReserve_StatementsFindRoom(t *testing.T) {
	o := inMemory()
	o.MaxBytes = 256 << 10
	s := openAt(t, o)
	hit := func(int) error { return s.Append(make([]byte, 1000)) }
	state := func(n int) error { return s.AppendMarked([]Mark{put(fmt.Sprint(n), "no")}, make([]byte, 500)) }
	hits := fill(t, hit)
	stated := fill(t, state)
	if used := s.Stats().Bytes - o.MaxBytes; used <= minReserve-1500 || used > minReserve {
		t.Errorf("%d statements took %d bytes of a reserve of %d", stated, used, minReserve)
	}
	if marks, err := marksOf(s, testSpace); err != nil || len(marks) != stated {
		t.Errorf("%d marks of %d statements, %v", len(marks), stated, err)
	}
	for range 2 {
		if hit(0) == nil || state(stated) == nil {
			t.Error("a used up reserve takes more")
		}
		if st := s.Stats(); !st.Full || st.Refused < 2 {
			t.Errorf("it does not say that it is full: %+v", st)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, o)
	}
	if got := drain(t, s, 0); len(got) != hits+stated {
		t.Errorf("%d records wait, want %d", len(got), hits+stated)
	}
}

// TestReserve_FullUntilHitsFit: a statement that found no room is smaller than a hit
// that did; what is said of hits does not go by it.
func TestReserve_FullUntilHitsFit(t *testing.T) {
	o := inMemory()
	o.MaxBytes = 64 << 10
	s := openAt(t, o)
	hit := func(int) error { return s.Append(make([]byte, 2000)) }
	fill(t, hit)
	state := func(int) error { return s.AppendMarked(nil, make([]byte, 100)) }
	fill(t, state)
	for seq := Seq(1); s.Stats().Full; seq++ {
		if hit(0) == nil {
			t.Fatal("a hit found room, though the spool says that it is full")
		}
		if err := s.Ack(seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := hit(0); err != nil {
		t.Errorf("not full: %v", err)
	}
}

// TestReserve_LittleFreeSpace: they also find room on a disk that is too full for
// hits, down to half of what must stay free.
func TestReserve_LittleFreeSpace(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openAt(t, Options{Dir: "q", FS: fs})
	for _, c := range []struct {
		free        uint64
		hit, stated bool
	}{
		{1 << 30, true, true},
		{200 << 20, false, true},
		{100 << 20, false, false},
		{1 << 30, true, true},
	} {
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: c.free, TotalBytes: 2 << 30})
		s.checkDisk()
		hit, stated := s.Append([]byte("hit")), s.AppendMarked(nil, []byte("no"))
		if (hit == nil) != c.hit || (stated == nil) != c.stated || s.Stats().Full == c.hit {
			t.Errorf("%d bytes free: a hit %v, a statement %v, full %v", c.free, hit, stated, s.Stats().Full)
		}
	}
}

func TestReserve_Size(t *testing.T) {
	for size, want := range map[int64]int64{1000: 64 << 10, 16 << 20: 1 << 20, 10 << 30: 64 << 20} {
		if o := (Options{MaxBytes: size}); o.reserve() != want {
			t.Errorf("of %d bytes %d are reserved, want %d", size, o.reserve(), want)
		}
	}
}
