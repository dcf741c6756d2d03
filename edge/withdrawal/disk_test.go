package withdrawal

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/spool"
)

// disk joins a set to a spool, as whoever starts the process does.
type disk struct{ *spool.Spool }

func toSpool(marks []Mark) []spool.Mark {
	out := make([]spool.Mark, len(marks))
	for i, m := range marks {
		out[i] = spool.Mark(m)
	}
	return out
}

func (d disk) PutMarks(marks ...Mark) error { return d.Spool.PutMarks(toSpool(marks)...) }

func (d disk) Marks(space byte, visit func(key, value []byte) error) (missing bool, err error) {
	err = d.Spool.Marks(space, visit)
	if errors.Is(err, spool.ErrMarksMissing) {
		return true, nil
	}
	return false, err
}

func openDisk(t testing.TB, o spool.Options) disk {
	t.Helper()
	q, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return disk{q}
}

func newDisk(t testing.TB) (d disk, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "q")
	return openDisk(t, spool.Options{Dir: dir}), dir
}

// noon is when these tests take place.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const lifetime = 180 * 24 * time.Hour

// loaded makes a set over a disk and loads it.
func loaded(t testing.TB, d Keeper) *Set {
	t.Helper()
	s, err := New(Options{Marks: d, Lifetime: lifetime, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	return s
}

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func record(n byte) [16]byte { return [16]byte{0: n, 15: 1} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
