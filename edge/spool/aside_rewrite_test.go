package spool

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// Records that were set aside are dropped and changed where that is asked for; the
// others, their order and the counts stay right, over a restart too.
func TestRewriteAside(t *testing.T) {
	o := inMemory()
	s := openAt(t, o)
	appendN(t, s, 1, 9)
	for _, batch := range [][2]Seq{{1, 3}, {4, 5}, {6, 8}} {
		if err := s.SetAside(batch[0], batch[1], "refused"); err != nil {
			t.Fatal(err)
		}
	}
	before, err := s.AsideRecords(1)
	if err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("cannot")
	if _, err := s.RewriteAside(context.Background(), func([]byte) ([]byte, error) { return nil, wrong }); !errors.Is(err, wrong) {
		t.Errorf("an error of the change: %v", err)
	}
	drop := map[string]bool{}
	for _, name := range []Seq{1, 4} { // the second of the first batch, all of the second
		records, err := s.AsideRecords(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			drop[string(r.Payload)] = name == 4 || i == 1
		}
	}
	n, err := s.RewriteAside(context.Background(), func(p []byte) ([]byte, error) {
		if drop[string(p)] {
			return nil, nil
		}
		if bytes.Equal(p, before[2].Payload) {
			return []byte("changed"), nil
		}
		return p, nil
	})
	if n != 4 || err != nil {
		t.Fatalf("%d changed, %v", n, err)
	}
	stats := s.Stats()
	if stats.Aside != 5 {
		t.Errorf("%d are set aside", stats.Aside)
	}
	s.Close()
	s = openAt(t, o)
	if again := s.Stats(); again.Aside != stats.Aside || again.AsideLen != stats.AsideLen {
		t.Errorf("after a restart %d records in %d bytes, before %d in %d", again.Aside, again.AsideLen, stats.Aside, stats.AsideLen)
	}
	list, err := s.Asides()
	if err != nil || len(list) != 2 || list[0].Batch != 1 || list[0].Records != 2 || list[1].Batch != 6 || list[1].Records != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	got, err := s.AsideRecords(1)
	if err != nil || len(got) != 2 || !bytes.Equal(got[0].Payload, before[0].Payload) || string(got[1].Payload) != "changed" {
		t.Errorf("%+v, %v", got, err)
	}
	if n, err := s.Replay(1); n != 2 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
}
