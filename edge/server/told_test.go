package server

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// spooled is a History of what the world's own spool holds. Decisions and
// touches are seen only once it settled, as ClickHouse sees them late.
type spooled struct {
	w      *world
	events []event.Event
	newest map[uint64]event.Consent
	away   error
}

func (h *spooled) Settle(context.Context) error {
	for _, r := range h.w.records() {
		switch {
		case r.Event != nil:
			h.events = append(h.events, *r.Event)
		case r.Consent != nil && r.Consent.Subject != 0:
			h.newest[r.Consent.Subject] = *r.Consent
		}
	}
	return h.away
}

func (h *spooled) Decisions(_ context.Context, _ string, visitors []uint64) (map[uint64]event.Consent, error) {
	found := map[uint64]event.Consent{}
	for _, v := range visitors {
		if c, ok := h.newest[v]; ok {
			found[v] = c
		}
	}
	return found, h.away
}

func (h *spooled) Touches(context.Context, string, []uint64) (map[uint64][]Touch, error) {
	found := map[uint64][]Touch{}
	for _, e := range h.events {
		if e.Kind == event.Visit {
			found[e.Visitor] = append(found[e.Visitor], Touch{e.Time, e.Session, e.Campaign, e.First})
		}
	}
	return found, nil
}

func (h *spooled) Known(_ context.Context, _ string, ids [][16]byte, _ time.Time) (map[[16]byte]bool, error) {
	found := map[[16]byte]bool{}
	for _, e := range h.events {
		found[e.ID] = slices.Contains(ids, e.ID) || found[e.ID]
	}
	return found, nil
}

// handle is what a page gets for its own server.
func (b *browser) handle() string {
	b.w.t.Helper()
	var state struct{ Handle string }
	if err := json.Unmarshal([]byte(b.get("/v1/consent?site=shop").body), &state); err != nil || state.Handle == "" {
		b.w.t.Fatalf("no handle: %v", err)
	}
	return state.Handle
}

// tell sends one event and returns what became of it and what was kept.
func (h *spooled) tell(told ...Told) ([]Outcome, []event.Event) {
	h.w.t.Helper()
	_ = h.Settle(context.Background())
	before := len(h.events)
	out, err := h.w.srv.Tell(context.Background(), "shop", h, told)
	if err != nil {
		h.w.t.Fatal(err)
	}
	_ = h.Settle(context.Background())
	return out, h.events[before:]
}

// TestPolicy_2_4_ToldEventsNeedConsent: an event of a site's server is judged
// by its visitor's newest record, as of when it comes.
func TestPolicy_2_4_ToldEventsNeedConsent(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	h := &spooled{w: w, newest: map[uint64]event.Consent{}}
	b := w.browser()
	b.choose("accept_all")
	handle := b.handle()
	f := func(what string, told Told, want event.Reason) {
		t.Helper()
		out, kept := h.tell(told)
		if out[0].Reason != want || (len(kept) > 0) != (want == event.None) {
			t.Errorf("%s: %+v, want %v; kept %d", what, out[0], want, len(kept))
		}
	}
	sale := Told{Kind: "conversion", Value: "12.5", Order: "7", Handle: handle}
	f("granted", sale, event.None)
	without := sale
	without.Handle = ""
	f("no handle", without, event.NoConsent)
	forged := sale
	forged.Handle = handle[:len(handle)-2] + "aa"
	f("a forged handle", forged, event.BadSignature)
	elsewhere := sale
	elsewhere.Handle = w.srv.opts.Ring.Seal(identity.Handle, append(identity.AppendVisitor(nil, "other", 5), "~x"...))
	f("another site's handle", elsewhere, event.BadSignature)
	foreign := Told{Kind: "page_view", URL: "https://evil.example/", Handle: handle}
	f("a foreign page", foreign, event.WrongOrigin)

	w.wait(time.Minute)
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","decisions":{"marketing":false},"surface":"banner","notice":{"language":"en"}}`)
	f("marketing taken back", sale, event.NoConsent)
	f("analytics still granted", Told{Kind: "page_view", URL: "https://shop.example/a", Handle: handle}, event.None)
	w.wait(time.Minute)
	b.choose("withdraw")
	f("withdrawn", Told{Kind: "page_view", URL: "https://shop.example/a", Handle: handle}, event.Withdrawal)

	late := w.browser()
	late.choose("accept_all")
	handle = late.handle()
	w.wait(181 * 24 * time.Hour)
	f("expired", Told{Kind: "page_view", URL: "https://shop.example/a", Handle: handle}, event.Expired)

	h.away = errors.New("the store is away")
	if _, err := w.srv.Tell(context.Background(), "shop", h, []Told{sale}); err == nil {
		t.Error("judged without the store")
	}
}

