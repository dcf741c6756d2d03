package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// keepStore brings the tables up to date as soon as ClickHouse answers, checks
// that this node has the store's key ring, then ships until ctx ends. It ends
// early, with an error, only where going on would spoil what is stored.
func (s *service) keepStore(ctx context.Context) error {
	log := slog.New(seldom(s.log.Handler(), time.Now))
	for {
		err := s.prepareStore(ctx)
		if err == nil {
			break
		}
		if errors.Is(err, errOtherRing) {
			return err
		}
		if ctx.Err() == nil {
			log.Warn("kunji: ClickHouse is not ready; hits are kept on disk meanwhile", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryStore):
		}
	}
	// Whatever uses the store has ended before it is closed.
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside.Go(func() { s.followWound(ctx) })
	beside.Go(func() { s.followErased(ctx) })
	if s.cfg.Jobs {
		beside.Go(func() { s.runJobs(ctx) })
		hooks, err := s.webhooks()
		if err != nil {
			return err
		}
		beside.Go(func() { hooks.Run(ctx, tellEvery) })
		if s.console != nil {
			beside.Go(func() { s.console.WatchSites(ctx, time.Minute) })
		}
	}
	if s.shipper == nil {
		<-ctx.Done()
		return nil
	}
	beside.Go(func() { s.withdrawn.Follow(ctx, feed{s.store}, followEvery) })
	if err := s.shipper.Run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("shipping ended: %w", err)
	}
	return nil
}

// prepareStore waits for the embedded engine, applies what is new of the
// schema, and checks the ring.
func (s *service) prepareStore(ctx context.Context) error {
	if s.engine != nil {
		if err := s.engine.Wait(ctx); err != nil {
			return err
		}
	}
	applied, err := s.store.Migrate(ctx)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		s.log.Info("kunji: tables are up to date", "applied", len(applied))
	}
	if err := s.checkRing(ctx); err != nil {
		return err
	}
	s.ready.Store(true)
	return nil
}

// errOtherRing says that this node's key ring is not the store's.
var errOtherRing = errors.New("this node's key ring is not the one of its store")

// checkRing refuses a node whose ring is another than that of the nodes that
// came before: their cookies, links and hashes of people would not be each
// other's, and an erasure would miss rows.
func (s *service) checkRing(ctx context.Context) error {
	ours := s.ring.Fingerprint()
	theirs, err := s.store.ClaimRing(ctx, ours)
	if err != nil {
		return err
	}
	if theirs != ours {
		return fmt.Errorf("%w: %s has %s, the store %s: bring the store's ring here (`kunji keys export` where it is, `kunji keys import` here); if it is lost for good, `kunji sql --write \"TRUNCATE TABLE key_ring\"` lets the store take this one",
			errOtherRing, s.cfg.Keys.File, ours, theirs)
	}
	return nil
}
