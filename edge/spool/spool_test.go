package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// openAt opens a spool that must open, and closes it with the test.
func openAt(t testing.TB, o Options) *Spool {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func inMemory() Options { return Options{Dir: "q", FS: vfs.NewCrashableMem()} }

func payload(i int) []byte {
	return fmt.Appendf(nil, "record %d %s", i, bytes.Repeat([]byte{'x'}, i%50))
}

func appendN(t testing.TB, s *Spool, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := s.Append(payload(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads what is stored after a position, without waiting.
func drain(t testing.TB, s *Spool, after Seq) []Record {
	t.Helper()
	records, err := s.Read(context.Background(), after+1, max(after+1, s.Stats().Stored))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func wantPayloads(t testing.TB, records []Record, from, n int) {
	t.Helper()
	if len(records) != n {
		t.Fatalf("%d records, want %d", len(records), n)
	}
	for i, r := range records {
		if !bytes.Equal(r.Payload, payload(from+i)) {
			t.Fatalf("record %d is %q, want %q", r.Seq, r.Payload, payload(from+i))
		}
		if i > 0 && r.Seq <= records[i-1].Seq {
			t.Fatalf("position %d follows %d", r.Seq, records[i-1].Seq)
		}
	}
}

func TestNext_InOrderWithinLimits(t *testing.T) {
	s := openAt(t, inMemory())
	appendN(t, s, 1, 100)
	if err := s.Append(payload(101), payload(102), payload(103)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after  Seq
		limits Limits
		first  int
		n      int
	}{
		{0, Limits{}, 1, 103},
		{0, Limits{Records: 10}, 1, 10},
		{50, Limits{Records: 7}, 51, 7},
		{100, Limits{Records: 1}, 101, 3}, // a group is never split
		{101, Limits{Records: 1}, 102, 2}, // from inside a group
		{0, Limits{Bytes: 1}, 1, 1},
		{0, Limits{Bytes: 200}, 1, 3},
	} {
		got, err := s.Next(context.Background(), c.after, c.limits)
		if err != nil {
			t.Fatal(err)
		}
		wantPayloads(t, got, c.first, c.n)
		if got[0].Seq != c.after+1 {
			t.Errorf("after %d comes %d", c.after, got[0].Seq)
		}
	}
}

func TestNext_WaitsForDataContextAndClose(t *testing.T) {
	s := openAt(t, inMemory())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Next(ctx, 0, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	got := make(chan []Record)
	go func() {
		records, _ := s.Next(context.Background(), 0, Limits{})
		got <- records
	}()
	appendN(t, s, 1, 1)
	wantPayloads(t, <-got, 1, 1)
	closed := make(chan error)
	go func() {
		_, err := s.Next(context.Background(), 1, Limits{})
		closed <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Append([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestAck_AcrossRestarts(t *testing.T) {
	o := inMemory()
	s := openAt(t, o)
	id := s.ID()
	reopen := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, o)
	}
	appendN(t, s, 1, 10)
	if err := s.Append(payload(11), payload(12), payload(13)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest([]byte("batch 1 to 12")); err != nil {
		t.Fatal(err)
	}
	reopen()
	if m, ok := s.Manifest(); !ok || string(m) != "batch 1 to 12" {
		t.Errorf("manifest %q, %v", m, ok)
	}
	if err := s.Ack(12); err != nil { // inside the last group
		t.Fatal(err)
	}
	reopen()
	if m, ok := s.Manifest(); ok {
		t.Errorf("manifest %q outlived Ack", m)
	}
	if st := s.Stats(); st.Cursor != 12 || st.Stored != 13 || st.Depth != 1 {
		t.Errorf("cursor %d, stored %d, depth %d", st.Cursor, st.Stored, st.Depth)
	}
	wantPayloads(t, drain(t, s, 0), 13, 1)
	if err := s.Ack(13); err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(14); err == nil {
		t.Error("acknowledged a record that was never stored")
	}
	reopen()
	appendN(t, s, 14, 1)
	if got := drain(t, s, 0); got[0].Seq != 14 {
		t.Errorf("position %d was given again", got[0].Seq)
	}
	if st := s.Stats(); st.Depth != 1 || st.Bytes <= 0 {
		t.Errorf("depth %d, %d bytes", st.Depth, st.Bytes)
	}
	if s.ID() != id {
		t.Error("the id changed with a restart")
	}
}

func TestAppend_Full(t *testing.T) {
	o := inMemory()
	o.MaxBytes = 4000
	s := openAt(t, o)
	big := make([]byte, 500)
	n := 0
	var err error
	for ; err == nil && n < 100; n++ {
		err = s.Append(big)
	}
	var full *FullError
	if !errors.Is(err, ErrFull) || !errors.As(err, &full) || full.RetryAfter <= 0 {
		t.Fatalf("after %d records: %v", n, err)
	}
	if st := s.Stats(); st.Refused != 1 || st.Bytes > o.MaxBytes || !st.Full {
		t.Errorf("%+v", st)
	}
	if a := testing.AllocsPerRun(100, func() { _ = s.Append(big) }); a != 0 {
		t.Errorf("refusing allocates %v times", a)
	}
	if err := s.Ack(2); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Full {
		t.Error("full, though there is room for what was refused")
	}
	if err := s.Append(big); err != nil {
		t.Errorf("after making room: %v", err)
	}
	// Moving records aside frees nothing: they still take the disk.
	if err := s.SetAside(3, 4, "r"); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		err = s.Append(big)
	}
	if st := s.Stats(); !errors.Is(err, ErrFull) || st.Bytes+st.AsideLen < 2500 {
		t.Errorf("%v, %+v", err, st)
	}
}

func TestAppend_LittleFreeSpace(t *testing.T) {
	fs := vfs.NewCrashableMem()
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 2 << 30})
	s := openAt(t, Options{Dir: "q", FS: fs})
	appendN(t, s, 1, 1)
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 2 << 30})
	s.checkDisk()
	if err := s.Append([]byte("x")); !errors.Is(err, ErrFull) || !s.Stats().Full {
		t.Errorf("%v", err)
	}
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30, TotalBytes: 2 << 30})
	s.checkDisk()
	appendN(t, s, 2, 1)
}

func TestAppend_TooLarge(t *testing.T) {
	s := openAt(t, inMemory())
	for _, payloads := range [][][]byte{
		{make([]byte, maxPayload)},
		{make([]byte, maxPayload/2), make([]byte, maxPayload/2)},
	} {
		if err := s.Append(payloads...); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v", err)
		}
	}
	if err := s.Append(make([]byte, maxGroup-groupHeader-frameHeader), []byte{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if err := s.Append(make([]byte, maxGroup-groupHeader-frameHeader)); err != nil {
		t.Error(err)
	}
	if err := s.Append([]byte{}); err != nil {
		t.Error(err)
	}
	if err := s.Append(); err != nil {
		t.Error(err)
	}
	if got := drain(t, s, 0); len(got) != 2 || len(got[1].Payload) != 0 {
		t.Errorf("%d records", len(got))
	}
}

func TestOpen_WrongOptions(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "q", MaxBytes: -1}, {Dir: "q", KeepAside: -1}} {
		if s, err := Open(o); err == nil {
			s.Close()
			t.Errorf("opened %+v", o)
		}
	}
}

func TestOpen_HeldByAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q")
	openAt(t, Options{Dir: dir})
	if s, err := Open(Options{Dir: dir}); err == nil {
		s.Close()
		t.Error("opened twice")
	}
}