// TestToldEventsFallIntoSessions: an event belongs to the session of its time
// and counts for the visitor's last source; its own campaign starts one.
func TestToldEventsFallIntoSessions(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	h := &spooled{w: w, newest: map[uint64]event.Consent{}}
	b := w.browser()
	b.choose("accept_all")
	b.view("https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=spring", "")
	handle := b.handle()
	_, kept := h.tell(Told{Kind: "conversion", Value: "10", Order: "1", Handle: handle})
	session := kept[0].Session
	if len(kept) != 1 || session == 0 || kept[0].Campaign.Name != "spring" || kept[0].Agent.Machine || kept[0].Currency != "CNY" || kept[0].Value != 100000 {
		t.Fatalf("at once: %+v", kept)
	}
	w.wait(40 * time.Minute)
	_, kept = h.tell(Told{Kind: "conversion", Order: "2", Handle: handle})
	if len(kept) != 1 || kept[0].Session != 0 || kept[0].Campaign.Name != "spring" {
		t.Errorf("after the session: %+v", kept)
	}
	_, kept = h.tell(Told{Kind: "conversion", Order: "3", Time: w.now().Add(-30 * time.Minute), Handle: handle})
	if len(kept) != 1 || kept[0].Session != session {
		t.Errorf("told late, of within the session: %+v", kept)
	}

	// Told in any order, the conversion follows its page_view.
	at := w.now().Add(-5 * time.Minute)
	_, kept = h.tell(
		Told{Kind: "conversion", Order: "4", Time: at.Add(time.Minute), Handle: handle},
		Told{Kind: "page_view", URL: "https://shop.example/call?utm_source=phone&utm_medium=call&utm_campaign=hotline", Time: at, Handle: handle},
	)
	if len(kept) != 3 || kept[0].Kind != event.Visit || !kept[0].Time.Equal(at) || kept[0].Campaign.Name != "hotline" || kept[0].First.Name != "spring" {
		t.Fatalf("a campaign of its own: %+v", kept)
	}
	if kept[1].Kind != event.PageView || kept[2].Order != "4" || kept[2].Session != kept[0].Session || kept[1].Session != kept[0].Session || kept[2].Campaign.Name != "hotline" {
		t.Errorf("the session has not both: %+v", kept)
	}
	// The same campaign goes on, a foreign referrer does not.
	for referrer, visits := range map[string]int{"": 0, "https://shop.example/": 0, "https://blog.example/": 1} {
		_, kept = h.tell(Told{Kind: "page_view", URL: "https://shop.example/more", Referrer: referrer, Handle: handle})
		if len(kept) != 1+visits {
			t.Errorf("referrer %q: %+v", referrer, kept)
		}
	}
	// No trace of the visitor's last source: not known, and never Direct.
	w.wait(91 * 24 * time.Hour)
	_, kept = h.tell(Told{Kind: "conversion", Order: "9", Handle: handle})
	if len(kept) != 1 || kept[0].Campaign.Source != "(consented later)" {
		t.Errorf("91 days later: %+v", kept)
	}
}

// TestToldEventsAreKeptOnce: by their id, whoever tells of them and when.
func TestToldEventsAreKeptOnce(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	h := &spooled{w: w, newest: map[uint64]event.Consent{}}
	b := w.browser()
	b.choose("accept_all")
	handle := b.handle()
	sale := Told{Kind: "conversion", Order: "1", ID: "sale-1", Handle: handle}
	out, kept := h.tell(sale, sale)
	if len(kept) != 1 || out[0].Duplicate || !out[1].Duplicate || out[1].Reason != event.None {
		t.Errorf("twice in one request: %+v, %d kept", out, len(kept))
	}
	if out, kept = h.tell(sale); len(kept) != 0 || !out[0].Duplicate {
		t.Errorf("again: %+v, %d kept", out, len(kept))
	}
	b.do("POST", "/v1/events", `{"site":"shop","events":[{"kind":"conversion","url":"https://shop.example/","order":"1","id":"sale-1"}]}`)
	if err := h.Settle(t.Context()); err != nil || len(h.events) != 1 {
		t.Errorf("by the page too: %d kept, %v", len(h.events), err)
	}
	w.wait(30 * 24 * time.Hour) // longer than ids are remembered: the store knows
	sale.Time = testStart
	if out, kept = h.tell(sale); len(kept) != 0 || !out[0].Duplicate {
		t.Errorf("a month later: %+v, %d kept", out, len(kept))
	}
	sale.ID = "sale-2"
	if _, kept = h.tell(sale); len(kept) != 1 {
		t.Errorf("another id: %d kept", len(kept))
	}
}

// TestToldEventsAreChecked: what is wrong is said by name, with no value.
func TestToldEventsAreChecked(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	h := &spooled{w: w, newest: map[uint64]event.Consent{}}
	b := w.browser()
	b.choose("accept_all")
	handle := b.handle()
	f := func(told Told, want string) {
		t.Helper()
		told.Handle = handle
		out, kept := h.tell(told)
		if out[0].Reason != event.Invalid || len(kept) != 0 || len(out[0].Invalid) < len(want) || out[0].Invalid[:len(want)] != want {
			t.Errorf("%+v: %+v, want %s", told, out[0], want)
		}
	}
	f(Told{}, "kind: ")
	f(Told{Kind: "visit"}, "kind: ")
	f(Told{Kind: "mail_open"}, "kind: ")
	f(Told{Kind: "page_view"}, "url: ")
	f(Told{Kind: "custom"}, "name: ")
	f(Told{Kind: "conversion", Value: "-1"}, "value: ")
	f(Told{Kind: "conversion", Value: "1e3"}, "value: ")
	f(Told{Kind: "conversion", Currency: "EURO"}, "currency: ")
	f(Told{Kind: "refund", Value: "1"}, "order, value: ")
	f(Told{Kind: "conversion", ID: "a b"}, "id: ")
	f(Told{Kind: "conversion", Time: w.now().Add(6 * time.Minute)}, "time: ")
	f(Told{Kind: "conversion", Time: w.now().Add(-396 * 24 * time.Hour)}, "time: ")
	day := w.now().Add(-3 * 24 * time.Hour)
	if _, kept := h.tell(Told{Kind: "refund", Value: "5", Order: "1", Time: day, Handle: handle}); len(kept) != 1 || kept[0].LocalDay != testSite().LocalDay(day) || kept[0].KeepUntil != kept[0].LocalDay+395 {
		t.Errorf("a refund on its own day: %+v", kept)
	}
	if _, err := w.srv.Tell(t.Context(), "nowhere", h, nil); err == nil {
		t.Error("a site that is not there")
	}
}
