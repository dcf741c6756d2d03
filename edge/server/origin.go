package server

import (
	"bytes"
	"net"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/publicsuffix"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// originHost returns the host of an Origin or Referer in lower case, without
// port. "null" counts as absent: Firefox sends it with beacons under
// Referrer-Policy: no-referrer.
func originHost(header []byte) (host string, present bool) {
	if len(header) == 0 || string(header) == "null" {
		return "", false
	}
	_, rest, ok := bytes.Cut(header, []byte("://"))
	if !ok {
		return "", true
	}
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return hostOnly(strings.ToLower(string(rest))), true
}

// hostOnly cuts the port and the brackets of an IPv6 address.
func hostOnly(hostport string) string {
	if strings.HasPrefix(hostport, "[") {
		host, _, _ := strings.Cut(hostport[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(hostport, ":")
	return host
}

// trustedOrigin reports whether a page of the site, or one of its endpoints,
// sent the request: Origin must be there and say so.
func trustedOrigin(ctx *fasthttp.RequestCtx, st *site.Site) bool {
	host, present := originHost(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
	return present && st.Trusts(host)
}

// foreign reports whether Origin, else Referer, names a page that is not the
// site's. Absent is not foreign: images and beacons may come without.
func foreign(ctx *fasthttp.RequestCtx, st *site.Site) bool {
	h := &ctx.Request.Header
	host, present := originHost(h.Peek(fasthttp.HeaderOrigin))
	if !present {
		host, present = originHost(h.Peek(fasthttp.HeaderReferer))
	}
	return present && !st.Trusts(host)
}

// proxied reports whether the peer is a proxy whose forwarding headers count.
func (s *Server) proxied(ctx *fasthttp.RequestCtx) bool {
	if len(s.opts.Trusted) == 0 {
		return false
	}
	addr := peer(ctx)
	for _, p := range s.opts.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// front says which host (with port) the visitor's browser asked, and whether
// by https.
func (s *Server) front(ctx *fasthttp.RequestCtx) (host string, secure bool) {
	host, secure = string(ctx.Request.Header.Host()), ctx.IsTLS()
	if s.proxied(ctx) {
		if h := ctx.Request.Header.Peek(fasthttp.HeaderXForwardedHost); len(h) > 0 {
			host = string(h)
		}
		secure = secure || string(ctx.Request.Header.Peek(fasthttp.HeaderXForwardedProto)) == "https"
	}
	return strings.ToLower(host), secure
}

// endpoint finds the endpoint of the site that a request to host came
// through; nil where it is none of them.
func endpoint(st *site.Site, host string) *url.URL {
	for _, e := range st.Endpoints {
		if e.Host == host {
			return e
		}
	}
	return nil
}

// scope says where this answer's cookies are set: by the endpoint of the site
// that the request came through, else by the request's own host.
func (s *Server) scope(ctx *fasthttp.RequestCtx, st *site.Site) identity.Scope {
	host, secure := s.front(ctx)
	sc := identity.Scope{Path: "/", Secure: secure, Domain: registrable(hostOnly(host), st)}
	if e := endpoint(st, host); e != nil {
		sc.Secure = e.Scheme == "https"
		if p := strings.TrimRight(e.Path, "/"); p != "" {
			sc.Path = p
		}
	}
	return sc
}

// address is where the site's visitors reach the edge, without a slash behind
// it: the endpoint that the request came through, else the site's first. A
// host that no endpoint names is not repeated: whoever sends it may have made
// it up.
func (s *Server) address(ctx *fasthttp.RequestCtx, st *site.Site) string {
	host, secure := s.front(ctx)
	e := endpoint(st, host)
	switch {
	case e == nil && len(st.Endpoints) > 0:
		e = st.Endpoints[0]
	case e == nil && secure:
		e = &url.URL{Scheme: "https", Host: host}
	case e == nil:
		e = &url.URL{Scheme: "http", Host: host}
	}
	return strings.TrimRight(e.String(), "/")
}

// registrable returns the domain that kj_consent is set on: the host's
// registrable domain (publicsuffix.org) where the site has a page there, else
// nothing, which makes the cookie host-only. Addresses and single names have
// none.
func registrable(host string, st *site.Site) string {
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	for _, d := range st.Domains {
		if own, err := publicsuffix.EffectiveTLDPlusOne(d); err == nil && own == domain {
			return domain
		}
	}
	return ""
}
