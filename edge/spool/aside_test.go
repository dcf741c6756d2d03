package spool

import (
	"sync"
	"testing"
	"time"
)

func TestSetAside_ListReplayExpire(t *testing.T) {
	o := inMemory()
	now := time.Unix(1_800_000_000, 0)
	var mu sync.Mutex
	o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	s := openAt(t, o)
	appendN(t, s, 1, 10)
	if err := s.SetAside(4, 6, "too early"); err == nil {
		t.Error("set aside records that are not the next ones")
	}
	if err := s.Ack(3); err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest([]byte("4 to 6")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAside(4, 6, "the store refuses them"); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Manifest(); ok || s.Cursor() != 6 {
		t.Errorf("cursor %d, manifest there: %v", s.Cursor(), ok)
	}
	s.Close()
	s = openAt(t, o)
	list, err := s.Asides()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if a := list[0]; a.Batch != 4 || a.First != 4 || a.Last != 6 || a.Records != 3 || a.Reason != "the store refuses them" || a.Damaged || !a.At.Equal(now) {
		t.Errorf("%+v", a)
	}
	kept, err := s.AsideRecords(4)
	if err != nil {
		t.Fatal(err)
	}
	wantPayloads(t, kept, 4, 3)
	if n, err := s.Replay(4); n != 3 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	if _, err := s.Replay(4); err == nil {
		t.Error("replayed twice")
	}
	got := drain(t, s, 0)
	wantPayloads(t, got[:4], 7, 4)
	wantPayloads(t, got[4:], 4, 3)
	if st := s.Stats(); st.Aside != 0 || st.AsideLen != 0 || st.Depth != 7 {
		t.Errorf("%+v", st)
	}

	if err := s.SetAside(7, 8, "again"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ExpireAside(now); n != 0 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
	mu.Lock()
	now = now.Add(31 * 24 * time.Hour)
	mu.Unlock()
	s.expire()
	if list, err := s.Asides(); len(list) != 0 || err != nil {
		t.Errorf("still there: %v, %v", list, err)
	}
}
