package spool

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

const testSpace = 'a'

func put(key, value string) Mark {
	return Mark{Space: testSpace, Key: []byte(key), Value: []byte(value)}
}

// marksOf reads a space.
func marksOf(s *Spool, space byte) (map[string]string, error) {
	all := map[string]string{}
	err := s.Marks(space, func(key, value []byte) error {
		all[string(key)] = string(value)
		return nil
	})
	return all, err
}

func wantMarks(t *testing.T, s *Spool, space byte, want map[string]string) {
	t.Helper()
	if got, err := marksOf(s, space); err != nil || !maps.Equal(got, want) {
		t.Errorf("marks of %d are %v, %v; want %v", space, got, err, want)
	}
}

func TestMarks_StayWhenRecordsGo(t *testing.T) {
	o := inMemory()
	s := openAt(t, o)
	appendN(t, s, 1, 2)
	other := Mark{Space: testSpace + 1, Key: []byte("one"), Value: []byte("other")}
	last := Mark{Space: 0xff, Value: []byte("last")}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	before := s.Stats()
	must(s.PutMarks(put("two", "x"), put("two", "y"), other, last))
	must(s.PutMarks())
	if st := s.Stats(); st.Depth != before.Depth || st.Bytes != before.Bytes || st.Records != before.Records {
		t.Errorf("marks count as records: %+v", st)
	}
	must(s.AppendMarked([]Mark{put("one", "a"), put("", "")}, payload(3), payload(4)))
	wantPayloads(t, drain(t, s, 0), 1, 4)
	must(s.AckMarked(4, put("three", "c")))
	want := map[string]string{"one": "a", "two": "y", "three": "c", "": ""}
	for range 2 {
		wantMarks(t, s, testSpace, want)
		wantMarks(t, s, testSpace+1, map[string]string{"one": "other"})
		wantMarks(t, s, 0xff, map[string]string{"": "last"})
		must(s.Close())
		s = openAt(t, o)
	}
	must(s.DeleteMarks(testSpace, []byte("two"), []byte("never there")))
	must(s.AppendMarked([]Mark{put("one", "b")}))
	delete(want, "two")
	want["one"] = "b"
	wantMarks(t, s, testSpace, want)
	if st := s.Stats(); st.Depth != 0 || st.Stored != 4 {
		t.Errorf("%+v", st)
	}
	stop := errors.New("stop")
	if err := s.Marks(testSpace, func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of visit came back as %v", err)
	}
}

func TestMarks_FullSpoolTakesThemAlone(t *testing.T) {
	o := inMemory()
	o.MaxBytes = 1000
	s := openAt(t, o)
	if err := s.AppendMarked([]Mark{put("a", "1")}, make([]byte, 1000+minReserve)); !errors.Is(err, ErrFull) {
		t.Fatal(err) // more than the reserve, too
	}
	wantMarks(t, s, testSpace, map[string]string{})
	if err := s.PutMarks(put("b", "2")); err != nil {
		t.Fatal(err)
	}
	wantMarks(t, s, testSpace, map[string]string{"b": "2"})
}

func TestMarks_TooLargeOrClosed(t *testing.T) {
	s := openAt(t, inMemory())
	half := strings.Repeat("v", maxMark)
	many := make([]Mark, 20)
	for i := range many {
		many[i] = put(fmt.Sprint(i), half)
	}
	for name, err := range map[string]error{
		"key":         s.PutMarks(put(half+"k", "")),
		"value":       s.PutMarks(put("", half+"v")),
		"sum":         s.PutMarks(many...),
		"with a body": s.AppendMarked(many[:8], make([]byte, maxGroup/2)),
		"with Ack":    s.AckMarked(0, many...),
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantMarks(t, s, testSpace, map[string]string{})
	keys := make([][]byte, 40)
	for i := range keys { // more than one batch
		keys[i] = []byte(fmt.Sprint(half[:maxMark-2], i))
	}
	if err := s.PutMarks(put(string(keys[39]), "v")); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMarks(testSpace, keys...); err != nil {
		t.Fatal(err)
	}
	wantMarks(t, s, testSpace, map[string]string{})
	s.Close()
	for _, err := range []error{
		s.PutMarks(put("a", "")), s.DeleteMarks(testSpace, []byte("a")), s.AckMarked(0, put("a", "")),
		s.AppendMarked([]Mark{put("a", "")}, []byte("x")), s.Marks(testSpace, nil), s.MarksWhole(testSpace),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestMarks_OwnChecksum(t *testing.T) {
	s := openAt(t, inMemory())
	if err := s.PutMarks(put("a", "1"), put("b", "2"), put("c", "3")); err != nil {
		t.Fatal(err)
	}
	broken := put("b", "2").seal()
	broken.value[1] ^= 1
	if err := s.db.Set(broken.key, broken.value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	got, err := marksOf(s, testSpace)
	if !errors.Is(err, ErrMarksMissing) || !maps.Equal(got, map[string]string{"a": "1", "c": "3"}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.PutMarks(put("b", "2")); err != nil {
		t.Fatal(err)
	}
	wantMarks(t, s, testSpace, map[string]string{"a": "1", "b": "2", "c": "3"})
}
