package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// erasing is how erasures go, for operators.
type erasing struct {
	mu         sync.Mutex
	known      bool // they were counted
	open, done uint64
	oldest     time.Time // request of the oldest that is open
	failures   uint64    // rounds that ended with an error, since the start
	failing    time.Time // since when rounds end with one; zero: they do not
	failed     string    // why the last one did
}

// erasingState is a moment of it.
type erasingState struct {
	known        bool
	open, done   uint64
	age, failing time.Duration // of the oldest that is open; since rounds fail
	failures     uint64
	failed       string
}

func (e *erasing) round(at time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.failing, e.failed = time.Time{}, ""
		return
	}
	e.failures++
	e.failed = err.Error()
	if e.failing.IsZero() {
		e.failing = at
	}
}

func (e *erasing) counted(open, done uint64, oldest time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known, e.open, e.done, e.oldest = true, open, done, oldest
}

func (e *erasing) state(now time.Time) erasingState {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := erasingState{known: e.known, open: e.open, done: e.done, failures: e.failures, failed: e.failed}
	if e.open > 0 {
		st.age = now.Sub(e.oldest)
	}
	if !e.failing.IsZero() {
		st.failing = now.Sub(e.failing)
	}
	return st
}

// runJobs erases who asked for it, winds sites down, puts numbers in place of
// sketches past their term and signs the ledger's ends, until ctx ends.
// It runs on one node of a store.
func (s *service) runJobs(ctx context.Context) {
	erase, checkpoint := time.NewTicker(eraseEvery), time.NewTicker(checkpointEvery)
	defer erase.Stop()
	defer checkpoint.Stop()
	log := slog.New(seldom(s.log.Handler(), time.Now))
	var kept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-erase.C:
			if s.shipper != nil && !s.shipper.Stats().Resumed {
				continue // a batch may be stored in part
			}
			s.erase(ctx, now, log)
			if err := s.windDowns(ctx); err != nil && ctx.Err() == nil {
				log.Warn("kunji: a wind-down is not finished and goes on later", "error", err)
			}
			if now.Sub(kept) >= keepEvery {
				kept = now
				s.keepNumbers(ctx)
			}
		case now := <-checkpoint.C:
			if _, err := s.store.Checkpoint(ctx, signer{s.ring}, now); err != nil && ctx.Err() == nil {
				s.log.Error("kunji: the ledger was not signed", "error", err)
			}
		}
	}
}

// keepNumbers is one round of the days that are past their term.
func (s *service) keepNumbers(ctx context.Context) {
	days, err := s.store.KeepNumbers(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Error("kunji: sketches past their term are still there, and become numbers later", "error", err)
	case days > 0:
		s.log.Info("kunji: past their term, sketches of visitors became numbers", "days", days)
	}
}

// erase is one round of the erasures that wait.
func (s *service) erase(ctx context.Context, now time.Time, log *slog.Logger) {
	var done []store.ErasureReceipt
	err := s.forget(ctx) // a receipt says that it is done
	if err == nil {
		done, err = s.store.Erase(ctx, s.eraseOptions())
	}
	if ctx.Err() != nil {
		return
	}
	s.erasing.round(now, err)
	if err != nil {
		log.Warn("kunji: an erasure is not finished and goes on later", "error", err)
	}
	if len(done) > 0 {
		s.log.Info("kunji: erased, verified and signed", "people", len(done))
	}
	if open, all, oldest, err := s.store.Erasures(ctx); err == nil {
		s.erasing.counted(open, all, oldest)
	} // away: the round before it said so
}
