package server

import (
	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/site"
)

// cross lets pages of a known site read the answer of another origin: it
// echoes the Origin that a site trusts, never "*", since cookies come along
// (Fetch standard, CORS protocol and credentials).
func (s *Server) cross(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Response.Header
		h.Add(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
		next(ctx)
		origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
		host, present := originHost(origin)
		if !present || !s.readable(ctx, host) {
			return
		}
		h.SetBytesV(fasthttp.HeaderAccessControlAllowOrigin, origin)
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, "Kunji-Result, Retry-After")
	}
}

// about is the key under which a handler says which site its answer is about.
const about = "site"

// readable reports whether a page on host may read the answer: only pages of
// the site that it is about. An answer about no site is an error's.
func (s *Server) readable(ctx *fasthttp.RequestCtx, host string) bool {
	if st, ok := ctx.UserValue(about).(*site.Site); ok {
		return st.Trusts(host)
	}
	for _, st := range s.book.Load().sites {
		if st.Trusts(host) {
			return true
		}
	}
	return false
}

// preflight answers a browser that asks before it sends.
func preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, POST, PUT, DELETE")
	h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Content-Type")
	h.Set(fasthttp.HeaderAccessControlMaxAge, "7200")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// requireSite finds the site named by a query's "site", or answers why not.
func (s *Server) requireSite(ctx *fasthttp.RequestCtx, id []byte) *site.Site {
	st := s.site(id)
	if st != nil {
		ctx.SetUserValue(about, st)
	} else {
		problem(ctx, fasthttp.StatusNotFound, "unknown_site", "There is no site with this id: use the id of the site's entry in kunji.yaml.")
	}
	return st
}

// requireOrigin refuses what does not come from a page of the site.
func requireOrigin(ctx *fasthttp.RequestCtx, st *site.Site) bool {
	if trustedOrigin(ctx, st) {
		return true
	}
	problem(ctx, fasthttp.StatusForbidden, "wrong_origin", "The request must come from a page of the site: its Origin is not one of the site's domains or endpoints.")
	return false
}
