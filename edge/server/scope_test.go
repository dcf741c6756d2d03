package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/site"
)

func TestWhereCookiesLand(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, host, proto string
		domain, path                string
		secure                      bool
	}{
		{"a host of the site", "https://t.shop.example", "t.shop.example", "https", "shop.example", "/", true},
		{"a path of the page's own host", "https://www.shop.example/kj", "www.shop.example", "https", "shop.example", "/kj", true},
		{"localhost", "http://localhost:8080", "localhost:8080", "http", "", "/", false},
		{"an address", "http://127.0.0.1:8080", "127.0.0.1:8080", "http", "", "/", false},
		{"a host of somebody else", "https://edge.kunji.example.net", "edge.kunji.example.net", "https", "", "/", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := url.Parse(c.endpoint)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, []*site.Site{testSite(func(s *site.Site) {
				s.Endpoints, s.Domains = []*url.URL{u}, []string{"shop.example", "localhost", "127.0.0.1"}
			})})
			b := w.browser()
			b.header.Set("X-Forwarded-Host", c.host)
			b.header.Set("X-Forwarded-Proto", c.proto)
			a := b.do("POST", u.Path+"/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`)
			if a.status != 200 || len(a.set) != 2 {
				t.Fatalf("%d, %d cookies: %s", a.status, len(a.set), a.body)
			}
			for _, k := range a.set {
				wantPath, wantDomain := c.path, ""
				if k.Name == "kj_consent_shop" {
					wantPath, wantDomain = "/", c.domain
				}
				if k.Path != wantPath || strings.TrimPrefix(k.Domain, ".") != wantDomain || k.Secure != c.secure ||
					k.HttpOnly == (k.Name == "kj_consent_shop") || k.SameSite != http.SameSiteLaxMode || k.MaxAge != 180*86400 {
					t.Errorf("%s: path %q domain %q secure %v http-only %v max-age %d", k.Name, k.Path, k.Domain, k.Secure, k.HttpOnly, k.MaxAge)
				}
			}
		})
	}
}

func TestForwardingHeadersOfStrangersDoNotCount(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()}, func(o *Options) { o.Trusted = nil })
	b := w.browser() // X-Forwarded-Host: t.shop.example
	b.header.Set("X-Forwarded-Proto", "https")
	for _, k := range b.choose("accept_all").set {
		if k.Domain != "" || k.Secure {
			t.Errorf("%s: domain %q, secure %v by a stranger's header", k.Name, k.Domain, k.Secure)
		}
	}
}
