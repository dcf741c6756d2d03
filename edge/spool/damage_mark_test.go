package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manyMarks fills tables and a log with marks in several states, and stops without
// closing.
func manyMarks(t *testing.T, n int) (im image, want map[string]string) {
	t.Helper()
	o := inMemory()
	s := openAt(t, o)
	want = map[string]string{}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set := func(i int, value string) {
		key := fmt.Sprintf("shop/%06d", i)
		check(s.PutMarks(put(key, value)))
		want[key] = value
	}
	for i := range n {
		set(i, "old")
		check(s.Append(sized(i+1, 60)))
	}
	check(s.db.Flush())
	for i := 0; i < n; i += 3 {
		set(i, string(sized(i, 40)))
	}
	for i := 1; i < n; i += 3 {
		key := fmt.Sprintf("shop/%06d", i)
		check(s.DeleteMarks(testSpace, []byte(key)))
		delete(want, key)
	}
	for i := 1; i < n; i += 6 { // set again over a deletion
		set(i, "again")
	}
	check(s.db.Flush())
	check(s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false))
	for i := 2; i < n; i += 3 {
		set(i, "newest")
	}
	return image{fs: everything(o.FS.(*vfs.MemFS)), total: n}, want
}

// TestDamage_MarksAreSalvaged damages each file that holds marks. What is read must
// be the newest state, all but one block of a table must be read, and their owner
// must hear of it until it says that they are whole.
func TestDamage_MarksAreSalvaged(t *testing.T) {
	t.Parallel()
	im, want := manyMarks(t, 900)
	for file, size := range im.files(t) {
		table := strings.HasSuffix(file, ".sst")
		if !table && file != im.newestLog(t) {
			continue
		}
		for i := 1; i < 8; i++ {
			at := size * (60 + 4*i) / 100 // marks lie behind the groups
			name := fmt.Sprintf("%s, try %d", file, i)
			fs := everything(im.fs)
			data, err := fs.UnsafeGetFileDataBuffer("q/" + file)
			if err != nil {
				t.Fatal(err)
			}
			if !table {
				size = bytes.LastIndex(data, []byte("newest")) // behind it lies what a recycled log held before
				at = size * i / 9
			}
			data[at] ^= 0x10
			s := openAt(t, Options{Dir: "q", FS: fs})
			got, err := marksOf(s, testSpace)
			if errors.Is(err, ErrMarksMissing) { // a table's damage shows only when it is read
				s.Close()
				s = openAt(t, Options{Dir: "q", FS: fs})
				got, err = marksOf(s, testSpace)
			}
			checkSalvagedMarks(t, name, got, want, table)
			if !errors.Is(err, ErrMarksMissing) && (err != nil || !maps.Equal(got, want)) {
				t.Errorf("%s: marks are lost in silence: %v", name, err)
			}
			if err := s.MarksWhole(testSpace); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s = openAt(t, Options{Dir: "q", FS: fs})
			wantMarks(t, s, testSpace, got)
			s.Close()
		}
	}
}

// checkSalvagedMarks wants the newest state of all marks but a few. Where a table's
// block is lost, so may be the newest state of a mark that an older table or none
// holds; where one record of the log is, the state that it replaced comes back.
func checkSalvagedMarks(t *testing.T, name string, got, want map[string]string, table bool) {
	t.Helper()
	missing, stale := 0, 0
	for key, value := range want {
		switch g, ok := got[key]; {
		case !ok:
			missing++
		case g != value:
			stale++
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			stale++ // a deleted one
		}
	}
	limit := 2
	if table {
		limit = 300 // a block of 4 KiB
	}
	if missing+stale > limit || !table && missing > 0 {
		t.Errorf("%s: %d marks are missing, %d stale, of %d", name, missing, stale, len(want))
	}
}

// TestDamage_ManifestSetOverDeletion wants a manifest to be salvaged also where a
// compaction met the deletion of the one before: Pebble then keeps it as a key of
// another kind.
func TestDamage_ManifestSetOverDeletion(t *testing.T) {
	o := inMemory()
	s := openAt(t, o)
	appendN(t, s, 1, 40)
	for n := Seq(10); n <= 30; n += 10 {
		if err := s.PutManifest(fmt.Appendf(nil, "through %d", n)); err != nil {
			t.Fatal(err)
		}
		if n < 30 {
			if err := s.Ack(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 41, 40)
	im := image{fs: everything(o.FS.(*vfs.MemFS))}
	for file := range im.files(t) { // one that waits to be used again holds the state before
		if strings.HasSuffix(file, ".log") && file != im.newestLog(t) {
			if err := im.fs.Remove("q/" + file); err != nil {
				t.Fatal(err)
			}
		}
	}
	data, err := im.fs.UnsafeGetFileDataBuffer("q/" + im.newestLog(t))
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.LastIndex(data, payload(70))] ^= 1
	again := openAt(t, Options{Dir: "q", FS: im.fs})
	if m, ok := again.Manifest(); !ok || string(m) != "through 30" {
		t.Errorf("manifest %q, %v", m, ok)
	}
	if again.Stats().Damaged == 0 {
		t.Error("nothing was damaged: the test shows nothing")
	}
}
