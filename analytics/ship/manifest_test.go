package ship

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/spool"
)

// killedBetweenInsertAndAck leaves the batch stored and unacknowledged; the
// next program cuts other batches, but not this one.
func killedBetweenInsertAndAck(b *bench) {
	b.append(0, 500)
	ctx, kill := context.WithCancel(b.Context())
	f := &faulty{to: b.store, after: []error{errLost}}
	s := b.shipper(stop{f, kill}, func(o *Options) { o.MaxRows = 150 })
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		b.Fatalf("got %v", err)
	}
	if b.spool.Cursor() != 0 {
		b.Fatal("acknowledged")
	}
	if err := b.spool.Close(); err != nil {
		b.Fatal(err)
	}
	b.openSpool()
	b.append(500, 700)
	again := &faulty{to: b.store}
	b.drain(b.shipper(again, func(o *Options) { o.MaxRows = 1000 }))
	b.wantOnce(700)
	if again.tokens[0] != f.tokens[0] || again.sizes[0] != f.sizes[0] {
		b.Errorf("repeated %s with %d rows, was %s with %d", again.tokens[0], again.sizes[0], f.tokens[0], f.sizes[0])
	}
}

// stop ends the process's context after an insert.
type stop struct {
	Store
	kill func()
}

func (s stop) Insert(ctx context.Context, token string, b store.Batch) error {
	defer s.kill()
	return s.Store.Insert(ctx, token, b)
}

// changedAfterFirstTry: a hash that does not agree must not be sent under the
// old token, nor under a new one.
func changedAfterFirstTry(b *bench) {
	b.append(0, 300)
	records, err := b.spool.Read(b.Context(), 1, 100)
	if err != nil {
		b.Fatal(err)
	}
	m := manifestOf(b.spool.ID(), records)
	m.hash[0]++
	if err := b.spool.PutManifest(m.encode()); err != nil {
		b.Fatal(err)
	}
	f := &faulty{to: b.store}
	s := b.shipper(f, nil)
	b.drain(s)
	if got := b.one("SELECT count(), min(toUInt32(substring(path, 2))) FROM events"); got != "200\t100" {
		b.Errorf("count and first of the rest: %s", got)
	}
	if aside, err := b.spool.Asides(); err != nil || len(aside) != 1 || aside[0].Records != 100 || !strings.Contains(aside[0].Reason, "differ") {
		b.Errorf("set aside: %+v, %v", aside, err)
	}
	if st := s.Stats(); st.SetAside != 100 {
		b.Errorf("stats %+v", st)
	}
}

// manifestOf describes records that are still all there.
func manifestOf(id [16]byte, records []spool.Record) manifest {
	b := newBatch()
	for _, r := range records {
		b.note(r)
	}
	return b.manifest(id, nil)
}

func TestManifest(t *testing.T) {
	m := manifestOf([16]byte{1, 2}, []spool.Record{{Seq: 7, Payload: []byte("a")}, {Seq: 9, Payload: []byte("bc")}})
	m.chains = []chain{{"a", store.Head{Seq: 1 << 63, Hash: [32]byte{1, 31: 2}}}, {strings.Repeat("b", 300), store.Head{}}}
	got, err := decodeManifest(m.encode())
	if err != nil || !reflect.DeepEqual(got, m) || m.first != 7 || m.last != 9 || m.records != 2 {
		t.Errorf("%+v came back as %+v, %v", m, got, err)
	}
	if m.token() != "01020000000000000000000000000000-7-9" {
		t.Errorf("token %s", m.token())
	}
	for name, other := range map[string][]spool.Record{
		"cut elsewhere in the bytes": {{Seq: 7, Payload: []byte("ab")}, {Seq: 9, Payload: []byte("c")}},
		"another position":           {{Seq: 8, Payload: []byte("a")}, {Seq: 9, Payload: []byte("bc")}},
		"one less":                   {{Seq: 7, Payload: []byte("a")}},
	} {
		if manifestOf(m.spool, other).hash == m.hash {
			t.Errorf("%s has the same hash", name)
		}
	}
	for _, b := range [][]byte{nil, {2}, m.encode()[:20], m.encode()[:manifestSize+5], append(m.encode(), 200), append([]byte{1}, m.encode()[1:]...), append([]byte{3}, m.encode()[1:]...)} {
		if _, err := decodeManifest(b); err == nil {
			t.Errorf("decoded %x", b)
		}
	}
}
