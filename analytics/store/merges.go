package store

import (
	"context"
	"sync"
	"time"
)

// While a backlog arrives, merges take more of the processors than the inserts do,
// and much of what they write is merged again with the next batch. The embedded
// engine puts them off meanwhile: a backlog then drains in two thirds of the time
// (measured: BenchmarkDrain). A server has its own operator, and other tables.
//
//	Hurry ──▶ held ──▶ nobody hurries any more, or it was long enough ──▶ merging
//
// Parts wait meanwhile, and so do statements that rewrite them, so a hold is short,
// and as long a time without one follows. An engine that is started again merges.
const (
	holdAfter = 3 * time.Second  // the last Hurry
	holdMost  = 30 * time.Second // some 90 parts of a full batch each
	patience  = 10 * time.Second // with the engine
	tryAgain  = time.Second
)

// merges says whether they are put off.
type merges struct {
	mu       sync.Mutex
	held     bool
	began    time.Time
	until    *time.Timer
	rest     time.Time // no hold before it
	changing int       // statements under way that rewrite parts
}

// Hurry says that a batch of a backlog comes, and more behind it: what can wait is
// put off. It is no more than a hint; the insert tells of a store that is away.
func (s *Store) Hurry(ctx context.Context) {
	m := &s.merges
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	switch {
	case m.held:
		if now.Sub(m.began) < holdMost {
			m.until.Reset(holdAfter)
		}
	case s.embedded && m.changing == 0 && now.After(m.rest):
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		// Held whatever becomes of the statement: its answer alone may be lost.
		_ = s.conn.Exec(ctx, "SYSTEM STOP MERGES")
		m.held, m.began, m.until = true, now, time.AfterFunc(holdAfter, s.merge)
	}
}

// stop ends what goes on by itself.
func (m *merges) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held {
		m.until.Stop()
	}
}

// merge ends a hold, again and again until the engine has heard of it.
func (s *Store) merge() {
	s.merges.mu.Lock()
	defer s.merges.mu.Unlock()
	s.endHold()
}

func (s *Store) endHold() {
	m := &s.merges
	if !m.held {
		return
	}
	m.until.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.conn.Exec(ctx, "SYSTEM START MERGES"); err != nil {
		m.until = time.AfterFunc(tryAgain, s.merge)
		return
	}
	m.held, m.rest = false, time.Now().Add(time.Since(m.began))
}

// rewriting keeps merges, which rewrite parts, from being put off until end is called.
func (s *Store) rewriting() (end func()) {
	m := &s.merges
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changing++
	s.endHold()
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changing--
	}
}
