package server

import (
	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// shown is GET /v1/shown: a banner was seen. A counter moves; no cookie is
// read or set.
func (s *Server) shown(ctx *fasthttp.RequestCtx) {
	st := s.requireSite(ctx, ctx.QueryArgs().Peek("site"))
	if st == nil {
		return
	}
	var v visit
	s.locate(ctx, &v)
	now := s.opts.Now()
	if !s.limits.allow(v.rateKey, 1, now) {
		slow(ctx)
		return
	}
	if !foreign(ctx, st) {
		language := s.opts.Banner.Language(string(ctx.QueryArgs().Peek("lang")), string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptLanguage)), st)
		s.notice(&v, st, event.Shown, language, s.opts.Banner.Notice(st, language).Version)
	}
	noStore(ctx)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// notice counts what became of a banner.
func (s *Server) notice(v *visit, st *site.Site, o event.Outcome, language, version string) {
	s.counts.noticed(event.Notice{
		Site: st.ID, Day: st.LocalDay(s.opts.Now()), Outcome: o,
		Country: v.place.Country, Device: v.agent.Device, Language: language, Version: version,
	})
}
