package spool

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tracesIn returns in which files of a spool these bytes lie, compressed or not.
func tracesIn(t *testing.T, dir, needle string) (files []string) {
	t.Helper()
	err := Everything(dir, func(file string, content []byte) {
		if bytes.Contains(content, []byte(needle)) && !slices.Contains(files, file) {
			files = append(files, file)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPolicy_5_3_DeliveredLeavesNoTrace: what was delivered, or set aside and then
// dropped, is gone from every file of the spool, deleted and recycled ones too.
// What still waits, or is still set aside, is found by the same search.
func TestPolicy_5_3_DeliveredLeavesNoTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := openAt(t, Options{Dir: dir})
	const gone, refused, waits, kept = "visitor-one", "visitor-two", "visitor-six", "visitor-ten"
	put := func(who string, n int) {
		t.Helper()
		for i := range n {
			if err := s.Append(fmt.Appendf(nil, "%s is here for the %dth time %s", who, i, bytes.Repeat([]byte{byte(i)}, 200))); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(gone, 300)
	put(refused, 300)
	put(kept, 300)
	put(waits, 300)
	for _, who := range []string{gone, refused, kept, waits} {
		if len(tracesIn(t, dir, who)) == 0 {
			t.Fatalf("%s is not found while spooled: the search does not see", who)
		}
	}
	if err := s.Ack(300); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAside(301, 900, "refused"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.RewriteAside(context.Background(), func(p []byte) ([]byte, error) {
		if bytes.Contains(p, []byte(refused)) {
			return nil, nil
		}
		return p, nil
	}); n != 300 || err != nil {
		t.Fatalf("%d dropped, %v", n, err)
	}
	var left []string
	for range 300 { // deletions are flushed after seconds
		if left = append(tracesIn(t, dir, gone), tracesIn(t, dir, refused)...); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("traces are left in %v", left)
	}
	for _, who := range []string{kept, waits} {
		if len(tracesIn(t, dir, who)) == 0 {
			t.Errorf("%s is not found any more", who)
		}
	}
}
