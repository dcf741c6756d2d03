package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// rightForm names the form of the page in its token.
const rightForm = "right"

// openRight reads the token of a rights address, or answers why it does not
// count. Whoever holds the address holds the right (policy 5.3).
func (s *Server) openRight(ctx *fasthttp.RequestCtx) (st *site.Site, visitor uint64, ok bool) {
	token, _ := ctx.UserValue("token").(string)
	right, err := s.opts.Ring.OpenRight(token, s.opts.Now())
	if st = s.site([]byte(right.Site)); st == nil {
		s.errorPage(ctx, fasthttp.StatusNotFound, nil, pageMissing, 1)
		return nil, 0, false
	}
	return st, right.Visitor, s.mayUse(ctx, st, errors.Is(err, identity.ErrExpired))
}

// mayUse answers where a right is over, or is used too often.
func (s *Server) mayUse(ctx *fasthttp.RequestCtx, st *site.Site, over bool) bool {
	var v visit
	s.locate(ctx, &v)
	switch {
	case over:
		s.errorPage(ctx, fasthttp.StatusGone, st, pageExpired, 1)
	case !s.limits.allow(v.rateKey, 1, s.opts.Now()):
		s.errorPage(ctx, fasthttp.StatusTooManyRequests, st, pageBusy, 1)
	default:
		return true
	}
	return false
}

// getRight is GET /r/{token}: see and copy what is kept, correct and erase it,
// from any browser: a visitor's for a year, a mail recipient's for 30 minutes.
func (s *Server) getRight(ctx *fasthttp.RequestCtx) {
	if s.recipients(ctx) {
		s.getRecipientRight(ctx)
		return
	}
	st, visitor, ok := s.openRight(ctx)
	if !ok {
		return
	}
	kept, err := s.kept(st, visitor)
	if err != nil {
		s.keptAway(ctx, st, err)
		return
	}
	subject := s.bound(st, visitor)
	body := s.newKeptBody(st, subject, kept)
	s.showRight(ctx, st, &body, s.keptView(ctx, st, subject, &body, rightForm))
}

// keptAway answers that the store is away.
func (s *Server) keptAway(ctx *fasthttp.RequestCtx, st *site.Site, err error) {
	s.opts.Logger.Warn("edge: what is kept could not be looked up", "error", err)
	s.hold(ctx, st, wantsPage(ctx), fasthttp.StatusServiceUnavailable)
}

// showRight answers with the page, or with the same as a file.
func (s *Server) showRight(ctx *fasthttp.RequestCtx, st *site.Site, body *keptBody, view banner.KeptView) {
	if wantsPage(ctx) {
		s.keptPage(ctx, view)
		return
	}
	asFile(ctx, "kunji-"+st.ID+".json")
	ctx.Response.Header.Set(fasthttp.HeaderReferrerPolicy, "same-origin")
	writeJSON(ctx, fasthttp.StatusOK, body)
}

// postRight is POST /r/{token}: the page's form. In the visitor's own browser
// it withdraws as well.
func (s *Server) postRight(ctx *fasthttp.RequestCtx) {
	if s.recipients(ctx) {
		s.postRecipientRight(ctx)
		return
	}
	st, visitor, ok := s.openRight(ctx)
	if !ok || !s.ownForm(ctx, st, rightForm, s.bound(st, visitor), 1) {
		return
	}
	if string(ctx.PostArgs().Peek("action")) != "erase" {
		s.errorPage(ctx, fasthttp.StatusBadRequest, st, pageMissing, 1)
		return
	}
	now := s.opts.Now()
	v := visit{site: st}
	s.locate(ctx, &v)
	s.judgeBy(ctx, &v, now)
	var err error
	if s.visitor(&v) == visitor {
		_, err = s.choose(ctx, &v, s.eraseAll(st, s.language(ctx, st), "choices"), now)
	} else {
		err = s.keep(nil, event.Record{Erasure: s.tombstone(st.ID, visitor, now)})
	}
	if err != nil {
		s.opts.Logger.Warn("edge: an erasure was not kept", "error", err)
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, st, pageBusy, 1)
		return
	}
	var query fasthttp.Args
	s.backErased(ctx, st, &query, "")
}
