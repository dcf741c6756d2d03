package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// Told is one event that a website's own server tells of, or that happened
// offline. Handle says whose it is: an encrypted token that the visitor's page
// got from GET /v1/consent.
type Told struct {
	Kind, URL, Referrer, Name string
	Props                     map[string]string
	Value, Currency, Order    string
	ID, Handle                string
	Time                      time.Time // zero: now
}

// Outcome is what became of a told event.
type Outcome struct {
	Reason    event.Reason // None: it is kept
	Duplicate bool         // it was kept before
	Invalid   string       // what is wrong, where Reason is Invalid; no value is repeated
}

// Touch is the start of a visitor's session.
type Touch struct {
	Time          time.Time
	Session       uint64
	Source, First event.Campaign
}

// History looks up what is kept about the visitors of told events.
type History interface {
	// Decisions returns each visitor's newest decision; none where nothing is
	// granted or known.
	Decisions(ctx context.Context, site string, visitors []uint64) (map[uint64]event.Consent, error)
	// Touches returns each visitor's touches, oldest first.
	Touches(ctx context.Context, site string, visitors []uint64) (map[uint64][]Touch, error)
	// Known returns which of the ids are kept already, by events from a moment on.
	Known(ctx context.Context, site string, ids [][16]byte, from time.Time) (map[[16]byte]bool, error)
	// Settle returns when all that this node has kept by now can be looked up.
	Settle(ctx context.Context) error
}

// Limits of a told event's time.
const (
	toldAhead = 5 * time.Minute
	// toldSearch is by how much an event sent again may differ in its time.
	toldSearch = 24 * time.Hour
)

// telling is one request's events on their way, a step after another as of any
// hit (see intake): there is no address and no agent that could be looked at.
type telling struct {
	*Server
	site    *site.Site
	history History
	now     time.Time
	list    []toldHit
	by      map[uint64]*toldVisitor
	claimed [][16]byte
	events  []event.Event
	begun   map[uint64]start // by visitor: the sessions started just now
}

type toldHit struct {
	hit
	at      time.Time
	visitor uint64
	invalid string
}

// toldVisitor is what is known of a visitor.
type toldVisitor struct {
	situation consent.Situation
	touches   []Touch
}

// Tell keeps events that a site's own server tells of, each judged by its
// visitor's newest record as of now, and returns when they are on disk. An
// error says that none can be judged yet: send them again with the same ids.
func (s *Server) Tell(ctx context.Context, siteID string, h History, told []Told) ([]Outcome, error) {
	t := &telling{Server: s, site: s.site([]byte(siteID)), history: h, now: s.opts.Now(), by: map[uint64]*toldVisitor{}, begun: map[uint64]start{}}
	if t.site == nil {
		return nil, fmt.Errorf("edge: there is no site %q", siteID)
	}
	for i := range told {
		t.list = append(t.list, t.parse(&told[i]))
	}
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	t.decide()
	if err := t.leaveOutKnown(ctx); err != nil {
		t.release(false)
		return nil, err
	}
	t.enrich()
	err := t.keep()
	t.release(err == nil)
	if err != nil {
		return nil, err
	}
	for visitor, begun := range t.begun {
		t.starts.started(t.site.ID, visitor, begun)
	}
	return t.count(), nil
}

// parse checks one event, and opens its handle.
func (t *telling) parse(told *Told) toldHit {
	one := toldHit{at: told.Time, hit: hit{
		url: told.URL, referrer: told.Referrer, name: told.Name, props: told.Props, currency: told.Currency, order: told.Order,
	}}
	if one.at.IsZero() {
		one.at = t.now
	}
	one.at = one.at.UTC().Truncate(time.Millisecond)
	err := one.fill(t.site, told.Kind, told.Value, told.ID, 0)
	switch {
	case err != nil:
	case one.at.Before(t.now.Add(-t.site.RetainEvents)):
		err = errors.New("time: is before what this site keeps")
	case one.at.Sub(t.now) > toldAhead:
		err = errors.New("time: is more than 5 minutes ahead")
	case one.kind == event.PageView && one.url == "":
		err = errors.New("url: a page_view needs one")
	}
	if err != nil {
		one.reason, one.invalid = event.Invalid, err.Error()
		return one
	}
	if one.url != "" && !t.site.Covers(enrich.ParsePage(one.url).Host) {
		one.reason = event.WrongOrigin
		return one
	}
	if told.Handle == "" {
		return one
	}
	of, visitor, err := t.opts.Ring.OpenHandle(told.Handle)
	if err != nil || of != t.site.ID {
		one.reason = event.BadSignature
		return one
	}
	one.visitor = visitor
	return one
}

