package store

import (
	"bytes"
	"errors"
	"io"
	"testing"

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
