package ship

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// deliver tries until the store has the batch, refuses it for good, or ctx ends.
func (s *Shipper) deliver(ctx context.Context, m manifest, rows store.Batch) error {
	moved := rows.Chain(m.spool, m.heads())
	for try := 0; ; try++ {
		err := s.try(ctx, m.token(), rows)
		if err == nil {
			return s.delivered(ctx, m, rows, moved)
		}
		if ctx.Err() == nil && store.Permanent(err) {
			if store.LedgerTaken(err) {
				// First, so that a crash in between does it again: the manifest has
				// where the chains began.
				if err := s.opts.Spool.PutMarks(marks(moved)...); err != nil {
					return fmt.Errorf("ship: keep the ends of the ledger: %w", err)
				}
				maps.Copy(s.heads, moved)
			}
			return s.setAside(m.first, m.last, rows.Len(), err)
		}
		if err := s.wait(ctx, err, try); err != nil {
			return err
		}
	}
}

// delivered acknowledges a batch, and in the same write keeps where its chains
// end now, and the ids of its events.
func (s *Shipper) delivered(ctx context.Context, m manifest, rows store.Batch, moved map[string]store.Head) error {
	if m.unchained { // perhaps stored by the program that knew no ledger
		if err := s.rereadHeads(ctx); err != nil {
			return err
		}
		moved = nil
	}
	now := s.opts.Now()
	events := rows.EventIDs()
	ids := shippedMarks(now, m.first, events)
	for ; len(ids) > marksInSync; ids = ids[marksInSync:] { // before: a crash in between keeps records and ids
		if err := s.opts.Spool.PutMarks(ids[:marksInSync]...); err != nil {
			return fmt.Errorf("ship: keep the ids of records %d to %d: %w", m.first, m.last, err)
		}
	}
	if err := s.opts.Spool.AckMarked(m.last, append(ids, marks(moved)...)...); err != nil {
		return fmt.Errorf("ship: acknowledge records %d to %d: %w", m.first, m.last, err)
	}
	maps.Copy(s.heads, moved)
	s.succeeded(rows.Len())
	s.kept += len(events)
	return s.tidyShipped(now)
}

func (s *Shipper) try(ctx context.Context, token string, rows store.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	return s.opts.Store.Insert(ctx, token, rows)
}

// backoff doubles with each try and takes a random part of that, so that many
// nodes do not knock at once.
func (s *Shipper) backoff(try int) time.Duration {
	d := s.opts.RetryMin
	for ; try > 0 && d < s.opts.RetryMax; try-- {
		d *= 2
	}
	d = min(d, s.opts.RetryMax)
	return d/2 + rand.N(d/2+1)
}

func (s *Shipper) resumed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Resumed = true
}

func (s *Shipper) succeeded(records int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Records += uint64(records)
	s.stats.Batches++
	s.stats.LastSuccess = s.opts.Now()
	s.stats.Failing, s.stats.LastError = time.Time{}, ""
}

func (s *Shipper) failed(err error, try int, wait time.Duration) {
	if try&(try-1) == 0 { // the first, second, third, fifth, ninth … time
		s.opts.Logger.Warn("the store did not take a batch, trying again", "error", err, "try", try+1, "wait", wait)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Retries++
	s.stats.LastError = err.Error()
	if s.stats.Failing.IsZero() {
		s.stats.Failing = s.opts.Now()
	}
}
