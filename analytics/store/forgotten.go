package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

const (
	// hearErasures is how often a node asks what others were told to erase.
	hearErasures = 10 * time.Second
	// erasedFor is how long after the request rows that name a visitor are still
	// taken for late ones, dated by a clock that is ahead, and left out: a new yes
	// makes a new id.
	erasedFor = 24 * time.Hour
	// sameMoment is that of a mail recipient, who has the same id for good: what is
	// later may rest on a new yes.
	sameMoment = time.Second
	// unheard is how long a node that hears nothing of others may go on keeping the
	// hits of a recipient who was erased (a minute, withdrawal.Silence), and some more.
	unheard = 2 * time.Minute
	// overlap is by how much a question for what is new reaches back: a row may become
	// visible after one that was taken later.
	overlap = 15 * time.Minute
)

// forgotten is who was erased, by keyed hash, so that a batch which arrives
// late (from another node, from what was set aside) brings nobody back.
type forgotten struct {
	subject   func(site string, visitor uint64) [16]byte
	recipient func(site string, recipient uint64) [16]byte // nil: nobody's mail is left out

	mu     sync.Mutex
	sites  map[string]map[[16]byte]time.Time // when they asked, the last time
	newest map[string]time.Time              // the latest of them, by site
	asked  time.Time
	taken  time.Time // the newest tombstone heard of
}

// add remembers tombstones.
func (f *forgotten) add(all []*event.Erasure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range all {
		f.put(e.Site, e.Hash, e.Requested)
	}
}

func (f *forgotten) put(site string, hash [16]byte, requested time.Time) {
	if f.sites == nil {
		f.sites, f.newest = map[string]map[[16]byte]time.Time{}, map[string]time.Time{}
	}
	if f.sites[site] == nil {
		f.sites[site] = map[[16]byte]time.Time{}
	}
	if requested.After(f.sites[site][hash]) {
		f.sites[site][hash] = requested
	}
	if requested.After(f.newest[site]) {
		f.newest[site] = requested
	}
}

// hear asks ClickHouse for tombstones that came since the last time, and which
// sites were wound down.
func (f *forgotten) hear(ctx context.Context, s *Store) error {
	now := s.now()
	if !f.asked.IsZero() && now.Sub(f.asked).Abs() < hearErasures {
		return nil
	}
	if _, err := s.WindDowns(ctx); err != nil {
		return err
	}
	rows, err := s.query(ctx, "read tombstones", "SELECT site, hash, requested, taken FROM erasures WHERE taken >= fromUnixTimestamp64Milli({after:Int64}, 'UTC')",
		map[string]any{"after": max(0, f.taken.Add(-overlap).UnixMilli())})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var site, hash string
		var requested, taken time.Time
		if err := rows.Scan(&site, &hash, &requested, &taken); err != nil {
			return err
		}
		f.put(site, [16]byte([]byte(hash)), requested)
		if taken.After(f.taken) {
			f.taken = taken
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	f.asked = now
	return nil
}

// filter leaves out what is about somebody who was erased.
func (f *forgotten) filter(ctx context.Context, s *Store, b Batch) (Batch, error) {
	if f.subject == nil {
		return b, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.hear(ctx, s); err != nil {
		return b, err
	}
	return f.without(b), nil
}

// without is filter by what was heard. The caller holds mu.
func (f *forgotten) without(b Batch) Batch {
	visitor, recipient, reader := f.who(f.subject, erasedFor), f.who(f.recipient, sameMoment), f.who(f.recipient, unheard)
	b.Events = leave(b.Events, func(e *event.Event) bool {
		return visitor(e.Site, e.Visitor, e.Time) || reader(e.Site, e.Recipient, e.Time)
	})
	if b.prepared != nil {
		b.prepared = b.prepared.without(func(w *whose) bool { return visitor(w.site, w.visitor, w.at) || reader(w.site, w.recipient, w.at) })
	}
	for i, e := range b.Consents {
		if visitor(e.Site, e.Subject, e.Time) {
			consents := make([]*Entry, len(b.Consents))
			copy(consents, b.Consents)
			b.Consents = consents
			b.Consents[i] = e.blank()
		}
	}
	b.Statements = leave(b.Statements, func(st *event.Statement) bool {
		return !denied(st) && recipient(st.Site, st.Recipient, st.Time)
	})
	b.Statements = slices.Clone(b.Statements)
	for i, st := range b.Statements {
		if (st.By != "" || st.Proof != "") && recipient(st.Site, st.Recipient, st.Time) {
			b.Statements[i] = bare(st)
		}
	}
	return b
}

// denied says whether a statement has a no in it, which stays one: who asked to be
// erased said it in the same moment.
func denied(st *event.Statement) bool {
	return st.Open == event.Denied || st.Click == event.Denied || st.All == event.Denied
}

// bare is what an erasure leaves of a no. The sender's name goes once it is owed to
// nobody (erase_mail.go).
func bare(st *event.Statement) *event.Statement {
	left := *st
	left.By, left.Proof = "", ""
	return &left
}

// WithoutErased asks ClickHouse who was erased and returns what becomes of a record that
// waits outside of it, as Insert would have it: nothing where it is about one of
// them, a consent without its subject, a no without its proof. newest is when the last of them was taken
// down, by ClickHouse's clock: later only when there is a new one.
func (s *Store) WithoutErased(ctx context.Context) (without func(event.Record) (left event.Record, some bool), newest time.Time, err error) {
	f := &s.forgotten
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = time.Time{}
	if err := f.hear(ctx, s); err != nil {
		return nil, newest, err
	}
	return func(r event.Record) (event.Record, bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		var b Batch
		b.Add(r)
		if b = f.without(b); b.Len() == 0 {
			return event.Record{}, false
		}
		if r.Consent != nil {
			r.Consent = b.Consents[0].Consent
		}
		if r.Statement != nil {
			r.Statement = b.Statements[0]
		}
		return r, true
	}, f.taken, nil
}

// who returns a question: is a row of this person's from before their erasure, by the
// hash that their sort has, or within late after it.
func (f *forgotten) who(hash func(site string, id uint64) [16]byte, late time.Duration) func(site string, id uint64, at time.Time) bool {
	known := map[person]time.Time{} // until when rows are left out; people have many
	return func(site string, id uint64, at time.Time) bool {
		if id == 0 || hash == nil || at.After(f.newest[site].Add(late)) {
			return false
		}
		p := person{site, id}
		until, ok := known[p]
		if !ok {
			if asked, erased := f.sites[site][hash(site, id)]; erased {
				until = asked.Add(late)
			}
			known[p] = until
		}
		return !at.After(until)
	}
}

// leave returns all without those that go; all itself stays as it is.
func leave[T any](all []*T, goes func(*T) bool) []*T {
	for i, e := range all {
		if !goes(e) {
			continue
		}
		kept := append([]*T(nil), all[:i]...)
		for _, e := range all[i+1:] {
			if !goes(e) {
				kept = append(kept, e)
			}
		}
		return kept
	}
	return all
}

// unsettled are the batches that were tried and may be stored in part: until
// they are repeated, tables that a view feeds may lack what events have.
type unsettled struct {
	mu     sync.Mutex
	tokens map[string]struct{}
}

func (u *unsettled) begin(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tokens == nil {
		u.tokens = map[string]struct{}{}
	}
	u.tokens[token] = struct{}{}
}

func (u *unsettled) end(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.tokens, token)
}

func (u *unsettled) none() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.tokens) == 0
}

// person is one visitor of one site.
type person struct {
	site    string
	visitor uint64
}
