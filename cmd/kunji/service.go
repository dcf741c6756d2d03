package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/ship"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// Roles of a process.
const (
	roleAll     = "all"
	roleEdge    = "edge"
	roleConsole = "console"
)

// service is everything that runs, joined. Parts that a role does not have
// are nil. Data flows one way: edge → spool → ship → store → console.
type service struct {
	cfg    *Config                // as it was at the start: what only a restart changes
	live   atomic.Pointer[Config] // as it is now: sites and accounts
	load   func() (*Config, Warnings, error)
	role   string
	log    *slog.Logger
	reload reloadState

	lock      *dirLock
	ring      *identity.Ring
	geo       *enrich.Geo
	spool     *spool.Spool
	withdrawn *withdrawal.Set
	banner    *banner.Assets
	engine    *engine.Supervisor
	store     *store.Store
	edge      *server.Server
	shipper   *ship.Shipper
	outbox    *mail.Outbox // nil without a mail server
	console   *console.Console
	mail      *mailer
	ready     atomic.Bool // the tables are there
	erasing   erasing
	wound     woundSites // that are stopped for good
	forgot    forgot     // who was erased, in what is set aside

	edgeAt, consoleAt, opsAt, controlAt net.Listener
	certificates                        []*certificate
	acme                                *acme // nil unless edge.tls.mode is acme
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
	if s.wound.list, err = readWound(cfg.DataDir); err != nil {
		return nil, err
	}
	if cfg.Sites, err = stopped(cfg.Sites, s.wound.list); err != nil {
		return nil, err
	}
	s.live.Store(cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if role != roleConsole { // a console keeps nothing there
		if s.lock, err = lockDir(cfg.DataDir); err != nil {
			return nil, err
		}
		if err := keepPromises(cfg, cfg.DataDir); err != nil {
			return nil, err
		}
	}
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
	s.mail = newMailer(s.ring, s.store, s.withdrawn, time.Now)
	if role != roleEdge {
		if err := s.openConsole(); err != nil {
			return nil, err
		}
	}
	return s, s.listen()
}

func (s *service) openStore(ctx context.Context) (err error) {
	o := store.Options{DSN: s.cfg.ClickHouse.DSN, Cluster: s.cfg.ClickHouse.Cluster, Logger: s.log, Subject: s.ring.SubjectHash, Recipient: s.ring.RecipientHash}
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

func (c *Config) spoolDir() string { return filepath.Join(c.DataDir, "spool") }

// spoolOptions say where the spool is and how large it may get. The ring opens
// sealed records also where new ones are plain.
func (c *Config) spoolOptions(ring *identity.Ring, log *slog.Logger) spool.Options {
	return spool.Options{
		Dir: c.spoolDir(), MaxBytes: c.Spool.MaxBytes, Seal: c.Spool.Encrypt, Key: ring.SpoolKey,
		KeepAside: c.Retention.Quarantine, Logger: log,
	}
}

func (s *service) openEdge(extra edgeExtra) (err error) {
	if s.spool, err = spool.Open(s.cfg.spoolOptions(s.ring, s.log)); err != nil {
		return err
	}
	if err := s.openWithdrawals(); err != nil {
		return err
	}
	if err := s.openOutbox(); err != nil {
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
		Sites: s.sites(), Ring: s.ring, Geo: s.geo, Agents: enrich.NewAgents(), Banner: s.banner,
		Spool: keeper{s.spool}, Withdrawn: s.withdrawn, Kept: kept{s.store}, Rights: s.rightsMail(),
		Trusted: s.cfg.Edge.TrustedProxies, Rate: s.cfg.Edge.RateLimit, Region: s.cfg.Region,
		Ready: s.edgeReady, Now: time.Now, Logger: slog.New(seldom(s.log.Handler(), time.Now)),
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
		Sites:          s.sites,
		Accounts:       s.accounts,
		Source:         s.store,
		Keeper:         s.store,
		Links:          linker{s.ring},
		Signer:         shareSigner{s.ring},
		Mail:           s.mail,
		Events:         s.teller(),
		Rights:         desk{s},
		CompleteUntil:  s.completeUntil,
		Logger:         s.log,
		Address:        s.cfg.Console.clientKey,
		Secure:         s.cfg.Console.Secure(),
		Origin:         s.cfg.Console.origin(),
		GeoAttribution: s.attribution(),
		Version:        version(),
	})
	return err
}

// sites are those configured now.
func (s *service) sites() []*site.Site { return s.live.Load().Sites }

// accounts are those configured now.
func (s *service) accounts() console.Accounts { return s.live.Load().Console.Accounts }

// completeUntil is the moment up to which ClickHouse has everything that this
// node answered as recorded; unknown where the node has no edge.
func (s *service) completeUntil(context.Context) time.Time {
	if s.spool == nil {
		return time.Time{}
	}
	return time.Now().Add(-s.spool.Stats().Oldest)
}

// close closes what was opened, in the order against the flow of data.
func (s *service) close() error {
	var errs []error
	for _, ln := range []net.Listener{s.controlAt, s.edgeAt, s.consoleAt, s.opsAt} {
		if ln != nil {
			if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if s.acme != nil {
		s.acme.close()
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
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
