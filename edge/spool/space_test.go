package spool

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// onDisk sums the files of a directory.
func onDisk(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if st, err := f.Info(); err == nil { // a file may go meanwhile
			bytes += st.Size()
		}
	}
	return bytes
}

// TestSpace_DrainedSpoolShrinks fills the spool with what does not compress, drains
// it, and wants the disk back and little memory taken.
func TestSpace_DrainedSpoolShrinks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "q")
	s := openAt(t, Options{Dir: dir})
	rng := rand.New(rand.NewPCG(1, 2))
	batch := make([][]byte, 200)
	for i := range batch {
		batch[i] = make([]byte, 1000)
	}
	const rounds = 320
	for range rounds { // 64 MB
		for _, b := range batch {
			for i := 0; i < len(b); i += 8 {
				b[i], b[i+3], b[i+5] = byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())
			}
		}
		if err := s.Append(batch...); err != nil {
			t.Fatal(err)
		}
	}
	full := onDisk(t, dir)
	for s.Cursor() < rounds*200 {
		records, err := s.Next(context.Background(), s.Cursor(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ack(records[len(records)-1].Seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.reclaim(context.Background()); err != nil {
		t.Fatal(err)
	}
	// Files go in the background.
	deadline := time.Now().Add(20 * time.Second)
	for onDisk(t, dir) > full/3 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	left := onDisk(t, dir)
	t.Logf("%d bytes on disk when full, %d when drained; %d bytes of heap", full, left, m.HeapAlloc)
	if left > full/3 {
		t.Errorf("%d of %d bytes are still on disk", left, full)
	}
	if st := s.Stats(); st.Depth != 0 || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
}
