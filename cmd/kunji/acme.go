package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// acmePause is how long a host whose certificate could not be had is not asked
// for again: authorities allow few failures an hour.
const acmePause = 5 * time.Minute

// acme gets certificates from an authority (RFC 8555) when a handshake first
// names a host, and renews them. Only hosts that the configuration names as the
// edge's are asked for: anybody can name any other. The authority looks by
// TLS-ALPN (RFC 8737), at the edge's own address: no second port is opened.
type acme struct {
	hosts func() []string
	now   func() time.Time
	log   *slog.Logger
	magic *certmagic.Config
	cache *certmagic.Cache

	mu     sync.Mutex
	failed map[string]time.Time
}

// newACME keeps certificates and the account in dir. port is where the edge
// listens.
func newACME(t TLS, dir string, port int, hosts func() []string, log *slog.Logger) (*acme, error) {
	a := &acme{hosts: hosts, now: time.Now, log: log, failed: map[string]time.Time{}}
	var roots *x509.CertPool
	if t.Roots != "" {
		b, err := os.ReadFile(t.Roots)
		if err != nil {
			return nil, fmt.Errorf("edge.tls.roots: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("edge.tls.roots: %s holds no certificate in PEM form", t.Roots)
		}
	}
	silent := zap.NewNop() // what matters comes by event
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		Logger:           silent,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage:  &certmagic.FileStorage{Path: dir},
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: a.decide},
		OnEvent:  a.event,
		Logger:   silent,
	})
	a.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: t.Directory, TestCA: t.Directory, Email: t.Email, Agreed: true, TrustedRoots: roots,
		DisableHTTPChallenge: true, AltTLSALPNPort: port, Logger: silent,
	})}
	return a, nil
}

// acmeDir is where certificates and the authority's account lie.
func (c *Config) acmeDir() string { return filepath.Join(c.DataDir, "acme") }

// edgeHosts are the names under which the edge is reached by https: the
// endpoints of the sites.
func (s *service) edgeHosts() []string {
	var hosts []string
	for _, one := range s.sites() {
		for _, e := range one.Endpoints {
			if e.Scheme == "https" && net.ParseIP(e.Hostname()) == nil {
				hosts = append(hosts, e.Hostname())
			}
		}
	}
	return hosts
}

// decide says whether a certificate may be asked for.
func (a *acme) decide(_ context.Context, name string) error {
	if !slices.Contains(a.hosts(), name) {
		return fmt.Errorf("%s is no host of a site", name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if until := a.failed[name]; a.now().Before(until) {
		return fmt.Errorf("no certificate for %s could be had: the next try is at %s", name, until.UTC().Format(time.RFC3339))
	}
	return nil
}

// event takes what certmagic did. It names hosts of the configuration alone.
func (a *acme) event(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		a.log.Info("kunji: got a certificate", "host", name)
	case "cert_failed":
		a.mu.Lock()
		a.failed[name] = a.now().Add(acmePause)
		a.mu.Unlock()
		a.log.Error("kunji: no certificate could be had; the authority must reach the edge at port 443 of the host", "host", name, "err", data["error"])
	}
	return nil
}

func (a *acme) config() *tls.Config {
	c := a.magic.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"http/1.1"}, c.NextProtos...)
	return c
}

// close ends renewals.
func (a *acme) close() { a.cache.Stop() }
