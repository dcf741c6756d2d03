package ship

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/spool"
)

// faulty passes inserts on and fails before or after them as told.
type faulty struct {
	to Store

	mu     sync.Mutex
	before []error // one a try; nil lets it through
	after  []error // after the insert was done: the answer is lost
	tokens []string
	sizes  []int
}

func (f *faulty) Insert(ctx context.Context, token string, b store.Batch) error {
	f.mu.Lock()
	f.tokens, f.sizes = append(f.tokens, token), append(f.sizes, b.Len())
	before, after := shift(&f.before), shift(&f.after)
	f.mu.Unlock()
	if before != nil {
		return before
	}
	if err := f.to.Insert(ctx, token, b); err != nil {
		return err
	}
	return after
}

func (f *faulty) Prepare(b *store.Batch) { f.to.Prepare(b) }

func (f *faulty) Hurry(ctx context.Context) { f.to.Hurry(ctx) }

func (f *faulty) Heads(ctx context.Context, node [16]byte) (map[string]store.Head, error) {
	return f.to.Heads(ctx, node)
}

func shift(list *[]error) (first error) {
	if len(*list) > 0 {
		first, *list = (*list)[0], (*list)[1:]
	}
	return first
}

var errLost = errors.New("the connection was lost")

func answersLost(b *bench) {
	b.append(0, 1000)
	f := &faulty{to: b.store, after: []error{errLost, errLost, nil, errLost}}
	s := b.shipper(f, func(o *Options) { o.MaxRows = 300 })
	b.drain(s)
	b.wantOnce(1000)
	if st := s.Stats(); st.Retries != 3 || st.Batches != 4 || st.LastError != "" || !st.Failing.IsZero() {
		b.Errorf("stats %+v", st)
	}
}

func unreachableAndBack(b *bench) {
	// A real store on a port where nobody listens, until it is swapped.
	var d net.Dialer
	var mu sync.Mutex
	away := true
	gone, err := store.Open(store.Options{Dial: func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", "127.0.0.1:1") }})
	if err != nil {
		b.Fatal(err)
	}
	defer gone.Close()
	target := insertFunc(func(ctx context.Context, token string, rows store.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return gone.Insert(ctx, token, rows)
		}
		return b.store.Insert(ctx, token, rows)
	})
	b.append(0, 300)
	s := b.shipper(target, nil)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for s.Stats().Retries < 5 {
		time.Sleep(time.Millisecond)
	}
	if st := s.Stats(); st.Failing.IsZero() || st.LastError == "" || st.SetAside != 0 || st.Lag <= 0 {
		b.Errorf("stats while it is away: %+v", st)
	}
	mu.Lock()
	away = false
	mu.Unlock()
	b.append(300, 400)
	for b.spool.Stats().Depth > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.wantOnce(400)
}

type insertFunc func(context.Context, string, store.Batch) error

func (insertFunc) Prepare(*store.Batch) {}

func (insertFunc) Hurry(context.Context) {}

func (f insertFunc) Insert(ctx context.Context, token string, rows store.Batch) error {
	return f(ctx, token, rows)
}

func (insertFunc) Heads(context.Context, [16]byte) (map[string]store.Head, error) {
	return map[string]store.Head{}, nil
}

func refusedForGood(b *bench) {
	if err := b.store.SQL(b.Context(), &strings.Builder{}, "ALTER TABLE events ADD CONSTRAINT no_poison CHECK path != '/150'", "tsv", true); err != nil {
		b.Fatal(err)
	}
	b.append(0, 300)
	s := b.shipper(b.store, func(o *Options) { o.MaxRows = 100 })
	b.drain(s)
	if got := b.one("SELECT count(), countIf(path IN ('/100', '/150', '/199')) FROM events"); got != "200\t0" {
		b.Errorf("rows, of the refused batch: %s", got)
	}
	aside, err := b.spool.Asides()
	if err != nil || len(aside) != 1 || aside[0].Records != 100 || !strings.Contains(aside[0].Reason, "VIOLATED_CONSTRAINT") {
		b.Fatalf("set aside: %+v, %v", aside, err)
	}
	// Mended and replayed, they arrive.
	if err := b.store.SQL(b.Context(), &strings.Builder{}, "ALTER TABLE events DROP CONSTRAINT no_poison", "tsv", true); err != nil {
		b.Fatal(err)
	}
	if n, err := b.spool.Replay(aside[0].Batch); err != nil || n != 100 {
		b.Fatalf("replayed %d, %v", n, err)
	}
	b.drain(s)
	b.wantOnce(300)
}

func TestBackoff(t *testing.T) {
	s, err := New(Options{Spool: new(spool.Spool), Store: insertFunc(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for try := range 100 {
		want := min(30*time.Second, 100*time.Millisecond<<min(try, 20))
		for range 20 {
			if d := s.backoff(try); d < want/2 || d > want {
				t.Fatalf("try %d waits %v, want %v to %v", try, d, want/2, want)
			}
		}
	}
}
