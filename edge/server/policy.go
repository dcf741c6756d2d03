package server

import (
	"io"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/site"
)

// policy is GET /policy/{site}: the version in force.
func (s *Server) policy(ctx *fasthttp.RequestCtx) {
	if st := s.pageSite(ctx, 1); st != nil {
		s.policyPage(ctx, st, 0)
	}
}

// policyVersion is GET /policy/{site}/{version}: every version that ever held
// stays readable (policy 9.4).
func (s *Server) policyVersion(ctx *fasthttp.RequestCtx) {
	st := s.pageSite(ctx, 2)
	if st == nil {
		return
	}
	text, _ := ctx.UserValue("version").(string)
	n, err := strconv.Atoi(text)
	if _, ok := st.Policy.Version(n); err != nil || !ok || strconv.Itoa(n) != text {
		s.errorPage(ctx, fasthttp.StatusNotFound, st, pageMissing, 2)
		return
	}
	s.policyPage(ctx, st, n)
}

func (s *Server) policyPage(ctx *fasthttp.RequestCtx, st *site.Site, version int) {
	view := banner.PolicyView{Site: st, Lang: s.language(ctx, st), Number: version, Incidents: st.Told(s.opts.Now())}
	s.publicPage(ctx, func(w io.Writer) error {
		_, err := s.opts.Banner.RenderPolicy(w, view)
		return err //nolint:wrapcheck // it names site and version
	})
}

// policyArchive is GET /policy/{site}/archive: all versions, newest first.
func (s *Server) policyArchive(ctx *fasthttp.RequestCtx) {
	if st := s.pageSite(ctx, 2); st != nil {
		lang := s.language(ctx, st)
		s.publicPage(ctx, func(w io.Writer) error { return s.opts.Banner.RenderArchive(w, st, lang) })
	}
}

// cookies is GET /cookies/{site}: what each cookie holds, and how browsers
// show, block and delete them (policy 6.1 to 6.3).
func (s *Server) cookies(ctx *fasthttp.RequestCtx) {
	if st := s.pageSite(ctx, 1); st != nil {
		lang := s.language(ctx, st)
		s.publicPage(ctx, func(w io.Writer) error { return s.opts.Banner.RenderCookies(w, st, lang) })
	}
}
