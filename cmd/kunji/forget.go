package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
)

// Who was erased goes from what each node set aside as well (policy 5.3): on the
// node that has jobs before anything is signed, on the others within seconds of
// hearing it. What waits in the queue is left out when it is stored.

// hearErased is how often a node asks whom it has to forget.
const hearErased = 10 * time.Second

// forgot is up to where this node has.
type forgot struct {
	mu     sync.Mutex
	newest time.Time // the last tombstone
	aside  uint64    // records set aside then
}

// forget takes who was erased from what is set aside here.
func (s *service) forget(ctx context.Context) error {
	if s.spool == nil {
		return nil
	}
	s.forgot.mu.Lock()
	defer s.forgot.mu.Unlock()
	without, newest, err := s.store.WithoutErased(ctx)
	if err != nil {
		return fmt.Errorf("who was erased: %w", err)
	}
	aside := s.spool.Stats().Aside
	if aside == 0 || aside == s.forgot.aside && newest.Equal(s.forgot.newest) {
		return nil
	}
	if err := s.withdrawAside(without); err != nil {
		return fmt.Errorf("what the erased granted is still set aside here: %w", err)
	}
	later := false // what was set aside since is not taken back yet
	n, err := s.spool.RewriteAside(ctx, func(payload []byte) ([]byte, error) {
		if c := blanked(payload, without); c != nil && s.serves(c.Site) && !s.withdrawn.RecordWithdrawn(c.ID) {
			later = true
			return payload, nil
		}
		return rewritten(payload, without)
	})
	if err != nil {
		return fmt.Errorf("who was erased is still set aside here: %w", err)
	}
	if n > 0 {
		s.log.Info("kunji: who was erased is gone from what is set aside", "records", n)
	}
	if !later {
		s.forgot.newest, s.forgot.aside = newest, s.spool.Stats().Aside
	}
	return nil
}

// serves reports whether a site is one of those configured now.
func (s *service) serves(id string) bool {
	return slices.ContainsFunc(s.sites(), func(st *site.Site) bool { return st.ID == id })
}

// withdrawAside takes back what the erased granted in records that ClickHouse never
// had: once those are rewritten, nobody knows whose they were.
func (s *service) withdrawAside(without func(event.Record) (event.Record, bool)) error {
	granted := map[string][][16]byte{}
	err := eachAside(s.spool, func(records []spool.Record) error {
		for _, r := range records {
			if c := blanked(r.Payload, without); c != nil && !s.withdrawn.RecordWithdrawn(c.ID) {
				granted[c.Site] = append(granted[c.Site], c.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, st := range s.sites() { // of another one nobody is served
		for some := range slices.Chunk(granted[st.ID], withdrawnAtOnce) {
			if err := s.edge.Withdraw(st.ID, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// withdrawnAtOnce bounds how many records one sync takes back.
const withdrawnAtOnce = 500

// blanked is the consent in a record from which somebody who was erased goes; nil
// for any other.
func blanked(payload []byte, without func(event.Record) (event.Record, bool)) *event.Consent {
	r, err := event.Decode(payload)
	if err != nil || r.Consent == nil || r.Consent.Subject == 0 || r.Consent.ID == [16]byte{} {
		return nil
	}
	if left, some := without(r); some && left.Consent.Subject != 0 {
		return nil
	}
	return r.Consent
}

// rewritten is what becomes of a record in the spool, nil where nothing does. One
// that cannot be read is left: nobody knows whose it is.
func rewritten(payload []byte, left func(event.Record) (event.Record, bool)) ([]byte, error) {
	r, err := event.Decode(payload)
	if err != nil {
		return payload, nil
	}
	after, some := left(r)
	switch {
	case !some:
		return nil, nil
	case after != r:
		return event.Append(nil, after)
	}
	return payload, nil
}

// followErased forgets until ctx ends.
func (s *service) followErased(ctx context.Context) {
	for tick := time.NewTicker(hearErased); ; {
		if err := s.forget(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("kunji: somebody to be forgotten here; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}
