package server

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// preference opens the preference store for one key (policy 6.2): it lies in
// the visitor's own cookie, and needs their yes to preferences. It answers
// where it stays shut.
func (s *Server) preference(ctx *fasthttp.RequestCtx, v *visit) (key string, items identity.Items, ok bool) {
	if v.site = s.requireSite(ctx, ctx.QueryArgs().Peek("site")); v.site == nil || !readsOwn(ctx, v.site) {
		return "", nil, false
	}
	key, _ = ctx.UserValue("key").(string)
	if err := identity.CheckItemKey(key); err != nil {
		problem(ctx, fasthttp.StatusBadRequest, "invalid", "key: "+err.Error())
		return "", nil, false
	}
	s.locate(ctx, v)
	now := s.opts.Now()
	if !s.limits.allow(v.rateKey, 1, now) {
		slow(ctx)
		return "", nil, false
	}
	s.judgeBy(ctx, v, now)
	if why := consent.May(site.Preferences, &v.situation); why != event.None {
		refused(ctx, why)
		s.clearUncovered(ctx, v)
		problem(ctx, fasthttp.StatusForbidden, why.String(), "Nothing is stored without the visitor's yes to preferences: ask with kunji.show().")
		return "", nil, false
	}
	return key, s.items(v), true
}

// readsOwn is requireOrigin for an address that is read as well: browsers send
// no Origin with a GET to the page's own origin, but say so in Sec-Fetch-Site,
// older ones in the Referer.
func readsOwn(ctx *fasthttp.RequestCtx, st *site.Site) bool {
	h := &ctx.Request.Header
	if ctx.IsGet() && len(h.Peek(fasthttp.HeaderOrigin)) == 0 {
		from := string(h.Peek("Sec-Fetch-Site"))
		host, present := originHost(h.Referer())
		if from == "same-origin" || from == "" && present && st.Trusts(host) {
			return true
		}
	}
	return requireOrigin(ctx, st)
}

// getPreference is GET /v1/store/{key}: the item's value as text.
func (s *Server) getPreference(ctx *fasthttp.RequestCtx) {
	var v visit
	key, items, ok := s.preference(ctx, &v)
	if !ok {
		return
	}
	value, found := items.Get(key)
	if !found {
		problem(ctx, fasthttp.StatusNotFound, "not_found", "There is no item with this key.")
		return
	}
	noStore(ctx)
	ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(value)
}

// putPreference is PUT /v1/store/{key}: the body becomes the item's value.
func (s *Server) putPreference(ctx *fasthttp.RequestCtx) {
	var v visit
	key, items, ok := s.preference(ctx, &v)
	if !ok {
		return
	}
	value := string(ctx.PostBody())
	switch err := items.Set(key, value); {
	case err == nil:
		s.setItems(ctx, &v, items)
	case errors.Is(err, identity.ErrItem) && len(value) <= identity.MaxItem:
		problem(ctx, fasthttp.StatusBadRequest, "invalid", err.Error())
	default:
		problem(ctx, fasthttp.StatusRequestEntityTooLarge, "store_full", err.Error()+": shorten this one or remove others.")
	}
}

// deletePreference is DELETE /v1/store/{key}; gone is gone, however often.
func (s *Server) deletePreference(ctx *fasthttp.RequestCtx) {
	var v visit
	key, items, ok := s.preference(ctx, &v)
	if !ok {
		return
	}
	items.Remove(key)
	s.setItems(ctx, &v, items)
}

// setItems answers with the cookie that holds the items, or without one where
// there are none.
func (s *Server) setItems(ctx *fasthttp.RequestCtx, v *visit, items identity.Items) {
	noStore(ctx)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	scope := s.scope(ctx, v.site)
	if len(items) == 0 {
		if v.jar.Sent(identity.StoreJar) {
			addCookie(ctx, identity.AppendClear(nil, identity.StoreJar, v.site.ID, scope))
		}
		return
	}
	payload := identity.AppendItems(nil, v.site.ID, items)
	life := int(v.site.ConsentLifetime / time.Second)
	addCookie(ctx, s.opts.Ring.AppendCookie(nil, identity.StoreJar, v.site.ID, payload, life, scope))
}
