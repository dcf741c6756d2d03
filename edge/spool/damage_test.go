package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// image is a spool's files as a stopped machine leaves them.
type image struct {
	fs    *vfs.MemFS
	total int // records stored, from 1
	acked int
}

// newImage stores groups of one record each, some of them in a table and some in
// the log, and stops without closing.
func newImage(t *testing.T, inTable, inLog, size int) image {
	t.Helper()
	o := inMemory()
	s := openAt(t, o)
	store := func(from, n int) {
		for i := from; i < from+n; i++ {
			if err := s.Append(sized(i, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	store(1, inTable)
	im := image{total: inTable + inLog, acked: inTable / 10}
	if inTable > 0 {
		if err := s.Ack(Seq(im.acked)); err != nil {
			t.Fatal(err)
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	store(inTable+1, inLog)
	im.fs = everything(o.FS.(*vfs.MemFS))
	return im
}

// everything is a copy of a file system, synced or not.
func everything(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

func sized(i, size int) []byte {
	rng := rand.New(rand.NewPCG(uint64(i), 7)) // what compresses would make damage miss
	b := fmt.Appendf(nil, "r%d-", i)
	for len(b) < size {
		b = append(b, byte('!'+rng.IntN(90)))
	}
	return b
}

// files lists the files of the image that hold something.
func (im image) files(t *testing.T) map[string]int {
	t.Helper()
	names, err := im.fs.List("q")
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	for _, n := range names {
		st, err := im.fs.Stat("q/" + n)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > 0 {
			sizes[n] = int(st.Size())
		}
	}
	return sizes
}

// newestLog is the log in use.
func (im image) newestLog(t *testing.T) string {
	t.Helper()
	newest := ""
	for n := range im.files(t) {
		if strings.HasSuffix(n, ".log") && n > newest {
			newest = n
		}
	}
	return newest
}

// after damages one file's bytes and returns what a start finds: how many records
// are missing, how many are counted as damaged. Whatever is found must be as it was
// stored, in order, and the spool must go on working.
func (im image) after(t *testing.T, file string, damage func([]byte)) (missing, counted int) {
	t.Helper()
	fs := everything(im.fs)
	data, err := fs.UnsafeGetFileDataBuffer("q/" + file)
	if err != nil {
		t.Fatal(err)
	}
	damage(data)
	s, err := Open(Options{Dir: "q", FS: fs})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	defer s.Close()
	there := make(map[Seq]bool)
	for i, r := range drain(t, s, 0) {
		if want := sized(int(r.Seq), len(r.Payload)); string(want) != string(r.Payload) {
			t.Fatalf("%s: record %d at place %d is not what was stored", file, r.Seq, i)
		}
		there[r.Seq] = true
	}
	for seq := Seq(im.acked + 1); seq <= Seq(im.total); seq++ {
		if !there[seq] {
			missing++
		}
	}
	counted = int(s.Stats().Damaged)
	stored := s.Stats().Stored
	if err := s.Append([]byte("and on")); err != nil {
		t.Fatal(err)
	}
	next, err := s.Next(context.Background(), stored, Limits{})
	if err != nil || len(next) != 1 || string(next[0].Payload) != "and on" {
		t.Errorf("%s: after the damage: %v, %v", file, next, err)
	}
	if counted > 0 {
		if list, err := s.Asides(); err != nil || len(list) == 0 || !list[0].Damaged || list[0].Reason == "" {
			t.Errorf("%s: %v, %v", file, list, err)
		}
	}
	return missing, counted
}

func flip(at int) func([]byte) { return func(b []byte) { b[at] ^= 0x10 } }

func TestDamage_BitFlipInTheLog(t *testing.T) {
	t.Parallel()
	im := newImage(t, 0, 300, 150) // three blocks of the log
	log := im.newestLog(t)
	size := im.files(t)[log]
	const tries = 60
	for i := range tries {
		at := (size - 1) * i / (tries - 1)
		missing, counted := im.after(t, log, flip(at))
		if missing > 2 || counted < 1 || counted > 3 {
			t.Errorf("bit at %d of %d: %d records missing, %d counted", at, size, missing, counted)
		}
	}
}

func TestDamage_BitFlipInAnyFile(t *testing.T) {
	t.Parallel()
	im := newImage(t, 100, 40, 900)
	for file, size := range im.files(t) {
		for _, at := range []int{0, size / 5, size / 2, size * 4 / 5, size - 1} {
			missing, counted := im.after(t, file, flip(at))
			if missing > 0 && counted == 0 {
				t.Errorf("%s, bit at %d of %d: %d records are lost in silence", file, at, size, missing)
			}
			if limit := im.total - 40; missing > limit { // at worst a whole table
				t.Errorf("%s, bit at %d of %d: %d records missing", file, at, size, missing)
			}
		}
	}
}

func TestDamage_TableBlock(t *testing.T) {
	t.Parallel()
	im := newImage(t, 200, 20, 900)
	for file, size := range im.files(t) {
		if !strings.HasSuffix(file, ".sst") {
			continue
		}
		for i := 1; i < 10; i++ {
			missing, counted := im.after(t, file, flip(size*i/12))
			if missing == 0 || missing > 12 || counted < missing {
				t.Errorf("block at %d/12: %d records missing, %d counted", i, missing, counted)
			}
		}
	}
}

// TestDamage_TornTail zeroes the log from every byte of its last records on. Only
// where the zeroes start with a chunk is there nothing left to see.
func TestDamage_TornTail(t *testing.T) {
	t.Parallel()
	im := newImage(t, 0, 20, 40)
	log := im.newestLog(t)
	size := im.files(t)[log]
	unseen := 0
	for cut := size - 1; cut > size-400; cut-- {
		missing, counted := im.after(t, log, func(b []byte) { clear(b[cut:]) })
		if missing < 1 || missing > 5 || counted > 1 {
			t.Errorf("zeroed %d bytes: %d records missing, %d counted", size-cut, missing, counted)
		}
		if counted == 0 {
			unseen++
		}
	}
	if unseen > 4 {
		t.Errorf("%d of 400 cuts are unseen", unseen)
	}
}

// TestDamage_ShortenedLog ends the file at every byte of its last records.
func TestDamage_ShortenedLog(t *testing.T) {
	t.Parallel()
	im := newImage(t, 0, 20, 40)
	log := im.newestLog(t)
	size := im.files(t)[log]
	whole := im.fs
	for cut := size - 1; cut > size-200; cut-- {
		im.fs = everything(whole)
		data, err := im.fs.UnsafeGetFileDataBuffer("q/" + log)
		if err != nil {
			t.Fatal(err)
		}
		f, err := im.fs.Create("q/"+log, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(append([]byte(nil), data[:cut]...)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if missing, _ := im.after(t, log, func([]byte) {}); missing < 1 || missing > 3 {
			t.Errorf("shortened by %d: %d records missing", size-cut, missing)
		}
	}
}

// TestDamage_PositionsAfterSalvage wants the identity and the manifest to survive,
// and positions that were never given out before.
func TestDamage_PositionsAfterSalvage(t *testing.T) {
	o := inMemory()
	s := openAt(t, o)
	appendN(t, s, 1, 50)
	if err := s.Ack(10); err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest([]byte("11 to 20")); err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 51, 50)
	im := image{fs: everything(o.FS.(*vfs.MemFS))}
	data, err := im.fs.UnsafeGetFileDataBuffer("q/" + im.newestLog(t))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-300] ^= 1
	again := openAt(t, Options{Dir: "q", FS: im.fs})
	if m, ok := again.Manifest(); !ok || string(m) != "11 to 20" || again.ID() != s.ID() || again.Cursor() != 10 {
		t.Errorf("manifest %q, cursor %d, same id %v", m, again.Cursor(), again.ID() == s.ID())
	}
	appendN(t, again, 101, 1)
	if st := again.Stats(); st.Stored < positionsLeftOut || st.Depth > 92 {
		t.Errorf("%+v", st)
	}
	names, err := im.fs.List("")
	if err != nil || len(names) != 2 || !strings.HasPrefix(names[1], "q.damaged-") && !strings.HasPrefix(names[0], "q.damaged-") {
		t.Errorf("%v, %v", names, err)
	}
}
