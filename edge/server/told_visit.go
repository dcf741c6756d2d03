package server

import (
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// enrich makes events, in the order of their times: which session and source
// each has depends on those before it.
func (t *telling) enrich() {
	order := make([]int, len(t.list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.list[a].at.Compare(t.list[b].at) })
	for _, i := range order {
		one := &t.list[i]
		if one.reason != event.None || one.duplicate {
			continue
		}
		e := t.base(one)
		if one.verdict.Basis == event.BasisRecord {
			e.Visitor = one.visitor
			t.attribute(one, &e, t.by[one.visitor])
		} else if e.Attributed {
			e.Campaign = campaign(enrich.ParseSource(one.url, one.referrer, t.site.Covers))
		}
		t.events = append(t.events, e)
	}
}

// base is the event without visitor, session and source.
func (t *telling) base(one *toldHit) event.Event {
	in := intake{visit: visit{site: t.site}, now: one.at}
	if own := t.by[one.visitor]; own != nil {
		in.situation = own.situation
	}
	e := *t.Server.base(&in, &one.hit)
	page := enrich.ParsePage(one.url)
	e.Host, e.Path = page.Host, page.Path
	return e
}

// attribute gives an event the session that it falls into, and the source of
// the visitor's last visit before it, as kj_src would remember it. A page_view
// with its own campaign or a foreign referrer starts a session at its time.
func (t *telling) attribute(one *toldHit, e *event.Event, own *toldVisitor) {
	last, found := own.before(one.at)
	going := found && one.at.Sub(last.Time) < identity.SessionGap
	if e.Attributed {
		cur := enrich.ParseSource(one.url, one.referrer, t.site.Covers)
		foreign := enrich.StartsSession(enrich.Source{}, cur)
		switch {
		case one.kind == event.PageView && foreign && (!going || enrich.StartsSession(source(last.Source), cur)):
			last, going = t.begin(e, own, campaign(cur), last, found), true
		case !found && foreign:
			last.Source = campaign(cur)
		case !found:
			last.Source = campaign(enrich.ConsentedLater())
		}
		e.Campaign = last.Source
	}
	if going {
		e.Session = last.Session
	}
}

// begin starts a session: its visit event stands before the page_view.
func (t *telling) begin(e *event.Event, own *toldVisitor, from event.Campaign, last Touch, found bool) Touch {
	touch := Touch{Time: e.Time, Session: identity.NewVisitor(), Source: from, First: from}
	if found {
		touch.First = last.First
	}
	own.add(touch)
	if since := t.now.Sub(touch.Time); since >= 0 && since < startMemory {
		t.begun[e.Visitor] = start{session: touch.Session, at: touch.Time, source: from, first: touch.First}
	}
	if consent.Judge(event.Visit, &own.situation).Reason == event.None {
		visit := *e
		visit.Kind, visit.ID = event.Visit, identity.NewID()
		visit.Name, visit.Props, visit.Value, visit.Currency, visit.Order = "", nil, 0, "", ""
		visit.Session, visit.Campaign, visit.First = touch.Session, touch.Source, touch.First
		t.events = append(t.events, visit)
	}
	return touch
}

// before returns the visitor's last touch up to a moment, within the lifetime
// of kj_src.
func (v *toldVisitor) before(at time.Time) (Touch, bool) {
	for i := len(v.touches) - 1; i >= 0; i-- {
		if touch := v.touches[i]; !touch.Time.After(at) {
			return touch, at.Sub(touch.Time) < identity.SourceLifetime
		}
	}
	return Touch{}, false
}

// add puts a touch where its time is, unless it is there.
func (v *toldVisitor) add(touch Touch) {
	if slices.ContainsFunc(v.touches, func(o Touch) bool { return o.Session == touch.Session }) {
		return
	}
	i, _ := slices.BinarySearchFunc(v.touches, touch.Time, func(o Touch, at time.Time) int { return o.Time.Compare(at) })
	v.touches = slices.Insert(v.touches, i, touch)
}

// keep puts the events on disk, all or none.
func (t *telling) keep() error {
	if len(t.events) == 0 {
		return nil
	}
	in := intake{events: t.events}
	if err := in.encode(); err != nil {
		return err
	}
	return t.opts.Spool.Append(in.list...) //nolint:wrapcheck // the spool's errors say what and where
}
