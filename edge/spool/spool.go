package spool

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Spool is an open queue. All methods may be called from any goroutine; the
// reader's side (Next, PutManifest, Ack, SetAside) is meant for one reader.
type Spool struct {
	opts Options
	db   *pebble.DB
	lock *pebble.Lock
	id   [16]byte
	logs *pebbleLog

	sealer *sealer

	// use is held for reading by whoever uses db, for writing by Close.
	use sync.RWMutex
	// reader serialises what moves the cursor or the set-aside entries.
	reader sync.Mutex

	mu       sync.Mutex
	work     sync.Cond     // the committer waits here for groups
	waiting  []*group      // groups to commit; the last one may still be filling
	more     chan struct{} // closed when records are stored; nil if nobody waits
	closed   bool
	failed   bool
	stored   Seq    // last record on disk
	cursor   Seq    // last record acknowledged
	head     place  // the first group that is not wholly acknowledged
	tail     place  // just behind the last group
	pending  int64  // bytes handed to the committer, not yet stored
	refused  int64  // size of the smallest call for hits that found no room, 0 for none (see short)
	manifest []byte // nil: none

	aside   asideTotals      // under mu
	damaged map[Seq]struct{} // where known damage starts, under reader

	free      atomic.Uint64 // bytes free on the disk, as far as is known
	reclaimed uint64        // place.bytes of head at the last reclaim; the janitor's
	health    health
	count     counters

	stop      context.CancelFunc // ends the janitor
	committed chan struct{}      // closed when the committer has ended
	tidied    chan struct{}      // closed when the janitor has ended
}

// place lies between groups: the next group's first position, and what was written
// before it since the database was made.
type place struct {
	first   Seq
	records uint64
	bytes   uint64
	at      int64 // commit time of the group that starts here, Unix ns; 0 unknown
}

// Open opens the queue in Options.Dir, making it if it is not there, and salvages
// a damaged one (see doc.go). Another process that has it open is an error.
func Open(opts Options) (*Spool, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(opts)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		opts:      opts,
		sealer:    sealer,
		logs:      &pebbleLog{log: opts.Logger, fatal: opts.Fatal},
		damaged:   make(map[Seq]struct{}),
		committed: make(chan struct{}),
		tidied:    make(chan struct{}),
	}
	s.work.L = &s.mu
	s.free.Store(math.MaxUint64)
	if err := s.openOrSalvage(); err != nil {
		return nil, fmt.Errorf("spool: opening %s: %w", opts.Dir, err)
	}
	s.checkDisk()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.commitLoop()
	go s.tidy(ctx)
	return s, nil
}

// load reads the state that the database holds: identity, cursor, manifest, both
// ends of the queue and the set-aside entries.
func (s *Spool) load(torn []byte) error {
	if unsound, err := s.getSealed(keyUnsound); err != nil || unsound != nil {
		return errors.Join(err, fmt.Errorf("a table of marks had an unreadable block: %w", errDamaged))
	}
	if err := s.loadMeta(); err != nil {
		return err
	}
	body, err := s.getSealed(keyCursor)
	switch {
	case err != nil:
		return err
	case len(body) == 8:
		s.cursor = Seq(binary.BigEndian.Uint64(body))
	}
	if body, err = s.getSealed(keyManifest); err != nil {
		return err
	}
	s.manifest = manifestOf(body, s.cursor)
	if err := s.loadAside(); err != nil {
		return err
	}
	if err := s.loadEnds(); err != nil {
		return err
	}
	if torn != nil {
		return s.setTornAside(torn)
	}
	return nil
}

// loadMeta reads the database's identity, or gives it one.
func (s *Spool) loadMeta() error {
	body, err := s.getSealed(keyMeta)
	if err != nil {
		return err
	}
	if m, ok := decodeMeta(body); ok {
		s.id, s.stored = m.id, m.floor
		return nil
	}
	m := meta{created: s.opts.Now().UnixNano()}
	if _, err := rand.Read(m.id[:]); err != nil {
		return fmt.Errorf("making an id: %w", err)
	}
	s.id = m.id
	return s.db.Set(keyMeta, m.encode(), pebble.Sync)
}

// meta is a database's identity. floor is the last position given out before it
// was made by a salvage, else 0.
type meta struct {
	id      [16]byte
	created int64
	floor   Seq
}

func (m meta) encode() []byte {
	b := binary.BigEndian.AppendUint64(m.id[:], uint64(m.created))
	return seal(keyMeta, binary.BigEndian.AppendUint64(b, uint64(m.floor)))
}

func decodeMeta(body []byte) (m meta, ok bool) {
	if len(body) != 32 {
		return m, false
	}
	copy(m.id[:], body)
	m.created = int64(binary.BigEndian.Uint64(body[16:]))
	m.floor = Seq(binary.BigEndian.Uint64(body[24:]))
	return m, true
}

// getSealed returns the body of a single-value key, nil when there is none. One
// that fails its checksum counts as none, and is reported: without cursor or
// manifest records are repeated, never lost.
func (s *Spool) getSealed(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	body, err := unseal(key, v)
	if errors.Is(err, errDamaged) {
		s.health.note(err, s.opts.Now())
		s.opts.Logger.Error("spool: damaged value ignored", "dir", s.opts.Dir, "err", err)
		return nil, nil
	}
	return append([]byte{}, body...), err
}

// loadEnds finds the first group that is not wholly acknowledged and the end of
// the last group.
func (s *Spool) loadEnds() error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: groupKey(0), UpperBound: []byte{prefixGroup + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	s.stored = max(s.cursor, s.stored) // not below the floor of a salvage
	s.tail = place{first: s.stored + 1}
	if it.Last() {
		first, _ := groupKeySeq(it.Key())
		info, err := decodeGroup(first, it.Value())
		if err != nil { // its count is unknown: leave it room
			info = groupInfo{count: maxGroup / frameHeader}
		}
		s.stored = max(s.stored, first+Seq(info.count)-1)
		s.tail = place{
			first:   s.stored + 1,
			records: info.recordsBefore + uint64(info.count),
			bytes:   info.bytesBefore + uint64(len(it.Value())),
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	s.head, err = s.headAfter(it, s.cursor, s.tail, s.tail)
	return err
}

// ID returns the identity made with the database. Together with positions it
// names a batch for good.
func (s *Spool) ID() [16]byte { return s.id }

// Close stops accepting records, commits those already handed over, and closes
// the database. Waiting calls of Next return ErrClosed. Closing twice is fine.
func (s *Spool) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.work.Broadcast()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	s.mu.Unlock()
	<-s.committed
	s.stop()
	<-s.tidied
	if already {
		return nil
	}
	if s.isFailed() {
		return ErrFailed // Pebble's locks may be held for ever
	}
	s.use.Lock()
	defer s.use.Unlock()
	if err := errors.Join(s.db.Close(), s.lock.Close()); err != nil {
		return fmt.Errorf("spool: closing %s: %w", s.opts.Dir, err)
	}
	return nil
}

// enter marks the database as in use until the returned function is called.
func (s *Spool) enter() (leave func(), err error) {
	s.use.RLock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed:
		s.use.RUnlock()
		return nil, ErrFailed
	case s.closed:
		s.use.RUnlock()
		return nil, ErrClosed
	}
	return s.use.RUnlock, nil
}

func (s *Spool) isFailed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
