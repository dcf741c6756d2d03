package ship

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// deliver tries until the store has the batch, refuses it for good, or ctx ends.
func (s *Shipper) deliver(ctx context.Context, m manifest, rows store.Batch) error {
	for try := 0; ; try++ {
		err := s.try(ctx, m.token(), rows)
		switch {
		case err == nil:
			if err := s.opts.Spool.Ack(m.last); err != nil {
				return fmt.Errorf("ship: acknowledge records %d to %d: %w", m.first, m.last, err)
			}
			s.succeeded(rows.Len())
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case store.Permanent(err):
			return s.setAside(m.first, m.last, rows.Len(), err)
		}
		wait := s.backoff(try)
		s.failed(err, try, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
