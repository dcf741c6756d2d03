package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// enrich makes events of the hits that may be kept: browser and bot, source
// and session. A hit kept before is not made into an event again.
func (s *Server) enrich(ctx *fasthttp.RequestCtx, in *intake) bool {
	if in.link != nil {
		return s.enrichLink(ctx, in)
	}
	in.state = s.openSession(&in.visit, in.now)
	language := enrich.Language(string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptLanguage)))
	for i := range in.hits {
		h := &in.hits[i]
		if h.reason != event.None && !h.visits {
			continue
		}
		page := enrich.ParsePage(h.url)
		if why := misplaced(in.site, h, page.Host); why != event.None {
			if !h.visits {
				h.reason = why
			}
			continue
		}
		if !s.claim(in, h) {
			continue
		}
		n := len(in.events)
		e := s.base(in, h)
		e.Language, e.Host, e.Path = language, page.Host, page.Path
		s.attribute(in, h, e)
		if h.visits {
			in.keepVisit(n, h.id)
		}
	}
	return true
}

// misplaced says what is wrong with where a hit happened.
func misplaced(st *site.Site, h *hit, host string) event.Reason {
	switch {
	case h.url != "" && !st.Covers(host):
		return event.WrongOrigin
	case h.kind == event.PageView && h.url == "":
		return event.Invalid
	}
	return event.None
}

// keepVisit takes away again what became the nth event, of a hit that was refused,
// except the visit that stands before it where it started one. With the hit's id
// a visit is told from its repetition after a crash, too.
func (in *intake) keepVisit(n int, id [16]byte) {
	in.events = in.events[:len(in.events)-1]
	if len(in.events) > n {
		in.events[n].ID = id
	}
}

// claim makes sure that an id is kept once. A visit has an id apart from that of
// the page_view which was refused: that one may be kept later.
func (s *Server) claim(in *intake, h *hit) bool {
	if h.id == ([16]byte{}) {
		h.id = identity.NewID()
		return true
	}
	if h.visits {
		sum := sha256.Sum256(append([]byte("visit/"), h.id[:]...))
		h.id = [16]byte(sum[:16])
	}
	switch s.seen.begin(h.id, in.now) {
	case kept:
		h.duplicate = true
		return false
	case pending:
		// Its twin is on its way to disk: whether it arrives is not known yet.
		h.reason = event.Overloaded
		return false
	}
	in.claimed = append(in.claimed, h.id)
	return true
}

// base appends the event that a hit becomes and returns it, without page,
// session and source.
func (s *Server) base(in *intake, h *hit) *event.Event {
	at := in.now.Add(-h.age).UTC().Truncate(time.Millisecond)
	day := in.site.LocalDay(at)
	in.events = append(in.events, event.Event{
		Time: at, LocalDay: day, Site: in.site.ID, Kind: h.kind, ID: h.id,
		Basis: h.verdict.Basis, Attributed: h.verdict.Attributed,
		Name: enrich.Redact(h.name), Props: in.props(h),
		Value: h.value, Currency: h.currency, Order: s.order(in.site.ID, h.order),
		Place: in.visit.place, Agent: in.agent,
		KeepUntil: day + int32(in.site.RetainEvents/(24*time.Hour)),
	})
	e := &in.events[len(in.events)-1]
	if h.verdict.Basis == event.BasisRecord {
		e.Record = in.situation.Record.ID
	}
	return e
}

// props keeps the props that the site lists for this event's name, and no
// others (policy 2.2.2.2: search terms only where a site lists them).
func (in *intake) props(h *hit) map[string]string {
	if len(h.props) == 0 {
		return nil
	}
	var keep map[string]string
	for _, name := range in.site.Props(h.name) {
		if v, ok := h.props[name]; ok {
			if keep == nil {
				keep = make(map[string]string)
			}
			keep[name] = enrich.Redact(v)
		}
	}
	return keep
}

