package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// Limits of a request. Nothing a visitor's browser sends comes near them.
const (
	maxHeader = 16 << 10
	maxBody   = 64 << 10

	readTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second
	idleTimeout  = 60 * time.Second
)

// Appender keeps records: it returns nil only once they are on disk, and
// copies them before it returns.
type Appender interface {
	Append(payloads ...[]byte) error
	// AppendMarked keeps what people state, and marks with it in the same sync, also
	// where there is no room for hits.
	AppendMarked(marks []withdrawal.Mark, payloads ...[]byte) error
}

// Options are what a Server is made of.
type Options struct {
	Sites  []*site.Site
	Ring   *identity.Ring
	Geo    *enrich.Geo
	Agents *enrich.Agents
	Spool  Appender
	// Withdrawn knows what was taken back, here and on other nodes.
	Withdrawn *withdrawal.Set
	Banner    *banner.Assets
	Trusted   []netip.Prefix // proxies whose X-Forwarded-For, -Host and -Proto count
	Rate      int            // hits a second and address; 0: unlimited
	Region    string         // where this node stands
	Ready     func() error   // nil: ready; its error is logged, never answered
	Kept      Kept           // nil: the store is away
	Rights    RightsMailer   // nil: nobody can ask by mail address
	Now       func() time.Time
	Logger    *slog.Logger
	// Extra serves paths that are not the edge's; only the demo's shop is.
	Extra http.Handler
}

// Server answers websites and their visitors.
type Server struct {
	opts     Options
	http     *fasthttp.Server
	book     atomic.Pointer[book]
	counts   *counts
	limits   *limits
	seen     *seen
	starts   *starts
	wordings *wordings
	intakes  intakes
	networks *mail.Networks
	asking   *asking
	extra    fasthttp.RequestHandler
}

// New makes a server. It neither listens nor starts anything.
func New(o Options) (*Server, error) {
	if o.Ring == nil || o.Geo == nil || o.Agents == nil || o.Spool == nil || o.Withdrawn == nil || o.Banner == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("server: an option is missing")
	}
	s := &Server{opts: o, counts: newCounts(), limits: newLimits(o.Rate), seen: newSeen(), starts: newStarts(), wordings: newWordings(), asking: newAsking(o.Rights)}
	var err error
	if s.networks, err = mail.LoadNetworks(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s.intakes.New = func() any { return new(intake) }
	if o.Extra != nil {
		s.extra = fasthttpadaptor.NewFastHTTPHandler(o.Extra)
	}
	if err := s.SetSites(o.Sites); err != nil {
		return nil, err
	}
	s.http = &fasthttp.Server{
		Handler:         s.guard,
		ErrorHandler:    s.malformed,
		ExpectHandler:   expect,
		Name:            "kunji",
		ReadBufferSize:  maxHeader,
		WriteBufferSize: 8 << 10,
		ReadTimeout:     readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxRequestBodySize: maxBody,
		// A form in two ways is told apart by its own endpoint.
		DisablePreParseMultipartForm: true,
		ReduceMemoryUsage:            false,
		TCPKeepalive:                 true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true, // else a broken request is logged whole, cookies included
		Logger:                       quiet{o.Logger},
	}
	return s, nil
}

// SetSites replaces all sites at once; requests under way finish with the old.
func (s *Server) SetSites(sites []*site.Site) error {
	b, err := s.newBook(sites)
	if err != nil {
		return err
	}
	if old := s.book.Swap(b); old != nil {
		s.rememberWordings(old)
	}
	return nil
}

// Serve answers on ln until Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	return nil
}

// Shutdown stops accepting, waits for requests under way, and keeps what was
// counted.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.ShutdownWithContext(ctx)
	s.asking.under.Wait()
	return errors.Join(err, s.Flush())
}

// Flush writes what was counted since the last time into the spool.
func (s *Server) Flush() error { return s.counts.flush(s.opts.Spool) }

// Restore tells the server of a record that was kept before it started: its
// id is not kept again, a record it took back stays taken back, and a text it
// archived is not archived again.
func (s *Server) Restore(r event.Record) {
	switch {
	case r.Event != nil:
		s.seen.keep(r.Event.ID, s.opts.Now())
	case r.Consent != nil:
		if r.Consent.Withdraws {
			s.opts.Withdrawn.Apply(withdrawal.Entry{Site: r.Consent.Site, Record: r.Consent.Previous, Time: r.Consent.Time})
		}
	case r.Wording != nil:
		s.wordings.keep(r.Wording)
	}
}

// quiet logs fasthttp's own errors without their detail, which may hold what
// a visitor sent.
type quiet struct{ *slog.Logger }

func (q quiet) Printf(string, ...any) { q.Debug("edge: a connection failed") }
