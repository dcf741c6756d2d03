package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kunjicloud/kunji/analytics/ship"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

// Times of the service's life. Ending takes at most drainEdge, drainShip and
// engineStop together: what stops it (systemd, Kubernetes) has to wait longer.
const (
	flushEvery  = 5 * time.Second  // counts of refusals and notices go to disk
	drainEdge   = 8 * time.Second  // for requests under way, when it ends
	drainShip   = 20 * time.Second // for what is spooled, when it ends
	drainAway   = 2 * time.Second  // the same once tries have failed for so long: ClickHouse is away
	drainOps    = time.Second      // for operators' requests, which come last
	geoInterval = 5 * time.Second  // how often a changed geo database is looked for
	retryStore  = 2 * time.Second  // between two tries to reach ClickHouse
)

// restoreAtOnce is how many spooled records are read at a time at a start.
const restoreAtOnce = 10_000

// serve answers until ctx ends or a part fails, then drains.
func (s *service) serve(ctx context.Context) error {
	g, running := errgroup.WithContext(ctx)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	if s.edge != nil {
		if err := s.restore(); err != nil {
			return err
		}
		g.Go(func() error { return s.edge.Serve(s.edgeAt) })
		g.Go(func() error { s.flushCounts(running); return nil })
		g.Go(func() error { s.sendMail(running); return nil })
	}
	ops := s.httpServer(s.opsHandler())
	servers := []*http.Server{ops}
	serveHTTP := func(srv *http.Server, ln net.Listener) {
		g.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
	}
	serveHTTP(ops, s.opsAt)
	if s.controlAt != nil {
		control := s.httpServer(s.controlHandler())
		servers = append(servers, control)
		serveHTTP(control, s.controlAt)
	}
	var consoleServer *http.Server
	if s.console != nil {
		consoleServer = s.httpServer(s.console.Handler())
		serveHTTP(consoleServer, s.consoleAt)
	}
	go s.geo.Watch(work, tick(work, geoInterval))
	shipped := make(chan struct{})
	g.Go(func() error {
		defer close(shipped)
		return s.keepStore(work)
	})
	g.Go(func() error {
		<-running.Done()
		return s.drain(consoleServer, servers, stopWork, shipped)
	})
	return g.Wait()
}

// drain ends the service in the order in which data flows: requests under way
// are answered, counts go to disk, what is spooled is shipped. Operators see
// it happen, so their address is the last to close. A request that does not
// end in time is cut off, which is no failure: nothing of it was answered.
func (s *service) drain(consoleServer *http.Server, servers []*http.Server, stopWork func(), shipped <-chan struct{}) error {
	s.log.Info("kunji: ending; requests under way are finished, what is spooled is shipped")
	ctx, cancel := context.WithTimeout(context.Background(), drainEdge)
	defer cancel()
	var requests sync.WaitGroup
	var failed error
	if s.edge != nil {
		requests.Go(func() { failed = s.cut("edge", s.edge.Shutdown(ctx)) })
	}
	if consoleServer != nil {
		requests.Go(func() { s.shutdown(ctx, consoleServer, "console") })
	}
	requests.Wait()
	stopWork()
	<-shipped
	if s.shipper != nil && s.ready.Load() {
		s.shipRest()
	}
	last, cancelLast := context.WithTimeout(context.Background(), drainOps)
	defer cancelLast()
	for _, srv := range servers {
		s.shutdown(last, srv, "operators")
	}
	return failed
}

// shipRest ships what is spooled. It gives up early where ClickHouse is away:
// the next start goes on.
func (s *service) shipRest() {
	ctx, cancel := context.WithTimeout(context.Background(), drainShip)
	defer cancel()
	go func() {
		for range tick(ctx, drainAway/10) {
			if since := s.shipper.Stats().Failing; !since.IsZero() && time.Since(since) > drainAway {
				cancel()
			}
		}
	}()
	if err := s.shipper.Drain(ctx); err != nil {
		s.log.Warn("kunji: not everything is shipped; the next start goes on", "waiting", s.spool.Stats().Depth)
	}
}

// shutdown ends a server; what it still answers when ctx ends is cut off, and
// with its connection ends the query behind it.
func (s *service) shutdown(ctx context.Context, srv *http.Server, who string) {
	err := srv.Shutdown(ctx)
	if err == nil {
		return
	}
	s.log.Warn("kunji: a request took too long and was cut off", "server", who, "error", err)
	_ = srv.Close() // its listener is closed, its connections go with it
}

// cut turns a drain that ran out of time into a line in the log.
func (s *service) cut(who string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("kunji: a request took too long and was cut off", "server", who, "error", err)
		return nil
	}
	return err
}

// restore tells the edge what an earlier process kept, whether it was shipped,
// set aside or still waits: a client that never got its answer sends the same
// ids again.
func (s *service) restore() error {
	seen := func(id [16]byte) { s.edge.Restore(event.Record{Event: &event.Event{ID: id}}) }
	switch err := ship.ShippedIDs(s.spool, time.Now(), seen); {
	case errors.Is(err, spool.ErrMarksMissing):
		s.log.Warn("kunji: a client's retry of what was shipped may count twice", "error", err)
	case err != nil:
		return err
	}
	if err := s.restoreAsides(); err != nil {
		return err
	}
	through := s.spool.Stats().Stored
	for first := s.spool.Cursor() + 1; first <= through; first += restoreAtOnce {
		records, err := s.spool.Read(context.Background(), first, min(through, first+restoreAtOnce-1))
		if err != nil {
			return fmt.Errorf("read what is spooled: %w", err)
		}
		s.restoreRecords(records)
	}
	return nil
}

// restoreAsides tells the edge of what was set aside within the last day, and
// may be replayed.
func (s *service) restoreAsides() error {
	asides, err := s.spool.Asides()
	if err != nil {
		return fmt.Errorf("read what is set aside: %w", err)
	}
	for _, a := range asides {
		if a.Damaged || time.Since(a.At) > day {
			continue
		}
		records, err := s.spool.AsideRecords(a.Batch)
		if err != nil {
			return fmt.Errorf("read set-aside batch %d: %w", a.Batch, err)
		}
		s.restoreRecords(records)
	}
	return nil
}

func (s *service) restoreRecords(records []spool.Record) {
	for _, r := range records {
		if rec, err := event.Decode(r.Payload); err == nil {
			s.edge.Restore(rec)
		} // the shipper sets aside what cannot be decoded
	}
}

func (s *service) flushCounts(ctx context.Context) {
	for range tick(ctx, flushEvery) {
		if err := s.edge.Flush(); err != nil {
			s.log.Warn("kunji: counts were not kept and are tried again", "error", err)
		}
	}
}

// tick sends the time every d until ctx ends, then closes.
func tick(ctx context.Context, d time.Duration) <-chan time.Time {
	out := make(chan time.Time)
	go func() {
		defer close(out)
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-t.C:
				select {
				case out <- now:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}