// order redacts an order's number like everything else that may name a
// person, but keeps different orders apart, since each counts once: what was
// taken out is replaced by a hash under the site's own key.
func (s *Server) order(site, order string) string {
	clean := enrich.Redact(order)
	if clean == order {
		return clean
	}
	mac := hmac.New(sha256.New, s.opts.Ring.SiteSecret(site, "order"))
	mac.Write([]byte(order))
	return clean + "-" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// session is a visitor's session while one request is handled.
type session struct {
	visitor uint64
	current identity.Session
	source  event.Campaign // of the current session
	first   event.Campaign
	begun   uint64 // the session that this request starts; 0: none
	known   bool   // source is what a cookie or a moment ago's start says
	renew   bool   // the session's cookie must be set
	moved   bool   // the sources' cookie must be set
}

// renewEvery is how often the session's cookie is renewed at the most.
const renewEvery = 5 * time.Minute

// openSession reads who the visitor is and which session goes on.
func (s *Server) openSession(v *visit, now time.Time) session {
	var st session
	if st.visitor = s.visitor(v); st.visitor == 0 {
		return st
	}
	if payload, err := v.jar.Open(s.opts.Ring, identity.SourceJar); err == nil && payload != nil {
		if from, err := identity.ParseSources(payload, v.site.ID); err == nil {
			st.first, st.source, st.known = from.First, from.Last, true
		}
	}
	if payload, err := v.jar.Open(s.opts.Ring, identity.SessionJar); err == nil && payload != nil {
		if cur, err := identity.ParseSession(payload, v.site.ID); err == nil && now.Sub(cur.Last) < identity.SessionGap && !now.Before(cur.Last.Add(-time.Minute)) {
			st.current = cur
		}
	}
	if begun, ok := s.starts.recent(v.site.ID, st.visitor, now); ok && (st.current.ID == 0 || begun.follows(st.current)) {
		st.goOn(begun, v)
	}
	return st
}

// goOn takes up a session whose start was not answered yet, or whose answer was
// lost: the next answer sets its cookies too.
func (st *session) goOn(begun start, v *visit) {
	st.current = identity.Session{ID: begun.session, Last: begun.at}
	st.renew = v.covered(identity.SessionJar)
	if begun.source != (event.Campaign{}) {
		st.source, st.first, st.known = begun.source, begun.first, true
		st.moved = v.covered(identity.SourceJar)
	}
}

// attribute gives an event its visitor, session and source, and starts a
// session where it is due: with its own visit event before this one.
func (s *Server) attribute(in *intake, h *hit, e *event.Event) {
	st := &in.state
	if h.verdict.Basis != event.BasisRecord {
		if e.Attributed {
			e.Campaign = campaign(enrich.ParseSource(h.url, h.referrer, in.site.Covers))
		}
		return
	}
	if st.visitor == 0 {
		return
	}
	var cur enrich.Source
	if e.Attributed {
		cur = enrich.ParseSource(h.url, h.referrer, in.site.Covers)
	}
	begins := st.current.ID == 0 || (e.Attributed && st.known && enrich.StartsSession(source(st.source), cur))
	if begins {
		s.beginSession(in, h, cur, e)
		e = &in.events[len(in.events)-1]
	}
	if in.now.Sub(st.current.Last) >= renewEvery {
		st.current.Last, st.renew = in.now, true
	}
	e.Visitor, e.Session = st.visitor, st.current.ID
	if e.Attributed {
		e.Campaign = st.source
	}
}

// beginSession starts a session. Where marketing is granted, a visit event
// stands before the hit's own.
func (s *Server) beginSession(in *intake, h *hit, cur enrich.Source, e *event.Event) {
	st := &in.state
	st.current = identity.Session{ID: identity.NewVisitor(), Last: in.now}
	st.begun, st.renew = st.current.ID, true
	var from event.Campaign
	if e.Attributed {
		from = campaign(cur)
		if cur.Source == enrich.SourceDirect && !st.known && (h.kind != event.PageView || in.site.Covers(enrich.ParsePage(h.referrer).Host)) {
			// The visitor was on the site before the yes, or this hit, such as a sale,
			// does not say how they came: where from is not known.
			from = campaign(enrich.ConsentedLater())
		}
		if !st.known {
			st.first = from
		}
		st.source, st.known, st.moved = from, true, true
	}
	s.starts.started(in.site.ID, st.visitor, start{session: st.current.ID, at: in.now, source: from, first: st.first, answered: true})
	if consent.Judge(event.Visit, &in.situation).Reason != event.None || !e.Attributed {
		return
	}
	own := *e
	e.Kind, e.ID = event.Visit, identity.NewID()
	e.Name, e.Props, e.Value, e.Currency, e.Order = "", nil, 0, "", ""
	e.Visitor, e.Session = st.visitor, st.current.ID
	e.Campaign, e.First = st.source, st.first
	in.events = append(in.events, own)
}

// setVisit sets the session's and the sources' cookies where they changed.
func (s *Server) setVisit(ctx *fasthttp.RequestCtx, in *intake) {
	st := &in.state
	if !st.renew && !st.moved {
		return
	}
	scope := s.scope(ctx, in.site)
	if st.renew {
		payload := identity.AppendSession(nil, in.site.ID, st.current)
		addCookie(ctx, s.opts.Ring.AppendCookie(nil, identity.SessionJar, in.site.ID, payload, int(identity.SessionGap/time.Second), scope))
	}
	if st.moved {
		payload := identity.AppendSources(nil, in.site.ID, &identity.Sources{First: st.first, Last: st.source})
		addCookie(ctx, s.opts.Ring.AppendCookie(nil, identity.SourceJar, in.site.ID, payload, int(identity.SourceLifetime/time.Second), scope))
	}
}

func campaign(s enrich.Source) event.Campaign {
	return event.Campaign{
		Source: s.Source, Medium: s.Medium, Name: s.Campaign, Content: s.Content, Term: s.Term, ID: s.CampaignID,
		ClickIDKind: s.ClickIDKind, Channel: s.Channel, ReferrerHost: s.ReferrerHost,
	}
}

func source(c event.Campaign) enrich.Source {
	return enrich.Source{
		Source: c.Source, Medium: c.Medium, Campaign: c.Name, Content: c.Content, Term: c.Term, CampaignID: c.ID,
		ClickIDKind: c.ClickIDKind, Channel: c.Channel, ReferrerHost: c.ReferrerHost,
	}
}
