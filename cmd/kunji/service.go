package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/ship"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
)

// Roles of a process.
const (
	roleAll     = "all"
	roleEdge    = "edge"
	roleConsole = "console"
)

// Times of the service's life.
const (
	flushEvery  = 5 * time.Second  // counts of refusals and notices go to disk
	drainEdge   = 8 * time.Second  // for requests under way, when it ends
	drainShip   = 20 * time.Second // for what is spooled, when it ends
	geoInterval = 5 * time.Second  // how often a changed geo database is looked for
	retryStore  = 2 * time.Second  // between two tries to reach ClickHouse
)

// service is everything that runs, joined. Parts that a role does not have
// are nil. Data flows one way: edge → spool → ship → store → console.
type service struct {
	cfg  *Config
	role string
	log  *slog.Logger

	ring    *identity.Ring
	geo     *enrich.Geo
	spool   *spool.Spool
	banner  *banner.Assets
	engine  *engine.Supervisor
	store   *store.Store
	edge    *server.Server
	shipper *ship.Shipper
	console *console.Console
	ready   atomic.Bool // the tables are there

	edgeAt, consoleAt, opsAt net.Listener
}

// edgeExtra is what only the demo adds to the edge.
type edgeExtra struct {
	pages http.Handler
}

// newService opens everything in the order in which data flows and listens;
// it answers nothing before serve. What it opened is closed when it fails.
func newService(ctx context.Context, cfg *Config, role string, log *slog.Logger, extra edgeExtra) (_ *service, err error) {
	if role != roleAll && cfg.ClickHouse.Embedded() {
		return nil, usagef("role %s needs clickhouse.dsn to name a server: the embedded engine runs only with role all", role)
	}
	// Group commit hands over between two goroutines at every sync.
	if runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
	s := &service{cfg: cfg, role: role, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.ring, err = identity.OpenRing(cfg.Keys.File, time.Now()); err != nil {
		return nil, err
	}
	if err := s.openGeo(); err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	if role != roleConsole {
		if err := s.openEdge(extra); err != nil {
			return nil, err
		}
	}
	if role != roleEdge {
		if err := s.openConsole(); err != nil {
			return nil, err
		}
	}
	return s, s.listen()
}

func (s *service) openStore(ctx context.Context) (err error) {
	o := store.Options{DSN: s.cfg.ClickHouse.DSN, Logger: s.log}
	if s.cfg.ClickHouse.Embedded() {
		s.engine, err = engine.Start(ctx, engine.SupervisorOptions{
			Args: []string{"engine"}, Engine: engine.Options{Dir: s.cfg.engineDir()}, Logger: s.log,
		})
		if err != nil {
			return err
		}
		o.Dial = s.engine.Dial
	}
	s.store, err = store.Open(o)
	return err
}

func (s *service) openEdge(extra edgeExtra) (err error) {
	s.spool, err = spool.Open(spool.Options{
		Dir: filepath.Join(s.cfg.DataDir, "spool"), MaxBytes: s.cfg.Spool.MaxBytes,
		KeepAside: s.cfg.Retention.Quarantine, Logger: s.log,
	})
	if err != nil {
		return err
	}
	if s.banner, err = banner.Load(); err != nil {
		return err
	}
	o := s.edgeOptions()
	o.Extra = extra.pages
	if s.edge, err = server.New(o); err != nil {
		return err
	}
	s.shipper, err = ship.New(ship.Options{Spool: s.spool, Store: s.store, Logger: s.log})
	return err
}

// edgeOptions are what every edge of this service has in common.
func (s *service) edgeOptions() server.Options {
	return server.Options{
		Sites: s.cfg.Sites, Ring: s.ring, Geo: s.geo, Agents: enrich.NewAgents(), Spool: s.spool, Banner: s.banner,
		Trusted: s.cfg.Edge.TrustedProxies, Rate: s.cfg.Edge.RateLimit, Region: s.cfg.Region,
		Ready: s.edgeReady, Now: time.Now, Logger: s.log,
	}
}

// edgeReady says why hits are not kept. ClickHouse does not count: the edge
// never waits for it.
func (s *service) edgeReady() error {
	if st := s.spool.Stats(); st.Failed {
		return spool.ErrFailed
	} else if st.Full {
		return spool.ErrFull
	}
	return nil
}

func (s *service) openConsole() (err error) {
	s.console, err = console.New(console.Options{
		Sites:          func() []*site.Site { return s.cfg.Sites },
		Accounts:       func() console.Accounts { return s.cfg.Console.Accounts },
		Source:         s.store,
		CompleteUntil:  s.completeUntil,
		Logger:         s.log,
		Secure:         s.cfg.Console.TLS.Files,
		GeoAttribution: s.attribution(),
		Version:        version(),
	})
	return err
}

// completeUntil is the moment up to which ClickHouse has everything that this
// node answered as recorded; unknown where the node has no edge.
func (s *service) completeUntil(context.Context) time.Time {
	if s.spool == nil {
		return time.Time{}
	}
	return time.Now().Add(-s.spool.Stats().Oldest)
}

func (s *service) listen() error {
	for _, l := range []struct {
		wanted bool
		to     *net.Listener
		key    string
		addr   string
		tls    TLS
	}{
		{s.edge != nil, &s.edgeAt, "edge.listen", s.cfg.Edge.Listen, s.cfg.Edge.TLS},
		{s.console != nil, &s.consoleAt, "console.listen", s.cfg.Console.Listen, s.cfg.Console.TLS},
		{true, &s.opsAt, "ops.listen", s.cfg.Ops.Listen, TLS{}},
	} {
		if !l.wanted {
			continue
		}
		ln, err := net.Listen("tcp", l.addr)
		if err != nil {
			return fmt.Errorf("%s: %w: stop what uses the address, or write another", l.key, err)
		}
		*l.to = ln
		if !l.tls.Files {
			continue
		}
		cert, err := tls.LoadX509KeyPair(l.tls.Cert, l.tls.Key)
		if err != nil {
			return fmt.Errorf("%s: certificate: %w", l.key, err)
		}
		*l.to = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	return nil
}

// serve answers until ctx ends or a part fails, then drains: requests under
// way first, then counts, then what is spooled.
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
	}
	ops := s.httpServer(s.opsHandler())
	servers := map[*http.Server]net.Listener{ops: s.opsAt}
	if s.console != nil {
		servers[s.httpServer(s.console.Handler())] = s.consoleAt
	}
	for srv, ln := range servers {
		g.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
	}
	go s.geo.Watch(work, tick(work, geoInterval))
	shipped := make(chan struct{})
	go func() { defer close(shipped); s.keepStore(work) }()
	g.Go(func() error {
		<-running.Done()
		return s.drain(servers, stopWork, shipped)
	})
	return g.Wait()
}

