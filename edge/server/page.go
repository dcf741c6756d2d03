package server

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// pageSecurity is the Content-Security-Policy of our own pages: our style
// sheet, forms to ourselves, and nothing else; no script, no frame around it.
const pageSecurity = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// page answers with a page for people. It works without script, and its
// address stays with us: some hold a right over a visitor.
func (s *Server) page(ctx *fasthttp.RequestCtx, status int, render func(io.Writer) error) {
	var b bytes.Buffer
	if err := render(&b); err != nil {
		s.opts.Logger.Error("edge: a page was not rendered", "error", err)
		problem(ctx, fasthttp.StatusInternalServerError, "internal", "The page could not be made. Try again.")
		return
	}
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, pageSecurity)
	h.Set(fasthttp.HeaderReferrerPolicy, "same-origin")
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderVary, "Accept, Accept-Language, Cookie, Sec-GPC")
	noStore(ctx)
	ctx.SetStatusCode(status)
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(b.Bytes())
}

// publicPage answers with a page that is the same for everybody.
func (s *Server) publicPage(ctx *fasthttp.RequestCtx, render func(io.Writer) error) {
	s.page(ctx, fasthttp.StatusOK, render)
	if ctx.Response.StatusCode() == fasthttp.StatusOK {
		ctx.Response.Header.Set(fasthttp.HeaderVary, fasthttp.HeaderAcceptLanguage)
		ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
	}
}

// Reasons that an error's page gives, by their keys in the banner's wording.
const (
	pageBusy    = "error_busy"
	pageExpired = "error_expired"
	pageMissing = "error_missing"
	pageOrigin  = "error_origin"
)

// errorPage says to a person that something did not work, and why. depth is
// how many folders the page's address has below the edge's prefix.
func (s *Server) errorPage(ctx *fasthttp.RequestCtx, status int, st *site.Site, why string, depth int) {
	lang := "en"
	if st != nil {
		lang = s.language(ctx, st)
	}
	text := s.opts.Banner.Texts(lang)
	s.page(ctx, status, func(w io.Writer) error {
		return s.opts.Banner.RenderMessage(w, banner.MessageView{
			Site: st, Lang: lang, Title: text["error_title"], Paragraphs: []string{text[why]}, Depth: depth,
		})
	})
	if status == fasthttp.StatusServiceUnavailable || status == fasthttp.StatusTooManyRequests {
		retryLater(ctx)
	}
}

// pageSite finds the site that a page's path names, or answers with a page.
func (s *Server) pageSite(ctx *fasthttp.RequestCtx, depth int) *site.Site {
	id, _ := ctx.UserValue("site").(string)
	st := s.site([]byte(id))
	if st == nil {
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, depth)
	}
	return st
}

// language picks the page's language: the form's or query's own, else the
// browser's.
func (s *Server) language(ctx *fasthttp.RequestCtx, st *site.Site) string {
	explicit := ctx.QueryArgs().Peek("lang")
	if len(explicit) == 0 {
		explicit = ctx.PostArgs().Peek("lang")
	}
	return s.opts.Banner.Language(string(explicit), string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptLanguage)), st)
}

// ownForm reports whether a page of the edge itself sent this form, and no
// longer ago than its token lives; else it answers why not. form and bound are
// what identity.FormToken made the token of. Browsers that send Sec-Fetch-Site
// tell our own origin from the site's other hosts.
func (s *Server) ownForm(ctx *fasthttp.RequestCtx, st *site.Site, form string, bound [16]byte, depth int) bool {
	from := string(ctx.Request.Header.Peek("Sec-Fetch-Site"))
	if !trustedOrigin(ctx, st) || from != "" && from != "same-origin" && from != "none" {
		s.errorPage(ctx, fasthttp.StatusForbidden, st, pageOrigin, depth)
		return false
	}
	token := string(ctx.PostArgs().Peek("csrf"))
	if err := s.opts.Ring.CheckForm(token, form, st.ID, bound, s.opts.Now()); err != nil {
		// Whoever forges one learns as much as whoever was slow.
		s.errorPage(ctx, fasthttp.StatusForbidden, st, pageExpired, depth)
		return false
	}
	return true
}

// back answers a form with its own page, by GET (RFC 9110 §15.4.4). The
// reference is relative, since a proxy may stand in front of any path.
func back(ctx *fasthttp.RequestCtx, query *fasthttp.Args) {
	noStore(ctx)
	ctx.Response.Header.Set(fasthttp.HeaderReferrerPolicy, "same-origin")
	ctx.Response.Header.Set(fasthttp.HeaderLocation, "?"+query.String())
	ctx.SetStatusCode(fasthttp.StatusSeeOther)
}

// given returns the rights address that the last post gave out: its token
// stands in the query of the page that the post led to.
func (s *Server) given(ctx *fasthttp.RequestCtx, st *site.Site) string {
	token := string(ctx.QueryArgs().Peek("right"))
	if right, err := s.opts.Ring.OpenRight(token, s.opts.Now()); err != nil || right.Site != st.ID {
		return ""
	}
	return s.rightsAddress(ctx, st, token)
}

// right makes the token of a rights address for a visitor whose cookie goes
// (contract: one year, this visitor only).
func (s *Server) right(st *site.Site, visitor uint64) string {
	return s.opts.Ring.SealRight(identity.VisitorRight{
		Site: st.ID, Visitor: visitor, Expires: s.opts.Now().Add(identity.RightLifetime),
	})
}

// rightsAddress is the absolute address of a right; empty without a token.
func (s *Server) rightsAddress(ctx *fasthttp.RequestCtx, st *site.Site, token string) string {
	if token == "" {
		return ""
	}
	return s.address(ctx, st) + "/r/" + token
}
