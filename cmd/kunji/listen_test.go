package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate makes a certificate with a serial number of its own.
func writeCertificate(t *testing.T, files TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "console.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: cert}, files.Key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificate: a renewed certificate is taken, a broken one is not.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{key: "console.tls", files: TLS{Files: true, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}}
	serves := func(want int64) {
		t.Helper()
		cert, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := x509.ParseCertificate(cert.Certificate[0]); err != nil || leaf.SerialNumber.Int64() != want {
			t.Errorf("certificate %v, %v, want %d", leaf.SerialNumber, err, want)
		}
	}
	for serial := range int64(2) {
		writeCertificate(t, c.files, serial+1)
		if err := c.reload(); err != nil {
			t.Fatal(err)
		}
		serves(serial + 1)
	}
	if err := os.WriteFile(c.files.Cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.reload(); err == nil {
		t.Error("half a certificate was taken")
	}
	serves(2)
}

// TestShutdownCuts: a request that does not end, such as a report over years,
// is cut off when the time is up, and with it the query that it waits for.
func TestShutdownCuts(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler)}
	begun, ended := make(chan struct{}), make(chan struct{})
	srv := s.httpServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	go func() {
		resp, err := http.Get("http://" + ln.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s.shutdown(ctx, srv, "console")
	<-ended
	if err := <-served; err != http.ErrServerClosed { //nolint:errorlint // never wrapped
		t.Errorf("serve: %v", err)
	}
}
