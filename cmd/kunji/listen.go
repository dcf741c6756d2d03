package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

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
		if l.tls.ACME {
			if s.acme, err = newACME(l.tls, s.cfg.acmeDir(), ln.Addr().(*net.TCPAddr).Port, s.edgeHosts, s.log); err != nil {
				return err
			}
			*l.to = tls.NewListener(ln, s.acme.config())
			continue
		}
		if !l.tls.Files {
			continue
		}
		c := &certificate{key: l.key, files: l.tls}
		if err := c.reload(); err != nil {
			return err
		}
		s.certificates = append(s.certificates, c)
		*l.to = tls.NewListener(ln, &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12})
	}
	if s.lock == nil {
		return nil
	}
	var err error
	s.controlAt, err = listenControl(s.cfg.DataDir)
	return err
}

// certificate is a listener's certificate. It is read again on SIGHUP, so that
// a renewed one needs no restart.
type certificate struct {
	key   string // of the configuration, for messages
	files TLS
	now   atomic.Pointer[tls.Certificate]
}

// reload reads the files; where they are wrong the certificate before stays.
func (c *certificate) reload() error {
	read, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("%s: certificate: %w", c.key, err)
	}
	c.now.Store(&read)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }

// httpServer has the limits of the edge; a report may take longer to answer, and the
// console lets a large body take longer to come.
func (s *service) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadTimeout: 10 * time.Second, ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout: 90 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