func (s *service) drain(servers map[*http.Server]net.Listener, stopWork func(), shipped <-chan struct{}) error {
	s.log.Info("kunji: ending; requests under way are finished, what is spooled is shipped")
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), drainEdge)
	defer cancel()
	if s.edge != nil {
		errs = append(errs, s.edge.Shutdown(ctx))
	}
	for srv := range servers {
		errs = append(errs, srv.Shutdown(ctx))
	}
	stopWork()
	<-shipped
	if s.shipper != nil && s.ready.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), drainShip)
		defer cancel()
		if err := s.shipper.Drain(ctx); err != nil {
			s.log.Warn("kunji: not everything is shipped; the next start goes on", "waiting", s.spool.Stats().Depth)
		}
	}
	return errors.Join(errs...)
}

// httpServer has the limits of the edge; a report may take longer to answer.
func (s *service) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadTimeout: 10 * time.Second, ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout: 90 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// restore tells the edge what an earlier process kept and had not shipped: a
// client that never got its answer sends the same ids again.
func (s *service) restore() error {
	through := s.spool.Stats().Stored
	for after := s.spool.Cursor(); after < through; {
		records, err := s.spool.Next(context.Background(), after, spool.Limits{})
		if err != nil {
			return fmt.Errorf("read what is spooled: %w", err)
		}
		for _, r := range records {
			after = r.Seq
			if rec, err := event.Decode(r.Payload); err == nil {
				s.edge.Restore(rec)
			} // the shipper sets aside what cannot be decoded
		}
	}
	return nil
}

func (s *service) flushCounts(ctx context.Context) {
	for range tick(ctx, flushEvery) {
		if err := s.edge.Flush(); err != nil {
			s.log.Warn("kunji: counts were not kept and are tried again", "error", err)
		}
	}
}

// keepStore brings the tables up to date as soon as ClickHouse answers, then
// ships until ctx ends.
func (s *service) keepStore(ctx context.Context) {
	for !s.migrate(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryStore):
		}
	}
	if s.shipper == nil {
		return
	}
	if err := s.shipper.Run(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("kunji: shipping ended", "error", err)
	}
}

func (s *service) migrate(ctx context.Context) bool {
	if s.engine != nil && s.engine.Wait(ctx) != nil {
		return false
	}
	applied, err := s.store.Migrate(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("kunji: ClickHouse is not ready; hits are kept on disk meanwhile", "error", err)
		}
		return false
	}
	if len(applied) > 0 {
		s.log.Info("kunji: tables are up to date", "applied", len(applied))
	}
	s.ready.Store(true)
	return true
}

// close closes what was opened, in the order against the flow of data.
func (s *service) close() error {
	var errs []error
	for _, ln := range []net.Listener{s.edgeAt, s.consoleAt, s.opsAt} {
		if ln != nil {
			if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), engineStop)
		defer cancel()
		errs = append(errs, s.engine.Close(ctx))
	}
	if s.spool != nil {
		errs = append(errs, s.spool.Close())
	}
	return errors.Join(errs...)
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
