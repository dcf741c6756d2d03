package identity

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/event"
)

var siteID = rapid.StringMatching(`[a-z0-9-]{1,32}`)

func TestVisitorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site, other := siteID.Draw(t, "site"), siteID.Draw(t, "other")
		id := rapid.Uint64Min(1).Draw(t, "visitor")
		payload := AppendVisitor([]byte("x"), site, id)[1:]
		if got, err := ParseVisitor(payload, site); got != id || err != nil {
			t.Fatalf("%q: %d, %v; want %d", payload, got, err, id)
		}
		if got, err := ParseVisitor(payload, other); site != other && (got != 0 || !errors.Is(err, ErrPayload)) {
			t.Fatalf("%q of %s counts for %s", payload, site, other)
		}
		if !wellFormed(payload) || strings.Contains(string(payload), ".") {
			t.Fatalf("%q cannot be signed as a cookie", payload)
		}
	})
}

func TestSessionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site, other := siteID.Draw(t, "site"), siteID.Draw(t, "other")
		want := Session{ID: rapid.Uint64Min(1).Draw(t, "session"), Last: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "last"), 0).UTC()}
		payload := AppendSession(nil, site, want)
		if got, err := ParseSession(payload, site); got != want || err != nil {
			t.Fatalf("%q: %v, %v; want %v", payload, got, err, want)
		}
		if got, err := ParseSession(payload, other); site != other && (got != Session{} || !errors.Is(err, ErrPayload)) {
			t.Fatalf("%q of %s counts for %s", payload, site, other)
		}
		if !wellFormed(payload) || strings.Contains(string(payload), ".") {
			t.Fatalf("%q cannot be signed as a cookie", payload)
		}
	})
}

func aCampaign(t *rapid.T, label string) event.Campaign {
	f := rapid.SliceOfN(rapid.String(), sourceFields, sourceFields).Draw(t, label)
	return campaignOf(f)
}

func TestSourcesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site, other := siteID.Draw(t, "site"), siteID.Draw(t, "other")
		want := Sources{First: aCampaign(t, "first"), Last: aCampaign(t, "last")}
		payload := AppendSources(nil, site, &want)
		got, err := ParseSources(payload, site)
		if err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
		for _, c := range []*event.Campaign{&want.First, &want.Last} {
			for _, f := range []*string{&c.Source, &c.Medium, &c.Name, &c.Content, &c.Term, &c.ID, &c.ClickIDKind, &c.Channel, &c.ReferrerHost} {
				*f = strings.ReplaceAll(*f, "\x1f", " ") // the separator
			}
		}
		if got != want {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		if got, err := ParseSources(payload, other); site != other && (got != Sources{} || !errors.Is(err, ErrPayload)) {
			t.Fatalf("sources of %s count for %s", site, other)
		}
		if !wellFormed(payload) || strings.Contains(string(payload), ".") {
			t.Fatalf("%q cannot be signed as a cookie", payload)
		}
	})
}

func TestPayloadsRefused(t *testing.T) {
	for _, bad := range []string{
		"", "shop", "shop~", "shop~0", "shop~-1", "shop~+1", "shop~zzzzzzzzzzzzzzzzz", "shop~1_0", "shop~a~b", "shop2~1", "~1", "SHOP~1",
	} {
		if v, err := ParseVisitor([]byte(bad), "shop"); v != 0 || !errors.Is(err, ErrPayload) {
			t.Errorf("ParseVisitor(%q) = %d, %v", bad, v, err)
		}
	}
	for _, bad := range []string{
		"", "shop", "shop~1", "shop~1~", "shop~0~5", "shop~1~x", "shop~1~99999999999999999999", "shop~1~5~6", "blog~1~5",
	} {
		if s, err := ParseSession([]byte(bad), "shop"); s != (Session{}) || !errors.Is(err, ErrPayload) {
			t.Errorf("ParseSession(%q) = %v, %v", bad, s, err)
		}
	}
	whole := string(AppendSources(nil, "shop", &Sources{First: event.Campaign{Source: "a"}}))
	for _, bad := range []string{"", "shop", "shop~", "shop~YQ", "shop~!!", whole[:len(whole)-2], whole + "\n", whole + "HwAf", "blog" + whole[4:]} {
		if s, err := ParseSources([]byte(bad), "shop"); s != (Sources{}) || !errors.Is(err, ErrPayload) {
			t.Errorf("ParseSources(%q) = %v, %v", bad, s, err)
		}
	}
}

// A visitor's cookie is a no for every other use, even with the same payload.
func TestPayloadsDoNotChangeCookies(t *testing.T) {
	ring := newRing(t)
	var j Jar
	header := ring.Sign(VisitorCookie, []byte("kj_ses_shop="), AppendSession(nil, "shop", Session{ID: 1, Last: started}))
	j.Read(header, "shop")
	if _, err := j.Open(ring, SessionJar); !errors.Is(err, ErrSignature) {
		t.Errorf("a payload signed for kj_vid opens as kj_ses: %v", err)
	}
}
