package server

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// getConsent is GET /v1/consent: what counts for this visitor now, and a
// handle that the page may give to its own server.
func (s *Server) getConsent(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.requireSite(ctx, ctx.QueryArgs().Peek("site")); v.site == nil {
		return
	}
	s.locate(ctx, &v)
	s.judgeBy(ctx, &v, s.opts.Now())
	body := newStateBody(&v.situation)
	if visitor := s.visitor(&v); visitor != 0 && v.covered(identity.VisitorJar) {
		plain := identity.AppendVisitor(nil, v.site.ID, visitor)
		plain = append(append(plain, '~'), body.Record...)
		body.Handle = s.opts.Ring.Seal(identity.Handle, plain)
	}
	writeJSON(ctx, fasthttp.StatusOK, body)
}

// postConsent is POST /v1/consent: a visitor decides. The decision is on disk
// before the answer sets a cookie.
func (s *Server) postConsent(ctx *fasthttp.RequestCtx) {
	var body choiceBody
	if err := strictJSON(ctx.PostBody(), &body); err != nil {
		problem(ctx, fasthttp.StatusBadRequest, "invalid", `The body must be {"site":"…","method":"accept_all","surface":"banner",…}: `+err.Error())
		return
	}
	var v visit
	if v.site = s.requireSite(ctx, []byte(body.Site)); v.site == nil || !requireOrigin(ctx, v.site) {
		return
	}
	if err := body.check(v.site); err != nil {
		problem(ctx, fasthttp.StatusBadRequest, "invalid", err.Error())
		return
	}
	now := s.opts.Now()
	s.locate(ctx, &v)
	if !s.limits.allow(v.rateKey, 1, now) {
		slow(ctx)
		return
	}
	s.judgeBy(ctx, &v, now)
	s.answerChoice(ctx, &v, &body, fasthttp.StatusOK, now)
}

// answerChoice keeps a decision and answers with what counts now.
func (s *Server) answerChoice(ctx *fasthttp.RequestCtx, v *visit, body *choiceBody, status int, now time.Time) {
	right, err := s.choose(ctx, v, body, now)
	if err != nil {
		s.opts.Logger.Warn("edge: a decision was not kept", "error", err)
		overloaded(ctx)
		return
	}
	state := newStateBody(&v.situation)
	state.RightsURL = s.rightsAddress(ctx, v.site, right)
	writeJSON(ctx, status, state)
}

// choose keeps a decision and, once it is on disk, lets it count: v's
// situation becomes the one after it, and the answer's cookies say so. It
// returns a right over what was kept, where the visitor's cookie goes. A
// tombstone that comes with a withdrawal goes to disk with it, or neither does.
func (s *Server) choose(ctx *fasthttp.RequestCtx, v *visit, body *choiceBody, now time.Time) (right string, err error) {
	before := v.situation
	after := before
	after.Problem = event.None
	after.Record = body.decide(&before, now)
	had, visitor := s.visitor(v), s.visitorAfter(v, &before, &after)
	entry, wording := s.ledgerEntry(v, body, &before, &after, visitor, now)
	records := []event.Record{{Consent: &entry}}
	if s.wordings.isNew(wording) {
		records = append(records, event.Record{Wording: wording})
	}
	if body.Erase && had != 0 {
		records = append(records, event.Record{Erasure: s.tombstone(v.site.ID, had, now)})
	}
	void, err := s.void(&entry)
	if err != nil {
		return "", err
	}
	if err := s.keep(void.marks, records...); err != nil {
		return "", err
	}
	s.wordings.keep(wording)
	void.apply()
	s.notice(v, v.site, methods[body.Method], entry.NoticeLanguage, entry.NoticeVersion)
	v.situation = after
	right = s.setChoice(ctx, v, visitor)
	if had != 0 && visitor != 0 && visitor != had {
		right = s.right(v.site, had) // the old id is overwritten by a new one
	}
	return right, nil
}

// lateHits is how long hits sent before a wider decision may still be on
// their way with the record that it follows.
const lateHits = time.Minute

// voided is a record that must not count any more, once apply was called.
type voided struct {
	marks []withdrawal.Mark // to be kept with the decision
	apply func()
}

