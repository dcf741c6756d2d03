package ship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/spool"
)

// Spool is the reader's side of a *spool.Spool.
type Spool interface {
	ID() [16]byte
	Next(ctx context.Context, after spool.Seq, limits spool.Limits) ([]spool.Record, error)
	Read(ctx context.Context, first, last spool.Seq) ([]spool.Record, error)
	PutManifest(b []byte) error
	Manifest() ([]byte, bool)
	AckMarked(through spool.Seq, marks ...spool.Mark) error
	PutMarks(marks ...spool.Mark) error
	Marks(space byte, visit func(key, value []byte) error) error
	DeleteMarks(space byte, keys ...[]byte) error
	MarksWhole(space byte) error
	SetAside(first, last spool.Seq, reason string) error
	Cursor() spool.Seq
	Stats() spool.Stats
}

// Store is what of a *store.Store the shipper needs: an insert that can be
// repeated under its token, and the ends of the ledger.
type Store interface {
	Insert(ctx context.Context, token string, b store.Batch) error
	// Prepare does what of an insert can be done before its turn.
	Prepare(b *store.Batch)
	// Hurry says that a batch of a backlog comes.
	Hurry(ctx context.Context)
	// Heads returns where the chains end that a node wrote into the ledger, by site.
	Heads(ctx context.Context, node [16]byte) (map[string]store.Head, error)
}

// Options of a shipper. Zero means the default.
type Options struct {
	Spool Spool
	Store Store
	// A batch ends when it has MaxRows records (default 128,000) or MaxBytes of
	// them (default 48 MiB), or MaxAge after its first record was read (default
	// 2 s). A row takes about as many bytes as its record does in the spool, four
	// times as many where the store prepares nothing; in a backlog there are two
	// batches of them.
	MaxRows  int
	MaxBytes int
	MaxAge   time.Duration
	// Timeout ends one try (default 2 min); the next one repeats it.
	Timeout time.Duration
	// RetryMin and RetryMax bound the wait between tries, which doubles each time
	// (defaults 100 ms and 30 s).
	RetryMin, RetryMax time.Duration
	Logger             *slog.Logger
	Now                func() time.Time
}

// Stats are what a shipper did since New, and how far behind it is.
type Stats struct {
	Records     uint64        // stored
	Batches     uint64        // stored
	Retries     uint64        // tries after a first one
	SetAside    uint64        // records that can never be stored
	LastSuccess time.Time     // zero: none yet
	Failing     time.Time     // since when tries fail; zero: they do not
	LastError   string        // of the try that failed last, empty once one succeeded
	Resumed     bool          // what an earlier process had tried was repeated, or there was nothing
	Lag         time.Duration // age of the oldest record that waits
}

// Shipper moves records from one spool to one store.
type Shipper struct {
	opts  Options
	busy  sync.Mutex     // held by Run and Drain: a spool has one reader
	turn  chan struct{}  // holds a token while no batch is under way
	spare chan *batch    // delivered: its memory serves the one after the next
	ahead []spool.Record // read, not yet in a batch
	read  spool.Seq      // the last position read
	heads map[string]store.Head

	kept   int       // ids of shipped events in the spool
	tidied time.Time // when those that are too old were last deleted

	mu    sync.Mutex
	stats Stats
}

// New returns a shipper; Run starts it.
func New(o Options) (*Shipper, error) {
	if o.Spool == nil || o.Store == nil {
		return nil, errors.New("ship: Options need a Spool and a Store")
	}
	o.MaxRows = positive(o.MaxRows, 128_000)
	o.MaxBytes = positive(o.MaxBytes, 48<<20)
	o.MaxAge = positive(o.MaxAge, 2*time.Second)
	o.Timeout = positive(o.Timeout, 2*time.Minute)
	o.RetryMin = positive(o.RetryMin, 100*time.Millisecond)
	o.RetryMax = max(o.RetryMin, positive(o.RetryMax, 30*time.Second))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Shipper{opts: o, turn: make(chan struct{}, 1), spare: make(chan *batch, 1)}
	s.turn <- struct{}{}
	return s, nil
}

