package server

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// hit is one thing that a request wants tracked, and what becomes of it.
type hit struct {
	kind      event.Kind
	url       string // of the page
	referrer  string
	name      string
	props     map[string]string
	value     event.Amount
	currency  string
	order     string
	id        [16]byte // zero: none was sent
	age       time.Duration
	reason    event.Reason // None: it may be kept
	duplicate bool         // it was kept before
	visits    bool         // refused itself, but marketing allows the visit that it may start
	verdict   consent.Verdict
}

// intake is one request on its way through the six steps.
type intake struct {
	visit
	now     time.Time
	link    *identity.Link // what the token of a link or image says; nil elsewhere
	hits    []hit
	events  []event.Event
	claimed [][16]byte
	invalid []invalidEvent
	buffer  []byte
	ends    []int
	list    [][]byte
	state   session
}

type intakes struct{ sync.Pool }

func (in *intake) reset(now time.Time) {
	clear(in.hits)
	clear(in.events)
	*in = intake{
		now: now, hits: in.hits[:0], events: in.events[:0], claimed: in.claimed[:0],
		buffer: in.buffer[:0], ends: in.ends[:0], list: in.list[:0],
	}
}

// shape is how one endpoint's requests and answers look. Parse makes hits of
// the request; it answers and returns false where there is nothing to go on
// with. Answer says what became of them.
type shape interface {
	parse(s *Server, ctx *fasthttp.RequestCtx, in *intake) bool
	answer(s *Server, ctx *fasthttp.RequestCtx, in *intake)
}

// collect is the way of every hit.
func (s *Server) collect(sh shape) fasthttp.RequestHandler {
	steps := [...]func(*Server, *fasthttp.RequestCtx, *intake) bool{
		sh.parse,
		(*Server).place,
		(*Server).decide,
		(*Server).enrich,
		(*Server).append,
	}
	return func(ctx *fasthttp.RequestCtx) {
		in := s.intakes.Get().(*intake)
		defer s.intakes.Put(in)
		in.reset(s.opts.Now())
		for i, step := range steps {
			if step == nil || !step(s, ctx, in) {
				if i == 0 {
					return // parse has answered
				}
				break
			}
		}
		s.count(in)
		sh.answer(s, ctx, in)
	}
}

// refuseAll refuses every hit that something would be kept of.
func (in *intake) refuseAll(reason event.Reason) bool {
	for i := range in.hits {
		if in.hits[i].reason == event.None || in.hits[i].visits {
			in.hits[i].reason = reason
		}
	}
	return false
}

// place finds country, region and carrier. The address dies here.
func (s *Server) place(ctx *fasthttp.RequestCtx, in *intake) bool {
	s.locate(ctx, &in.visit)
	if s.limits.allow(in.rateKey, max(1, len(in.hits)), in.now) {
		return true
	}
	for i := range in.hits { // also those with a fault: the request sent again says it
		in.hits[i].reason = event.RateLimited
	}
	return false
}

// decide asks consent about each hit, and whether it comes from the site. A
// page_view that is refused may still start a visit, which needs marketing alone.
func (s *Server) decide(ctx *fasthttp.RequestCtx, in *intake) bool {
	if in.site == nil {
		return in.refuseAll(event.UnknownSite)
	}
	if in.link != nil {
		return s.decideLink(ctx, in)
	}
	if foreign(ctx, in.site) {
		return in.refuseAll(event.WrongOrigin)
	}
	s.judgeBy(ctx, &in.visit, in.now)
	kept := false
	for i := range in.hits {
		h := &in.hits[i]
		if h.reason != event.None {
			continue
		}
		h.verdict = consent.Judge(h.kind, &in.situation)
		h.reason = h.verdict.Reason
		if h.kind == event.PageView && h.reason != event.None {
			h.verdict = consent.Judge(event.Visit, &in.situation)
			h.visits = h.verdict.Reason == event.None && h.verdict.Basis == event.BasisRecord
		}
		kept = kept || h.reason == event.None || h.visits
	}
	return kept
}

// append puts the events on disk, and returns when they are there.
func (s *Server) append(_ *fasthttp.RequestCtx, in *intake) bool {
	var err error
	if len(in.events) > 0 {
		if err = in.encode(); err == nil {
			err = s.opts.Spool.Append(in.list...)
		}
	}
	for _, id := range in.claimed {
		s.seen.end(id, err == nil)
	}
	if err != nil {
		s.starts.forget(in.site.ID, in.state.visitor, in.state.begun)
		s.opts.Logger.Warn("edge: events were not kept", "error", err)
		return in.refuseAll(event.Overloaded)
	}
	return true
}

// encode writes every event into one buffer; list holds its parts.
func (in *intake) encode() error {
	for i := range in.events {
		var err error
		if in.buffer, err = event.Append(in.buffer, event.Record{Event: &in.events[i]}); err != nil {
			return err //nolint:wrapcheck // it says what and where already
		}
		in.ends = append(in.ends, len(in.buffer))
	}
	from := 0
	for _, to := range in.ends {
		in.list = append(in.list, in.buffer[from:to])
		from = to
	}
	return nil
}

// count moves one counter per hit.
func (s *Server) count(in *intake) {
	id := ""
	if in.site != nil {
		id = in.site.ID
	}
	for i := range in.hits {
		h := &in.hits[i]
		switch {
		case h.reason != event.None:
			s.counts.refused(event.Refusal{
				Site: id, Hour: in.now, Kind: h.kind, Reason: h.reason,
				Country: in.visit.place.Country, Device: in.agent.Device,
			})
		case !h.duplicate:
			s.counts.recorded(id, h.kind)
		}
	}
}

// result sets Kunji-Result: recorded, or the first refusal's reason.
func result(ctx *fasthttp.RequestCtx, in *intake) event.Reason {
	for i := range in.hits {
		if r := in.hits[i].reason; r != event.None {
			refused(ctx, r)
			return r
		}
	}
	ctx.Response.Header.Set("Kunji-Result", "recorded")
	return event.None
}

// refused sets Kunji-Result to a refusal's reason.
func refused(ctx *fasthttp.RequestCtx, r event.Reason) {
	ctx.Response.Header.Set("Kunji-Result", "refused; reason="+r.String())
}

// forgets reports whether a refusal means that the visitor's identifiers must
// go. Reasons that say nothing about consent leave them.
func forgets(r event.Reason) bool {
	switch r {
	case event.NoConsent, event.GPC, event.Withdrawal, event.PolicyOutdated, event.Expired,
		event.BadSignature, event.Minor, event.SiteStopped, event.CrossBorder:
		return true
	}
	return false
}
