package withdrawal

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Silence is for how long the feed may be unheard before Ready is an error.
const Silence = 60 * time.Second

// Errors of Ready.
var (
	ErrNotLoaded = errors.New("withdrawals: not loaded, or not heard of those of other nodes since the start")
	ErrSilent    = fmt.Errorf("withdrawals: not heard of those of other nodes for %v: is the store there?", Silence)
)

// Options are what a Set is made of.
type Options struct {
	// Marks keeps what was said on disk.
	Marks Keeper
	// Lifetime is the longest consent lifetime of all sites: a day after it, counted
	// from the withdrawal, a record's id is forgotten.
	Lifetime time.Duration
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil discards; nobody's hash or id is ever logged
}

// Set is what people took back. All methods are for any goroutine.
type Set struct {
	opts       Options
	lifetime   atomic.Int64
	records    records
	recipients table

	sites  atomic.Pointer[map[string]uint16] // numbers of sites, replaced whole
	naming sync.Mutex

	cursor  string // Load's and Follow's
	missing bool   // marks are to be fetched again; Load's and Follow's
	loaded  atomic.Bool
	heard   atomic.Pointer[time.Time]
}

// New makes an empty set. Load fills it.
func New(o Options) (*Set, error) {
	if o.Marks == nil || o.Lifetime <= 0 {
		return nil, fmt.Errorf("withdrawal: Marks must be set and Lifetime, %v, positive", o.Lifetime)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Set{opts: o}
	s.recipients.seed = maphash.MakeSeed()
	s.sites.Store(&map[string]uint16{})
	s.lifetime.Store(int64(o.Lifetime))
	return s, nil
}

// SetLifetime changes Options.Lifetime, as a new configuration does.
func (s *Set) SetLifetime(d time.Duration) { s.lifetime.Store(int64(d)) }

// RecordWithdrawn says whether a consent record was taken back.
func (s *Set) RecordWithdrawn(id [16]byte) bool { return s.records.has(id) }

// Recipient returns what counts for a mail recipient of a site; nothing said is the
// zero State. It allocates nothing.
func (s *Set) Recipient(site string, recipient uint64) State {
	n, known := (*s.sites.Load())[site]
	if !known {
		return State{}
	}
	found := s.recipients.get(n, recipient)
	return found.state()
}

// Ready returns nil if what the set says can be relied on for mail, else
// ErrNotLoaded or ErrSilent.
func (s *Set) Ready(now time.Time) error {
	heard := s.heard.Load()
	if heard == nil || !s.loaded.Load() {
		return ErrNotLoaded
	}
	if since := now.Sub(*heard); since > Silence || since < -Silence { // clocks jump both ways
		return ErrSilent
	}
	return nil
}

// Act dates a person's own act, made here and now, so that it wins over all that
// this node knows of them, also over what a node with a faster clock was told.
func (s *Set) Act(e Entry) Entry {
	now := s.opts.Now()
	e.Time = time.Unix(now.Unix(), 0).UTC()
	e.acted = true
	n, known := (*s.sites.Load())[e.Site]
	if e.isRecord() || !known || now.Unix() <= 0 || now.Unix() > math.MaxUint32 {
		return e
	}
	has, said := s.recipients.get(n, e.Recipient), e.choices()
	for r := range registers {
		c := said.of(r)
		if c == Unset || c == has.choices.of(r) || has.takes(r, c, uint32(e.Time.Unix())) {
			continue
		}
		at := has.at[r]
		if c == Granted && at < math.MaxUint32 {
			at++ // in the same second the denial would win
		}
		e.Time = time.Unix(max(e.Time.Unix(), int64(at)), 0).UTC()
	}
	return e
}

// Marks returns what has to be on disk before an entry counts, for a caller who
// writes it together with a record of its own and then calls Apply. An entry that
// is wrong, or dated more than five minutes ahead, is ErrEntry.
func (s *Set) Marks(e Entry) ([]Mark, error) {
	when, err := e.seconds()
	if err != nil {
		return nil, err
	}
	if now := s.opts.Now(); !e.acted && e.Time.Sub(now) > ahead {
		return nil, fmt.Errorf("%w: dated %v, at most %v after now, %v, is accepted", ErrEntry, e.Time.UTC(), ahead, now.UTC())
	}
	if m, ok := e.mark(when); ok {
		return []Mark{m}, nil
	}
	return nil, nil
}

// Apply lets entries count that are on disk. Wrong ones are left out: Marks said so.
func (s *Set) Apply(entries ...Entry) {
	for i := range entries {
		e := &entries[i]
		when, err := e.seconds()
		if err != nil {
			continue
		}
		if e.isRecord() {
			s.records.add(e.Record, when)
			continue
		}
		if n, err := s.site(e.Site); err == nil {
			s.recipients.merge(n, e.Recipient, e.choices(), when)
		}
	}
}

// Add keeps entries on disk and lets them count. With an error none of them counts.
func (s *Set) Add(entries ...Entry) error {
	var marks []Mark
	for _, e := range entries {
		m, err := s.Marks(e)
		if err != nil {
			return err
		}
		if _, err := s.site(e.Site); err != nil {
			return err
		}
		marks = append(marks, m...)
	}
	if err := s.put(marks); err != nil {
		return err
	}
	s.Apply(entries...)
	return nil
}

// put writes marks, a few thousand at a time.
func (s *Set) put(marks []Mark) error {
	const few = 2000 // of at most 300 bytes: within a spool's batch
	for len(marks) > 0 {
		n := min(few, len(marks))
		if err := s.opts.Marks.PutMarks(marks[:n]...); err != nil {
			return fmt.Errorf("withdrawal: keeping %d statements: %w", n, err)
		}
		marks = marks[n:]
	}
	return nil
}

// site returns a site's number, giving it one.
func (s *Set) site(id string) (uint16, error) {
	if n, ok := (*s.sites.Load())[id]; ok {
		return n, nil
	}
	s.naming.Lock()
	defer s.naming.Unlock()
	old := *s.sites.Load()
	if n, ok := old[id]; ok {
		return n, nil
	}
	if len(old) > math.MaxUint16 {
		return 0, fmt.Errorf("withdrawal: site %q is one more than %d", id, len(old))
	}
	sites := maps.Clone(old)
	sites[id] = uint16(len(old))
	s.sites.Store(&sites)
	return sites[id], nil
}

// Stats are the size of a set.
type Stats struct {
	Records, Recipients int
	Bytes               int64     // of the table of recipients
	Heard               time.Time // when the feed was last read to its end; zero: never
}

// Stats returns the size of the set.
func (s *Set) Stats() Stats {
	st := Stats{Records: s.records.size()}
	st.Recipients, st.Bytes = s.recipients.size()
	if heard := s.heard.Load(); heard != nil {
		st.Heard = *heard
	}
	return st
}
