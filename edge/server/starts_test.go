package server

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

const landed = `{"site":"shop","events":[{"kind":"page_view","url":"` + landing + `","id":"once"}]}`

func kindsOf(events []event.Event) (kinds []event.Kind) {
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// TestStart_NotKeptIsForgotten: a hit that found no room started no session. The
// one sent again starts it, with its visit and the cookies.
func TestStart_NotKeptIsForgotten(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	w.srv.opts.Spool = fullSpool{}
	if a := b.do("POST", "/v1/events", landed); a.status != 503 || len(a.set) != 0 {
		t.Fatalf("into a full spool: %d, cookies %v", a.status, a.set)
	}
	w.srv.opts.Spool = keeper{w.spool}
	w.wait(5 * time.Second)
	b.do("POST", "/v1/events", landed)
	got := w.events()
	if want := []event.Kind{event.Visit, event.PageView}; !slices.Equal(kindsOf(got), want) || got[0].Campaign.Source != "news" {
		t.Errorf("the retry kept %v, want %v", kindsOf(got), want)
	}
	if b.cookies["kj_ses_shop"] == "" || b.cookies["kj_src_shop"] == "" {
		t.Errorf("the retry left the cookies %v", slices.Collect(maps.Keys(b.cookies)))
	}
}

// TestStart_LostAnswer: an answer that the network lost is given again, to the hit
// sent again and to whatever else comes before the cookies are there.
func TestStart_LostAnswer(t *testing.T) {
	for name, next := range map[string]string{
		"sent again": landed,
		"another":    `{"site":"shop","events":[{"kind":"custom","name":"scroll","url":"https://www.shop.example/"}]}`,
	} {
		w := newWorld(t, []*site.Site{testSite()})
		b := w.browser()
		b.choose("accept_all")
		before := maps.Clone(b.cookies)
		b.do("POST", "/v1/events", landed)
		first := w.events()
		b.cookies = before
		w.wait(2 * time.Second)
		b.do("POST", "/v1/events", next)
		if b.cookies["kj_ses_shop"] == "" || b.cookies["kj_src_shop"] == "" {
			t.Errorf("%s: the cookies are %v", name, slices.Collect(maps.Keys(b.cookies)))
		}
		w.wait(time.Minute)
		b.view("https://www.shop.example/cart", landing)
		for _, e := range w.events() {
			if e.Kind == event.Visit || e.Session != first[0].Session || e.Campaign != first[0].Campaign {
				t.Errorf("%s: a later hit is a %v of session %d from %q", name, e.Kind, e.Session, e.Campaign.Source)
			}
		}
	}
}

// TestStart_AnswersCross: who follows an advertisement while the page before waits
// for its answer gets that answer last, with the cookies of the session before.
func TestStart_AnswersCross(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	before := maps.Clone(b.cookies)
	b.view("https://www.shop.example/", "")
	late := maps.Clone(b.cookies)
	w.wait(time.Second)
	b.cookies = before
	b.view(landing, "")
	wanted := w.events()
	b.cookies = late
	w.wait(2 * time.Second)
	b.view("https://www.shop.example/cart", landing)
	w.wait(time.Minute)
	b.view("https://www.shop.example/thanks", landing)
	got := w.events()
	if len(got) != 2 {
		t.Fatalf("%v were kept, want two page views", kindsOf(got))
	}
	for _, e := range got {
		if last := wanted[len(wanted)-1]; e.Session != last.Session || e.Campaign.Source != "news" {
			t.Errorf("a later hit is of session %d from %q, want %d", e.Session, e.Campaign.Source, last.Session)
		}
	}
}

// TestStart_FirstSourceStays: a second start, whose predecessor's answer was lost
// too, does not become the first source.
func TestStart_FirstSourceStays(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	before := maps.Clone(b.cookies)
	b.view(landing, "")
	for _, source := range []string{"two", "three"} {
		b.cookies = maps.Clone(before)
		w.events()
		b.view("https://www.shop.example/?utm_source="+source+"&utm_medium=cpc", "")
		if got := w.events()[0]; got.Kind != event.Visit || got.Campaign.Source != source || got.First.Source != "news" {
			t.Errorf("%s: a %v from %q, first %q", source, got.Kind, got.Campaign.Source, got.First.Source)
		}
	}
}

// TestPolicy_2_4_StartSetsNoSourceWithoutConsent: a start that is remembered brings
// no source back after marketing was taken back.
func TestPolicy_2_4_StartSetsNoSourceWithoutConsent(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	b := w.browser()
	b.choose("accept_all")
	before := b.cookies["kj_vid_shop"]
	b.view(landing, "")
	b.do("POST", "/v1/consent", `{"site":"shop","method":"save","surface":"preferences","decisions":{"marketing":false}}`)
	delete(b.cookies, "kj_ses_shop")
	b.view("https://www.shop.example/cart", landing)
	if b.cookies["kj_vid_shop"] != before || b.cookies["kj_ses_shop"] == "" {
		t.Error("the visitor or the session ended with marketing")
	}
	if _, ok := b.cookies["kj_src_shop"]; ok {
		t.Error("kj_src came back after marketing was taken back")
	}
}

// TestStart_ToldNotKept: so it is with what a shop's server tells.
func TestStart_ToldNotKept(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	h := &spooled{w: w, newest: map[uint64]event.Consent{}}
	b := w.browser()
	b.choose("accept_all")
	told := Told{Kind: "page_view", URL: landing, Handle: b.handle(), ID: "once"}
	_ = h.Settle(context.Background())
	w.srv.opts.Spool = fullSpool{}
	if _, err := w.srv.Tell(context.Background(), "shop", h, []Told{told}); err == nil {
		t.Fatal("told into a full spool")
	}
	w.srv.opts.Spool = keeper{w.spool}
	w.wait(time.Second)
	if _, kept := h.tell(told); !slices.Equal(kindsOf(kept), []event.Kind{event.Visit, event.PageView}) {
		t.Errorf("told again it kept %v", kindsOf(kept))
	}
}
