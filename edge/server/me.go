package server

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// meForm names the form of the page in its token.
const meForm = "me"

// wantsPage reports whether a person's browser asks, and no program.
func wantsPage(ctx *fasthttp.RequestCtx) bool {
	return string(ctx.QueryArgs().Peek("format")) != "json" &&
		bytes.Contains(ctx.Request.Header.Peek(fasthttp.HeaderAccept), []byte("text/html"))
}

// getMe is GET /v1/me: everything that is kept about this visitor, as JSON or
// as a page (policy 5.1). Whoever holds the cookie is the visitor.
func (s *Server) getMe(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.requireSite(ctx, ctx.QueryArgs().Peek("site")); v.site == nil {
		return
	}
	ctx.Response.Header.Add(fasthttp.HeaderVary, "Accept")
	s.locate(ctx, &v)
	now := s.opts.Now()
	person := wantsPage(ctx)
	if !s.limits.allow(v.rateKey, 1, now) {
		s.hold(ctx, v.site, person, fasthttp.StatusTooManyRequests)
		return
	}
	s.judgeBy(ctx, &v, now)
	visitor := s.visitor(&v)
	var kept []banner.KeptTable
	if visitor != 0 {
		var err error
		if kept, err = s.kept(v.site, visitor); err != nil {
			s.opts.Logger.Warn("edge: what is kept could not be looked up", "error", err)
			s.hold(ctx, v.site, person, fasthttp.StatusServiceUnavailable)
			return
		}
	}
	subject := s.bound(v.site, visitor)
	body := s.newKeptBody(v.site, subject, kept)
	body.Cookies = s.cookieTables(&v)
	if person {
		s.keptPage(ctx, s.keptView(ctx, v.site, subject, &body, meForm))
		return
	}
	if string(ctx.QueryArgs().Peek("format")) == "json" {
		asFile(ctx, "kunji-"+v.site.ID+".json")
	}
	writeJSON(ctx, fasthttp.StatusOK, body)
}

// hold answers that this cannot be done now: 429, or 503 with the store away.
func (s *Server) hold(ctx *fasthttp.RequestCtx, st *site.Site, person bool, status int) {
	switch {
	case person:
		s.errorPage(ctx, status, st, pageBusy, 1)
	case status == fasthttp.StatusTooManyRequests:
		slow(ctx)
	default:
		retryLater(ctx)
		problem(ctx, status, "store_away", "What is kept cannot be looked up now. Try again later; DELETE works meanwhile.")
	}
}

// keptView is the page of what is kept, with a form that erases it.
func (s *Server) keptView(ctx *fasthttp.RequestCtx, st *site.Site, subject [16]byte, body *keptBody, form string) banner.KeptView {
	view := banner.KeptView{
		Site: st, Lang: s.language(ctx, st), Tables: append(body.Cookies, body.Kept...), Depth: 1,
		Erased: string(ctx.QueryArgs().Peek("done")) == "erased", RightsURL: s.given(ctx, st), Incidents: st.Told(s.opts.Now()),
	}
	query := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(query)
	if form == meForm {
		query.Set("site", st.ID)
		view.Erase = "?" + query.String()
	}
	query.Set("format", "json")
	view.Download = "?" + query.String()
	view.CSRF = s.opts.Ring.FormToken(form, st.ID, subject, s.opts.Now())
	return view
}

func (s *Server) keptPage(ctx *fasthttp.RequestCtx, view banner.KeptView) {
	s.page(ctx, fasthttp.StatusOK, func(w io.Writer) error { return s.opts.Banner.RenderKept(w, view) })
}

// bound ties a form to the visitor whom its page was made for.
func (s *Server) bound(st *site.Site, visitor uint64) (hash [16]byte) {
	if visitor != 0 {
		hash = s.opts.Ring.SubjectHash(st.ID, visitor)
	}
	return hash
}

// eraseAll is the choice that an erasure makes: nothing more is allowed, and
// what is kept goes.
func (s *Server) eraseAll(st *site.Site, lang, surface string) *choiceBody {
	b := &choiceBody{Site: st.ID, Method: "withdraw", Surface: surface, Erase: true}
	b.Notice.Language = lang
	return b
}

// deleteMe is DELETE /v1/me: withdraw, and erase what is kept. It does not
// need the store: the tombstone on disk is carried out when the store is back.
func (s *Server) deleteMe(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.requireSite(ctx, ctx.QueryArgs().Peek("site")); v.site == nil || !requireOrigin(ctx, v.site) {
		return
	}
	s.locate(ctx, &v)
	now := s.opts.Now()
	if !s.limits.allow(v.rateKey, 1, now) {
		slow(ctx)
		return
	}
	s.judgeBy(ctx, &v, now)
	if s.visitor(&v) == 0 {
		problem(ctx, fasthttp.StatusNotFound, "not_found", "Nothing is kept about this browser: it sent no identifier.")
		return
	}
	s.answerChoice(ctx, &v, s.eraseAll(v.site, s.language(ctx, v.site), "api"), fasthttp.StatusAccepted, now)
}

// postMe is POST /v1/me: the page's form, which does the same.
func (s *Server) postMe(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.site(ctx.QueryArgs().Peek("site")); v.site == nil {
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, 1)
		return
	}
	s.locate(ctx, &v)
	now := s.opts.Now()
	if !s.limits.allow(v.rateKey, 1, now) {
		s.errorPage(ctx, fasthttp.StatusTooManyRequests, v.site, pageBusy, 1)
		return
	}
	s.judgeBy(ctx, &v, now)
	visitor := s.visitor(&v)
	if !s.ownForm(ctx, v.site, meForm, s.bound(v.site, visitor), 1) {
		return
	}
	if string(ctx.PostArgs().Peek("action")) != "erase" {
		s.errorPage(ctx, fasthttp.StatusBadRequest, v.site, pageMissing, 1)
		return
	}
	right, err := s.choose(ctx, &v, s.eraseAll(v.site, s.language(ctx, v.site), "choices"), now)
	if err != nil {
		s.opts.Logger.Warn("edge: an erasure was not kept", "error", err)
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, v.site, pageBusy, 1)
		return
	}
	var query fasthttp.Args
	query.Set("site", v.site.ID)
	s.backErased(ctx, v.site, &query, right)
}

// backErased leads back to the page that an erasure was asked on.
func (s *Server) backErased(ctx *fasthttp.RequestCtx, st *site.Site, query *fasthttp.Args, right string) {
	query.Set("done", "erased")
	query.Set("lang", s.language(ctx, st))
	if right != "" {
		query.Set("right", right)
	}
	back(ctx, query)
}

// items are what the visitor's kj_store holds; none where it must not be
// believed.
func (s *Server) items(v *visit) identity.Items {
	payload, err := v.jar.Open(s.opts.Ring, identity.StoreJar)
	if err != nil || payload == nil {
		return nil
	}
	items, err := identity.ParseItems(payload, v.site.ID)
	if err != nil {
		return nil
	}
	return items
}
