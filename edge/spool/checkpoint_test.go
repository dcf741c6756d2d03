package spool

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// TestCheckpoint opens a copy that was made while records came: it has what was
// there before, marks and cursor too, and goes on by itself.
func TestCheckpoint(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "spool"), MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(s *Spool, n int) {
		t.Helper()
		if err := s.AppendMarked([]Mark{{Space: 'k', Key: []byte{byte(n)}, Value: []byte("v")}}, fmt.Appendf(nil, "record %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		put(s, n)
	}
	if err := s.Ack(5); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				_ = s.Append([]byte("meanwhile"))
			}
		}
	}()
	dir := filepath.Join(t.TempDir(), "copy")
	err = s.Checkpoint(dir)
	close(stop)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Options{Dir: dir, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.ID() != s.ID() || c.Cursor() != 5 || c.Stats().Aside != 0 || c.Stats().Damaged != 0 {
		t.Errorf("the copy: id equal %t, cursor %d, %+v", c.ID() == s.ID(), c.Cursor(), c.Stats())
	}
	records, err := c.Next(context.Background(), 5, Limits{Records: 15})
	if err != nil || len(records) < 15 || string(records[14].Payload) != "record 19" {
		t.Errorf("the copy's records: %d, %v", len(records), err)
	}
	marks := 0
	if err := c.Marks('k', func(_, _ []byte) error { marks++; return nil }); err != nil || marks != 20 {
		t.Errorf("the copy has %d marks, %v", marks, err)
	}
	before := c.Stats().Stored
	put(c, 21)
	if got := c.Stats().Stored; got != before+1 {
		t.Errorf("a record of the copy is at %d, want %d", got, before+1)
	}
}
