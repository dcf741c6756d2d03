package main

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
)

// reloadState is how the last reload went, for operators.
type reloadState struct {
	mu     sync.Mutex
	at     time.Time // zero: none yet
	failed string    // why the configuration before it was kept; empty: it was not
}

func (r *reloadState) note(at time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.failed = at, ""
	if err != nil {
		r.failed = err.Error()
	}
}

func (r *reloadState) last() (at time.Time, failed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.failed
}

// reloadOn reloads at every signal until ctx ends.
func (s *service) reloadOn(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			s.reconfigure()
		}
	}
}

// reconfigure reads the configuration, the key ring, certificates and geo
// databases again.
// Sites and accounts change at once and together, or, where anything in the
// file is wrong, not at all.
func (s *service) reconfigure() {
	s.geo.Reload()
	for _, c := range s.certificates {
		if err := c.reload(); err != nil {
			s.log.Error("kunji: the certificate before it stays in use", "error", err)
		}
	}
	err := s.takeConfig()
	if err == nil {
		err = s.takeRing()
	}
	s.reload.note(time.Now(), err)
	var problems Problems
	switch {
	case err == nil:
	case errors.As(err, &problems):
		for _, p := range problems {
			s.log.Error("kunji: the configuration is wrong", "at", p.Error())
		}
		s.log.Error("kunji: the configuration before it stays in use", "problems", len(problems))
	default:
		s.log.Error("kunji: the configuration before it stays in use", "error", err)
	}
}

// takeRing lets the keys count that the ring's file holds now, after
// `kunji keys rotate`, `revoke` or `import`.
func (s *service) takeRing() error {
	next, err := identity.ReadRing(s.cfg.Keys.File)
	if err != nil {
		return err
	}
	before := signing(s.ring)
	if err := s.ring.Take(next); err != nil {
		return err
	}
	if now := signing(s.ring); now != before {
		s.log.Info("kunji: another key signs from now on", "key", now, "before", before)
	}
	return nil
}

// takeConfig puts a new configuration in the old one's place.
func (s *service) takeConfig() error {
	next, warnings, err := s.load()
	if err != nil {
		return err
	}
	for _, w := range warnings {
		s.log.Warn("kunji: configuration", "at", w.Error(), "law", w.Law)
	}
	s.wound.changing.Lock()
	defer s.wound.changing.Unlock()
	if next.Sites, err = stopped(next.Sites, s.wound.list); err != nil {
		return err
	}
	if s.lock != nil {
		if err := keepPromises(next, s.cfg.DataDir); err != nil {
			return err
		}
	}
	if s.edge != nil {
		s.withdrawn.SetLifetime(longestLifetime(next.Sites))
		if err := s.edge.SetSites(next.Sites); err != nil {
			return err
		}
	}
	s.live.Store(next)
	if keys := restartKeys(s.cfg, next); len(keys) > 0 {
		s.log.Warn("kunji: these keys changed and need a restart; everything else is in use", "keys", strings.Join(keys, ", "))
	}
	s.log.Info("kunji: the configuration was read again", "sites", len(next.Sites))
	return nil
}

// restartKeys names the keys whose new values wait for a restart.
func restartKeys(old, next *Config) []string {
	var keys []string
	for _, k := range []struct {
		name      string
		old, next any
	}{
		{"data_dir", old.DataDir, next.DataDir},
		{"region", old.Region, next.Region},
		{"edge.listen", old.Edge.Listen, next.Edge.Listen},
		{"edge.public_url", old.Edge.PublicURL.String(), next.Edge.PublicURL.String()},
		{"edge.trusted_proxies", old.Edge.TrustedProxies, next.Edge.TrustedProxies},
		{"edge.rate_limit", old.Edge.RateLimit, next.Edge.RateLimit},
		{"edge.tls", old.Edge.TLS, next.Edge.TLS},
		{"console.listen", old.Console.Listen, next.Console.Listen},
		{"console.public_url", old.Console.PublicURL, next.Console.PublicURL},
		{"console.trusted_proxies", old.Console.TrustedProxies, next.Console.TrustedProxies},
		{"console.tls", old.Console.TLS, next.Console.TLS},
		{"ops", old.Ops, next.Ops},
		{"jobs", old.Jobs, next.Jobs},
		{"keys", old.Keys, next.Keys},
		{"clickhouse", old.ClickHouse, next.ClickHouse},
		{"geoip", old.GeoIP, next.GeoIP},
		{"spool", old.Spool, next.Spool},
		{"smtp", old.SMTP, next.SMTP},
		{"retention.quarantine", old.Retention.Quarantine, next.Retention.Quarantine},
	} {
		if !reflect.DeepEqual(k.old, k.next) {
			keys = append(keys, k.name)
		}
	}
	return keys
}
