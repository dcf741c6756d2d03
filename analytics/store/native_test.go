package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/event"
)

// TestBlockGrows: a block is the same whether its rows come at once or a few at a
// time, into new memory or that of a block before it.
func TestBlockGrows(t *testing.T) {
	rows := samples(0, 3*rowsAtOnce+1)
	rows[7].Props = map[string]string{"b": "2", "a": "1"}
	once := eventTable.block()
	once.add(rows)
	want := once.append(nil)
	grown := eventTable.block()
	grown.add(samples(5000, 300))
	grown.reset()
	for n := 0; len(rows) > 0; n++ {
		some := min(n, len(rows))
		grown.add(rows[:some])
		rows = rows[some:]
	}
	if got := grown.append(nil); !bytes.Equal(got, want) {
		t.Errorf("%d bytes grown, %d at once", len(got), len(want))
	}
	other := eventTable.block()
	other.add([]*event.Event{sample(1)})
	if bytes.Equal(other.append(nil), want) {
		t.Error("other rows make the same block")
	}
}

// TestBlockWithout: a block without some of its rows is the block of the others,
// whatever their texts, terms and props.
func TestBlockWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, left []*event.Event
		var goes []bool
		for n := range rapid.IntRange(1, 40).Draw(t, "rows") {
			e := sample(n)
			e.Path, e.Order = rapid.String().Draw(t, "path"), rapid.SampledFrom([]string{"", "A-1", strings.Repeat("x", 300)}).Draw(t, "order")
			e.Props = rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "props")
			all, goes = append(all, e), append(goes, rapid.Bool().Draw(t, "goes"))
			if !goes[n] {
				left = append(left, e)
			}
		}
		whole, want := eventTable.block(), eventTable.block()
		whole.add(all)
		want.add(left)
		before := whole.append(nil)
		if got := whole.without(goes); !bytes.Equal(got.append(nil), want.append(nil)) {
			t.Fatalf("of %d rows %v go: not the block of the others", len(all), goes)
		}
		if !bytes.Equal(whole.append(nil), before) {
			t.Fatal("the whole block changed")
		}
	})
}

// TestPrepared: a batch that is prepared piece by piece has all its events, in
// their order, and is one block or none.
func TestPrepared(t *testing.T) {
	s, err := Open(Options{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("nothing is to be sent") }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b Batch
	for n := range 10 {
		b.Add(event.Record{Event: sample(n)})
		if n%3 == 2 {
			s.Prepare(&b)
		}
		if b.Len() != n+1 {
			t.Fatalf("%d events of %d", b.Len(), n+1)
		}
	}
	for i, id := range b.EventIDs() {
		if id != sample(i).ID {
			t.Errorf("event %d is another one", i)
		}
	}
	if err := s.Insert(t.Context(), "1", b); err == nil || !strings.Contains(err.Error(), "call Prepare before Insert") {
		t.Errorf("two blocks under one token: %v", err)
	}
	b.Reset()
	if b.Len() != 0 || len(b.EventIDs()) != 0 {
		t.Errorf("%d events are left", b.Len())
	}
}

// TestLentIsTakenBack: whoever still reads what was taken back must not take the
// end of what it got for the end of the data.
func TestLentIsTakenBack(t *testing.T) {
	data := &lent{rest: []byte("abcd")}
	two := make([]byte, 2)
	if _, err := io.ReadFull(data, two); err != nil || string(two) != "ab" {
		t.Fatalf("read %q, %v", two, err)
	}
	data.takeBack()
	if n, err := data.Read(two); n != 0 || !errors.Is(err, errTakenBack) {
		t.Errorf("after that %d bytes are read, %v", n, err)
	}
	whole := &lent{rest: []byte("abcd")}
	if b, err := io.ReadAll(whole); err != nil || string(b) != "abcd" {
		t.Errorf("read whole: %q, %v", b, err)
	}
}
