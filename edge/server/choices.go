package server

import (
	"io"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/site"
)

// choicesForm names the form of the page in its token. The page is not bound
// to a visitor: most who open it have no identifier, and none is made for it.
const choicesForm = "choices"

var nobody [16]byte

// outcomes are what a post may say on the page that it leads back to, by the
// query's "done".
var outcomes = map[string]banner.Message{
	"saved": banner.Saved, "withdrawn": banner.Withdrawn, "erased": banner.Erased, "age": banner.AgeMissing,
}

// getChoices is GET /choices/{site}: what was decided, and a form to change
// it that works without script (policy 6.3).
func (s *Server) getChoices(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.pageSite(ctx, 1); v.site == nil {
		return
	}
	now := s.opts.Now()
	s.locate(ctx, &v)
	s.judgeBy(ctx, &v, now)
	lang := s.language(ctx, v.site)
	state := newStateBody(&v.situation)
	r := &v.situation.Record
	view := banner.ChoicesView{
		Site: v.site, Lang: lang, Regime: v.situation.Regime, GPC: v.situation.GPC,
		Decisions: state.Decisions, Services: shownServices(&v.situation, &state),
		Age: r.Age.String(), Guardian: r.Guardian,
		CSRF:    s.opts.Ring.FormToken(choicesForm, v.site.ID, nobody, now),
		Message: outcomes[string(ctx.QueryArgs().Peek("done"))], RightsURL: s.given(ctx, v.site),
		Incidents: v.site.Told(now),
	}
	s.page(ctx, fasthttp.StatusOK, func(w io.Writer) error { return s.opts.Banner.RenderChoices(w, view) })
}

// shownServices leaves a service without an answer where only its purpose has
// one: whoever then says yes to the purpose has not said no to the service.
func shownServices(sit *consent.Situation, state *stateBody) map[string]string {
	shown := make(map[string]string, len(sit.Site.Services))
	for _, sv := range sit.Site.Services {
		switch {
		case state.Decisions[sv.Purpose.String()] == consent.Granted.String():
			shown[sv.ID] = state.Services[sv.ID]
		case !sit.Record.ServiceGranted(sv.ID):
			shown[sv.ID] = consent.Denied.String()
		}
	}
	return shown
}

// postChoices is POST /choices/{site}: the page's form. It decides as POST
// /v1/consent does, and leads back to the page.
func (s *Server) postChoices(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.pageSite(ctx, 1); v.site == nil || !s.ownForm(ctx, v.site, choicesForm, nobody, 1) {
		return
	}
	now := s.opts.Now()
	s.locate(ctx, &v)
	if !s.limits.allow(v.rateKey, 1, now) {
		s.errorPage(ctx, fasthttp.StatusTooManyRequests, v.site, pageBusy, 1)
		return
	}
	body := readChoices(ctx.PostArgs(), v.site)
	if body.Notice.Language == "" {
		body.Notice.Language = s.language(ctx, v.site)
	}
	if body.check(v.site) != nil {
		s.errorPage(ctx, fasthttp.StatusBadRequest, v.site, pageMissing, 1)
		return
	}
	s.judgeBy(ctx, &v, now)
	var query fasthttp.Args
	query.Set("lang", s.language(ctx, v.site))
	if body.lacksAge(&v.situation) {
		query.Set("done", "age")
		back(ctx, &query)
		return
	}
	right, err := s.choose(ctx, &v, body, now)
	if err != nil {
		s.opts.Logger.Warn("edge: a decision was not kept", "error", err)
		s.errorPage(ctx, fasthttp.StatusServiceUnavailable, v.site, pageBusy, 1)
		return
	}
	query.Set("done", body.outcome())
	if right != "" {
		query.Set("right", right)
	}
	back(ctx, &query)
}

// readChoices reads the form that banner.ChoicesView describes. Only what the
// site asks for is looked at.
func readChoices(form *fasthttp.Args, st *site.Site) *choiceBody {
	text := func(name string) string { return string(form.Peek(name)) }
	guardian := text("guardian") == "1" // a box that is not ticked says no
	b := &choiceBody{
		Site: st.ID, Method: text("method"), Surface: "choices",
		Age: text("age"), Guardian: &guardian, Erase: text("erase") == "1",
	}
	b.Notice.Version, b.Notice.Language = text("notice"), text("lang")
	if b.Method != "save" {
		return b
	}
	b.Decisions, b.Services = make(map[string]bool), make(map[string]bool)
	for _, use := range st.Purposes {
		if answer := text("purpose." + use.ID.String()); answer == "yes" || answer == "no" {
			b.Decisions[use.ID.String()] = answer == "yes"
		}
	}
	for _, sv := range st.Services {
		if answer := text("service." + sv.ID); answer == "yes" || answer == "no" {
			b.Services[sv.ID] = answer == "yes"
		}
	}
	return b
}

// lacksAge reports whether a yes would not count for want of an answer about
// age, or of a guardian's yes (policy 8): better to ask than to save another
// choice than was made.
func (b *choiceBody) lacksAge(s *consent.Situation) bool {
	r := &s.Record
	switch {
	case !s.Site.Minors.Ask, b.Age == "adult", b.Age == "minor" && *b.Guardian,
		b.Age == "" && (r.Age == consent.Adult || r.Guardian && *b.Guardian):
		return false
	}
	for _, yes := range b.Decisions {
		if yes {
			return true
		}
	}
	return b.Method == "accept_all"
}

// outcome names what the page says after the choice was kept.
func (b *choiceBody) outcome() string {
	switch {
	case b.Erase:
		return "erased"
	case b.Method == "withdraw":
		return "withdrawn"
	}
	return "saved"
}