func positive[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// Run ships until ctx ends, and then returns nil: a batch under way stays in
// the spool with its manifest. Any other end is an error of the spool.
func (s *Shipper) Run(ctx context.Context) error {
	err := s.ship(ctx, 0)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Drain ships what is in the spool now and returns. It ends early, with the
// context's error, when ctx ends. Run must have ended.
func (s *Shipper) Drain(ctx context.Context) error {
	target := s.opts.Spool.Stats().Stored
	if target == 0 {
		return nil
	}
	if err := s.ship(ctx, target); err != nil {
		return fmt.Errorf("ship: %d records are still in the spool: %w", s.opts.Spool.Stats().Depth, err)
	}
	return nil
}

func (s *Shipper) ship(ctx context.Context, target spool.Seq) error {
	if !s.busy.TryLock() {
		return errors.New("ship: the shipper is already at work: end Run before Drain")
	}
	defer s.busy.Unlock()
	s.ahead, s.read = nil, s.opts.Spool.Cursor()
	if err := s.loadHeads(ctx); err != nil {
		return err
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	s.resumed()
	next := s.cutNext(ctx, target, nil)
	for target == 0 || s.opts.Spool.Cursor() < target {
		b, err := next.wait()
		if err != nil || b.records == 0 {
			return err
		}
		delivered := make(chan struct{})
		next = s.cutNext(ctx, target, delivered)
		full := b.full(s.opts)
		if full {
			s.opts.Store.Hurry(ctx)
		}
		if err := s.send(ctx, b); err != nil {
			next.stop()
			return err
		}
		close(delivered)
		if full { // more may wait; else the heap has it back
			s.spare <- b
		}
	}
	next.stop()
	return nil
}

// send takes a batch from its manifest to its acknowledgement.
func (s *Shipper) send(ctx context.Context, b *batch) error {
	resume, err := s.Pause(ctx)
	if err != nil {
		return err
	}
	defer resume()
	m := b.manifest(s.opts.Spool.ID(), s.heads)
	if err := s.opts.Spool.PutManifest(m.encode()); err != nil {
		return fmt.Errorf("ship: manifest of records %d to %d: %w", m.first, m.last, err)
	}
	return s.deliver(ctx, m, b.rows)
}

// Pause waits until no batch is under way and lets none begin until resume is
// called: what is stored and what is acknowledged are then the same, as a backup
// needs it. Records are still spooled. It returns the context's error where a
// batch does not come to its end, because the store is away. Call it once what an
// earlier process had tried was repeated (Stats.Resumed).
func (s *Shipper) Pause(ctx context.Context) (resume func(), err error) {
	select {
	case <-s.turn:
		return func() { s.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// resume repeats the batch that was tried but not acknowledged.
func (s *Shipper) resume(ctx context.Context) error {
	encoded, ok := s.opts.Spool.Manifest()
	if !ok {
		return nil
	}
	m, err := decodeManifest(encoded)
	if err != nil {
		return err
	}
	if m.unchained {
		for site, h := range s.heads {
			m.chains = append(m.chains, chain{site, h})
		}
	}
	records, err := s.opts.Spool.Read(ctx, m.first, m.last)
	if err != nil {
		return fmt.Errorf("ship: read records %d to %d again: %w", m.first, m.last, err)
	}
	if len(records) == 0 {
		s.opts.Logger.Error("a batch that was being sent cannot be read any more", "first", m.first, "last", m.last, "records", m.records)
		s.read = m.last
		if err := s.rereadHeads(ctx); err != nil {
			return err
		}
		return s.opts.Spool.AckMarked(m.last)
	}
	s.read = m.last
	rows, err := repeat(m, s.opts.Spool.ID(), records)
	if err != nil {
		// Its consents may be in the ledger.
		if err := s.rereadHeads(ctx); err != nil {
			return err
		}
		return s.setAside(records[0].Seq, m.last, len(records), err)
	}
	s.opts.Logger.Info("repeating a batch", "first", m.first, "last", m.last, "records", m.records)
	return s.deliver(ctx, m, rows)
}

// repeat returns the rows of a batch that was tried before, if they are the same.
func repeat(was manifest, id [16]byte, records []spool.Record) (store.Batch, error) {
	b := newBatch()
	for _, r := range records {
		b.note(r)
	}
	if !was.same(b.manifest(id, nil)) { // another program may have cut it; what counts is the hash
		return b.rows, errors.New("the records differ from those of the first try, some of which may have been stored")
	}
	for _, r := range records {
		row, err := b.read(r)
		if err != nil {
			return b.rows, err
		}
		b.rows.Add(row)
	}
	return b.rows, nil
}

// Stats returns the counters.
func (s *Shipper) Stats() Stats {
	lag := s.opts.Spool.Stats().Oldest
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Lag = lag
	return st
}
