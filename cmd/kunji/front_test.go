package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"html/template"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// front answers for www.shop.test, t.shop.test and foreign.test by TLS, as a
// site's own web server and a proxy in front of the edge would: t.shop.test and
// the path /kj of www.shop.test are the edge, everything else is a page.
type front struct {
	port string
	key  string // hash of the test authority's public key, as Chromium takes it
}

// frontPage is a page of any host, with the tag that its query names.
var frontPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">` +
	`<title>A page</title><link rel="icon" href="data:,"><h1>A page</h1>{{with .}}<script src="{{.}}" async></script>{{end}}</html>`))

func startFront(t testing.TB, edge string) front {
	t.Helper()
	authority, leaf := certify(t, "www.shop.test", "t.shop.test", "foreign.test")
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: edge})
			r.Out.Host = r.In.Host // the edge knows its endpoints by name
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		if host == "t.shop.test" || (host == "www.shop.test" && strings.HasPrefix(r.URL.Path, "/kj/")) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := frontPage.Execute(w, r.FormValue("tag")); err != nil {
			t.Error(err)
		}
	})
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(authority.RawSubjectPublicKeyInfo)
	return front{port: port, key: base64.StdEncoding.EncodeToString(sum[:])}
}

// certify makes a test authority and a certificate of its for the names.
func certify(t testing.TB, names ...string) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
		}
	}
	sign := func(cert, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	root := template(1, "Test authority")
	root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
	authority, err := x509.ParseCertificate(sign(root, root, keys[0], keys[0]))
	if err != nil {
		t.Fatal(err)
	}
	leaf := template(2, names[0])
	leaf.DNSNames, leaf.KeyUsage, leaf.ExtKeyUsage = names, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return authority, tls.Certificate{Certificate: [][]byte{sign(leaf, authority, keys[1], keys[0]), authority.Raw}, PrivateKey: keys[1]}
}