// void says that the record before a decision is void. One that granted more
// is void at once. One that was only followed by another is void when hits
// under way have arrived: else a copy of it would outlive the withdrawal of
// its follower.
func (s *Server) void(entry *event.Consent) (voided, error) {
	if entry.Previous == ([16]byte{}) {
		return voided{apply: func() {}}, nil
	}
	back := s.opts.Withdrawn.Act(withdrawal.Entry{Site: entry.Site, Record: entry.Previous})
	marks, err := s.opts.Withdrawn.Marks(back)
	if err != nil {
		return voided{}, err //nolint:wrapcheck // it says what and where already
	}
	apply := func() { s.opts.Withdrawn.Apply(back) }
	if entry.Withdraws {
		return voided{marks, apply}, nil
	}
	return voided{marks, func() { time.AfterFunc(lateHits, apply) }}, nil
}

// keep puts records and marks on disk, all or none, and returns when they are
// there.
func (s *Server) keep(marks []withdrawal.Mark, records ...event.Record) error {
	payloads := make([][]byte, len(records))
	for i, r := range records {
		var err error
		if payloads[i], err = event.Append(nil, r); err != nil {
			return err //nolint:wrapcheck // it says what and where already
		}
	}
	return s.opts.Spool.AppendMarked(marks, payloads...) //nolint:wrapcheck // the spool's errors say what and where
}

// visitorAfter returns the visitor's id under the new decision: the one they
// had where it was covered before too, a new one where it is covered only
// now, none where it is not.
func (s *Server) visitorAfter(v *visit, before, after *consent.Situation) uint64 {
	covered := func(sit *consent.Situation) bool {
		return consent.May(site.Analytics, sit) == event.None || consent.May(site.Marketing, sit) == event.None
	}
	if !covered(after) {
		return 0
	}
	if had := s.visitor(v); had != 0 && covered(before) {
		return had
	}
	return identity.NewVisitor()
}

// ledgerEntry is the proof of a decision. One that grants nothing names
// nobody and no minute. The second result is the wording that it refers to.
func (s *Server) ledgerEntry(v *visit, body *choiceBody, before, after *consent.Situation, visitor uint64, now time.Time) (event.Consent, *event.Wording) {
	language := s.opts.Banner.Language(body.Notice.Language, "", v.site)
	wording := s.wording(v.site, language, body.Notice.Version)
	r := &after.Record
	e := event.Consent{
		ID: r.ID, Subject: visitor, Site: v.site.ID, Time: now.UTC().Truncate(time.Millisecond),
		Method: body.Method, Surface: body.Surface,
		NoticeVersion: wording.Version, NoticeHash: wording.Hash, NoticeLanguage: language,
		PolicyVersion: r.Policy, Regime: after.Regime.String(),
		Country: v.place.Country, Region: v.place.Region,
		Signal: r.Signal, Age: r.Age.String(), Guardian: r.Guardian,
		KeepUntil: v.site.LocalDay(now) + int32(v.site.RetainConsents/(24*time.Hour)),
	}
	if visitor != 0 {
		e.Salt = identity.NewID()
	}
	e.Purposes, e.Services = r.Ledger()
	if before.Problem == event.None && before.Record.ID != ([16]byte{}) {
		e.Previous = before.Record.ID
		e.Withdraws = r.Narrows(&before.Record)
	}
	if !r.Grants() {
		// Nothing that differs between two refusers of one place and hour.
		e.Time = now.UTC().Truncate(time.Hour)
		e.Services, e.Age, e.Guardian = nil, "", false
	}
	return e, wording
}

// setChoice sets the cookies that follow from a decision, and deletes those
// that it does not cover any more; what it returns is clearUncovered's.
func (s *Server) setChoice(ctx *fasthttp.RequestCtx, v *visit, visitor uint64) (right string) {
	scope := s.scope(ctx, v.site)
	s.addConsent(ctx, v.site, &v.situation.Record, scope)
	if visitor != 0 {
		life := int(v.site.ConsentLifetime / time.Second)
		payload := identity.AppendVisitor(nil, v.site.ID, visitor)
		addCookie(ctx, s.opts.Ring.AppendCookie(nil, identity.VisitorJar, v.site.ID, payload, life, scope))
	}
	return s.clearUncovered(ctx, v)
}
