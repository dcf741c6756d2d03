package main

import (
	"context"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
)

// teller hands events of websites' servers to the edge of this process.
type teller struct {
	edge    *server.Server
	history history
}

// teller is nil, as the interface, where this process has no edge.
func (s *service) teller() console.Teller {
	if s.edge == nil {
		return nil
	}
	return teller{s.edge, history{s.store, s.spool}}
}

// Tell keeps events of one site.
func (t teller) Tell(ctx context.Context, s *site.Site, list []console.ServerEvent) ([]console.EventResult, error) {
	told := make([]server.Told, len(list))
	for i, e := range list {
		told[i] = server.Told{
			Kind: e.Kind, URL: e.URL, Referrer: e.Referrer, Name: e.Name, Props: e.Props, Value: e.Value.String(), Currency: e.Currency,
			Order: e.Order, ID: e.ID, Handle: e.Handle, Time: e.At,
		}
	}
	outcomes, err := t.edge.Tell(ctx, s.ID, t.history, told)
	if err != nil {
		return nil, err
	}
	results := make([]console.EventResult, len(outcomes))
	for i, o := range outcomes {
		results[i] = console.EventResult{Refused: o.Reason.String(), Duplicate: o.Duplicate, Invalid: o.Invalid}
	}
	return results, nil
}

// history looks up what ClickHouse keeps about visitors.
type history struct {
	store *store.Store
	spool *spool.Spool
}

// Decisions returns each visitor's newest decision.
func (h history) Decisions(ctx context.Context, site string, visitors []uint64) (map[uint64]event.Consent, error) {
	return h.store.LatestDecisions(ctx, site, visitors)
}

// Touches returns each visitor's touches.
func (h history) Touches(ctx context.Context, site string, visitors []uint64) (map[uint64][]server.Touch, error) {
	found, err := h.store.Touches(ctx, site, visitors)
	if err != nil {
		return nil, err
	}
	out := make(map[uint64][]server.Touch, len(found))
	for visitor, list := range found {
		for _, t := range list {
			out[visitor] = append(out[visitor], server.Touch(t))
		}
	}
	return out, nil
}

// Known returns which ids are kept.
func (h history) Known(ctx context.Context, site string, ids [][16]byte, from time.Time) (map[[16]byte]bool, error) {
	return h.store.KnownEvents(ctx, site, ids, from)
}

// How long a request waits for what this node kept to be in ClickHouse.
const (
	settleWait = 10 * time.Second
	settleLook = 50 * time.Millisecond
)

// Settle waits until all that is spooled by now is shipped.
func (h history) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	through := h.spool.Stats().Stored
	for h.spool.Cursor() < through {
		select {
		case <-ctx.Done():
			return fmt.Errorf("what was kept moments ago is not in ClickHouse yet: %w", ctx.Err())
		case <-time.After(settleLook):
		}
	}
	return nil
}
