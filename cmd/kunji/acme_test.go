package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authority is Let's Encrypt's own server for tests, on loopback: it looks at
// the edge's port, and all names lead there.
type authority struct {
	tls   TLS
	roots *x509.CertPool // of the certificates it gives

	mu     sync.Mutex
	orders int
}

func startAuthority(t *testing.T, edgePort int) *authority {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(quiet, store, va.New(quiet, 1, edgePort, false, namesAreLocal(t), store), issuer, []string{"authority.example"}, false, false, 1, 1)
	handler := front.Handler()
	a := &authority{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			a.mu.Lock()
			a.orders++
			a.mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a.tls = TLS{ACME: true, Email: "ops@shop.example", Directory: server.URL + wfe.DirectoryPath, Roots: roots}
	a.roots = x509.NewCertPool()
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

func (a *authority) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders
}

// namesAreLocal serves DNS: every name is this machine's.
func namesAreLocal(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m) // who asked is gone otherwise
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return ln.Addr().String()
}

// TestACME: the first handshake for a site's host fetches a certificate, a later
// start has it on disk, and no other name makes the authority hear anything.
func TestACME(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	from := startAuthority(t, port)
	dir := filepath.Join(t.TempDir(), "acme")
	var logged lockedBuffer
	hosts := []string{"t.shop.example"}
	fresh := func() *acme {
		a, err := newACME(from.tls, dir, port, func() []string { return hosts }, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.close)
		return a
	}
	a := fresh()
	serve := tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.config(), nil }})
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(serve) }()
	t.Cleanup(func() { _ = server.Close() })
	shake := func(name string) error {
		d := &net.Dialer{Timeout: 30 * time.Second}
		conn, err := tls.DialWithDialer(d, "tcp", ln.Addr().String(), &tls.Config{ServerName: name, RootCAs: from.roots, MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		return conn.Close()
	}
	for _, name := range []string{"evil.example", "shop.example", "x.t.shop.example"} {
		if err := shake(name); err == nil {
			t.Errorf("%s has a certificate", name)
		}
	}
	if n := from.asked(); n != 0 {
		t.Errorf("the authority was asked %d times for names that are none of ours", n)
	}
	if err := shake("t.shop.example"); err != nil {
		t.Fatalf("the first handshake: %v\n%s", err, logged.String())
	}
	a = fresh() // as after a restart
	if err := shake("t.shop.example"); err != nil || from.asked() != 1 {
		t.Errorf("from disk: %v; the authority was asked %d times", err, from.asked())
	}
	private, err := filepath.Glob(filepath.Join(dir, "certificates", "*", "*", "*.key"))
	if err != nil || len(private) != 1 {
		t.Fatalf("keys %v, %v", private, err)
	}
	if info, err := os.Stat(private[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info.Mode(), err)
	}
	hosts = []string{"t.other.example"} // as after a reload
	if err := shake("t.other.example"); err != nil || from.asked() != 2 {
		t.Errorf("a site that came: %v; the authority was asked %d times", err, from.asked())
	}
}

// TestACME_Pause: a host whose certificate could not be had is left alone.
func TestACME_Pause(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	a := &acme{hosts: func() []string { return []string{"t.shop.example"} }, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler), failed: map[string]time.Time{}}
	if err := a.decide(t.Context(), "t.shop.example"); err != nil {
		t.Error(err)
	}
	if err := a.event(t.Context(), "cert_failed", map[string]any{"identifier": "t.shop.example"}); err != nil {
		t.Error(err)
	}
	if err := a.decide(t.Context(), "t.shop.example"); err == nil {
		t.Error("asked again at once")
	}
	now = now.Add(acmePause)
	if err := a.decide(t.Context(), "t.shop.example"); err != nil {
		t.Error(err)
	}
}

// lockedBuffer takes a log from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