// look finds each visitor's newest decision and touches. Where the newest one
// known grants nothing, a newer may be on its way to the store: it is waited
// for.
func (t *telling) look(ctx context.Context) error {
	var visitors []uint64
	for i := range t.list {
		if v := t.list[i].visitor; v != 0 && !slices.Contains(visitors, v) {
			visitors = append(visitors, v)
		}
	}
	if len(visitors) == 0 {
		return nil
	}
	found, err := t.history.Decisions(ctx, t.site.ID, visitors)
	if err == nil && slices.ContainsFunc(visitors, func(v uint64) bool { return !t.stands(found[v]) }) {
		if err = t.history.Settle(ctx); err == nil {
			found, err = t.history.Decisions(ctx, t.site.ID, visitors)
		}
	}
	if err != nil {
		return fmt.Errorf("edge: look up decisions: %w", err)
	}
	touches, err := t.history.Touches(ctx, t.site.ID, visitors)
	if err != nil {
		return fmt.Errorf("edge: look up visits: %w", err)
	}
	for _, v := range visitors {
		own := &toldVisitor{situation: t.situation(found[v]), touches: touches[v]}
		if begun, ok := t.starts.recent(t.site.ID, v, t.now); ok {
			own.add(Touch{Time: begun.at.UTC(), Session: begun.session, Source: begun.source, First: begun.first})
		}
		t.by[v] = own
	}
	return nil
}

// stands reports whether a decision is there and was not taken back.
func (t *telling) stands(c event.Consent) bool {
	return c.ID != [16]byte{} && !t.opts.Withdrawn.RecordWithdrawn(c.ID)
}

// situation is in which a visitor's decision is judged: where and with which
// signal it was made, now.
func (t *telling) situation(c event.Consent) consent.Situation {
	sit := consent.Situation{Site: t.site, Regime: site.OptIn, Now: t.now, Away: t.site.Region != t.opts.Region}
	if c.ID == ([16]byte{}) {
		return sit
	}
	sit.Regime = t.site.Regimes.At(c.Country, c.Region)
	if t.opts.Withdrawn.RecordWithdrawn(c.ID) {
		sit.Problem = event.Withdrawal
		return sit
	}
	record, err := consent.RecordOf(&c)
	if err != nil {
		sit.Problem = event.BadSignature
		return sit
	}
	sit.Record, sit.GPC = record, record.Signal
	return sit
}

// decide asks consent about each event. Without a handle nobody's consent is
// known, which is a no.
func (t *telling) decide() {
	nobody := t.situation(event.Consent{})
	for i := range t.list {
		one := &t.list[i]
		if one.reason != event.None {
			continue
		}
		sit := &nobody
		if own := t.by[one.visitor]; own != nil {
			sit = &own.situation
		}
		one.verdict = consent.Judge(one.kind, sit)
		one.reason = one.verdict.Reason
		if one.reason == event.None {
			t.claim(one, i)
		}
	}
}

// claim makes sure that an id is kept once, on this node within a day.
func (t *telling) claim(one *toldHit, at int) {
	if one.id == ([16]byte{}) {
		one.id = identity.NewID()
		return
	}
	if slices.ContainsFunc(t.list[:at], func(o toldHit) bool { return o.id == one.id && o.reason == event.None }) {
		one.duplicate = true // another of this request has it
		return
	}
	switch t.seen.begin(one.id, t.now) {
	case kept:
		one.duplicate = true
	case pending:
		one.reason = event.Overloaded // its twin is on its way to disk
	case fresh:
		t.claimed = append(t.claimed, one.id)
	}
}

// leaveOutKnown finds ids that were kept longer ago, or on another node.
func (t *telling) leaveOutKnown(ctx context.Context) error {
	if len(t.claimed) == 0 {
		return nil
	}
	from := t.now
	for i := range t.list {
		if t.list[i].at.Before(from) {
			from = t.list[i].at
		}
	}
	known, err := t.history.Known(ctx, t.site.ID, t.claimed, from.Add(-toldSearch))
	if err != nil {
		return fmt.Errorf("edge: look up ids: %w", err)
	}
	for i := range t.list {
		if one := &t.list[i]; one.reason == event.None && known[one.id] {
			one.duplicate = true
		}
	}
	return nil
}

// release says what became of the claimed ids.
func (t *telling) release(ok bool) {
	for _, id := range t.claimed {
		t.seen.end(id, ok)
	}
}

// count moves a counter per event, and says what became of each. An id that
// came twice was kept only if its first was.
func (t *telling) count() []Outcome {
	out := make([]Outcome, len(t.list))
	for i := range t.list {
		one := &t.list[i]
		out[i] = Outcome{Reason: one.reason, Duplicate: one.duplicate, Invalid: one.invalid}
		switch {
		case one.reason != event.None:
			t.counts.refused(event.Refusal{Site: t.site.ID, Hour: t.now, Kind: one.kind, Reason: one.reason})
		case !one.duplicate:
			t.counts.recorded(t.site.ID, one.kind)
		}
	}
	return out
}
