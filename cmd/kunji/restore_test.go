package main

import (
	"bytes"
	"testing"

	"github.com/kunjicloud/kunji/edge/spool"
)

// TestRestoreAppendsWhatAWriteTakes: records of any size that the spool keeps, and
// any number of them, are cut into writes, in their order.
func TestRestoreAppendsWhatAWriteTakes(t *testing.T) {
	s, err := spool.Open(spool.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all [][]byte
	for i := range 2500 {
		all = append(all, bytes.Repeat([]byte{byte(i)}, []int{bytesAtOnce + 1, 3000}[min(i%500, 1)]))
	}
	if err := appendAll(s, all); err != nil {
		t.Fatal(err)
	}
	if n := int(s.Stats().Stored); n != len(all) {
		t.Fatalf("%d records are kept, of %d", n, len(all))
	}
	for i := 0; i < len(all); i += 499 {
		if got, err := s.Read(t.Context(), spool.Seq(i+1), spool.Seq(i+1)); err != nil || len(got) != 1 || !bytes.Equal(got[0].Payload, all[i]) {
			t.Errorf("record %d: %d of them, %v", i, len(got), err)
		}
	}
}
