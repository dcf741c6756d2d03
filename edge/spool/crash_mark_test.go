package spool

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The spaces of the crash test's marks.
const (
	groupSpace = 1 // one mark for each group's records: their names
	ackSpace   = 2 // one mark with the cursor
)

// groupMarks makes a mark under the first record's name, with the names of all.
func groupMarks(batch [][]byte) []Mark {
	var names []byte
	for _, b := range batch {
		name, _, _ := bytes.Cut(b, []byte(" "))
		names = append(append(names, name...), ' ')
	}
	first, _, _ := bytes.Cut(names, []byte(" "))
	return []Mark{{Space: groupSpace, Key: first, Value: names}}
}

// checkMarks wants a mark for each group whose records were stored, for no other,
// and the cursor's mark to say where the cursor is. A salvage may lose marks, and
// says so.
func checkMarks(t *testing.T, name string, s *Spool, records []Record, answered, delivered []string) {
	t.Helper()
	stored := map[string]bool{}
	for _, r := range records {
		n, _, _ := strings.Cut(string(r.Payload), " ")
		stored[n] = true
	}
	gone := map[string]bool{}
	for _, d := range delivered {
		n, _, _ := strings.Cut(d, " ")
		gone[n] = true
	}
	marked := map[string]bool{}
	err := s.Marks(groupSpace, func(_, names []byte) error {
		for n := range strings.FieldsSeq(string(names)) {
			if marked[n] = true; !stored[n] && !gone[n] {
				t.Fatalf("%s: %s has a mark, but was not stored", name, n)
			}
		}
		return nil
	})
	if lost := errors.Is(err, ErrMarksMissing); err != nil && !lost {
		t.Fatalf("%s: %v", name, err)
	} else if lost {
		return
	}
	for n := range stored {
		if !marked[n] {
			t.Fatalf("%s: %s was stored without its mark", name, n)
		}
	}
	for _, a := range answered {
		if n, _, _ := strings.Cut(a, " "); !marked[n] {
			t.Fatalf("%s: the mark of %s was answered for and is lost", name, n)
		}
	}
	at := "0"
	if err := s.Marks(ackSpace, func(_, v []byte) error { at = string(v); return nil }); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if at != fmt.Sprint(s.Cursor()) {
		t.Errorf("%s: the cursor is at %d, its mark says %s", name, s.Cursor(), at)
	}
}
