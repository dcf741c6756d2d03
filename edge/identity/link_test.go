package identity

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kunjicloud/kunji/edge/event"
	"pgregory.net/rapid"
)

var linkUses = []Use{Click, Impression, Open, Unsubscribe, MailChoices}

var spring = event.Campaign{Source: "newsletter", Medium: "email", Name: "spring-2026"}

// typicalLink is a usual link for use.
func typicalLink(use Use) Link {
	l := Link{Site: "shop", Campaign: spring}
	room, _ := roomOf(use)
	if room.destination {
		l.Destination = "https://www.shop.example/spring/offers?utm_source=newsletter&utm_medium=email&utm_campaign=spring-2026"
	}
	if room.recipient {
		l.Recipient, l.Sent = 0x1234567890abcdef, started
	}
	if use == Unsubscribe || use == MailChoices {
		l.Ref, l.List = "subscriber-1048576", "spring"
	}
	return l
}

func sealLink(t testing.TB, r *Ring, use Use, l Link) string {
	t.Helper()
	token, err := r.SealLink(use, l)
	if err != nil {
		t.Fatalf("SealLink(%s, %+v): %v", use, l, err)
	}
	return token
}

func TestLinkRoundTrip(t *testing.T) {
	ring := newRing(t)
	for _, use := range linkUses {
		want := typicalLink(use)
		token := sealLink(t, ring, use, want)
		got, err := ring.OpenLink(use, token)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v\nwant %+v", use, got, err, want)
		}
		if !wellFormed([]byte(token)) || strings.ContainsAny(token, "~:") {
			t.Errorf("%s: %q has characters that a path cannot hold", use, token)
		}
		t.Logf("%-12s %d characters", use, len(token))
	}
}

// TestLinkLength keeps links short: mail programs cut long mails, and some
// gateways long addresses.
func TestLinkLength(t *testing.T) {
	ring := newRing(t)
	for use, most := range map[Use]int{Click: 250, Impression: 80, Open: 100, Unsubscribe: 200, MailChoices: 200} {
		if n := len(sealLink(t, ring, use, typicalLink(use))); n > most {
			t.Errorf("%s: %d characters, want at most %d", use, n, most)
		}
	}
}

// TestPolicy_7_1_EveryBentLinkIsRefused: each flipped bit, truncation,
// extension and each swap between uses.
func TestPolicy_7_1_EveryBentLinkIsRefused(t *testing.T) {
	ring := newRing(t)
	for _, use := range linkUses {
		token := sealLink(t, ring, use, typicalLink(use))
		refused := func(what, bad string) {
			t.Helper()
			if l, err := ring.OpenLink(use, bad); !errors.Is(err, ErrSignature) || l != (Link{}) {
				t.Errorf("%s, %s: %+v, %v", use, what, l, err)
			}
		}
		for i := range token {
			for bit := range 8 {
				bad := []byte(token)
				bad[i] ^= 1 << bit
				refused("a flipped bit", string(bad))
			}
			refused("cut at the end", token[:i])
			refused("cut at the front", token[i+1:])
		}
		for b := range 256 {
			refused("extended", token+string([]byte{byte(b)}))
			refused("put before", string([]byte{byte(b)})+token)
		}
		for _, other := range allUses {
			if other == use {
				continue
			}
			if _, err := ring.OpenLink(other, token); !errors.Is(err, ErrSignature) {
				t.Errorf("a link for %s opens as %s: %v", use, other, err)
			}
			if _, err := ring.Verify(other, []byte(token)); !errors.Is(err, ErrSignature) {
				t.Errorf("a link for %s verifies as %s: %v", use, other, err)
			}
		}
	}
}

// TestLinkOfAnotherSite takes the signed bytes of one site's link and puts
// another site, or the other's sealed ref, in their place.
func TestLinkOfAnotherSite(t *testing.T) {
	ring := newRing(t)
	shop, blog := typicalLink(Unsubscribe), typicalLink(Unsubscribe)
	blog.Site = "blog"
	a, b := sealLink(t, ring, Unsubscribe, shop), sealLink(t, ring, Unsubscribe, blog)
	cut := func(token string) (payload, tail string) {
		at := strings.IndexByte(token, '.')
		return token[:at], token[at:]
	}
	pa, ta := cut(a)
	pb, tb := cut(b)
	for _, bad := range []string{pa + tb, pb + ta} {
		if _, err := ring.OpenLink(Unsubscribe, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("a payload under another's mac opens: %v", err)
		}
	}
	// Even with a right mac a ref sealed for one site does not open in another.
	payload, err := decode(nil, []byte(pa))
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(payload), "\x04shop", "\x04blog", 1)
	token := ring.Sign(Unsubscribe, nil, encoding.AppendEncode(nil, []byte(moved)))
	if _, err := ring.OpenLink(Unsubscribe, string(token)); !errors.Is(err, ErrSignature) {
		t.Errorf("a ref sealed for shop opens in blog: %v", err)
	}
}

// TestLinkHasOneSpelling signs payloads that say the same in another way.
func TestLinkHasOneSpelling(t *testing.T) {
	ring := newRing(t)
	l := typicalLink(Click)
	good := l.appendTo(nil, Click, ring.signer(Click))
	opens := func(payload []byte) error {
		_, err := ring.OpenLink(Click, string(ring.Sign(Click, nil, encoding.AppendEncode(nil, payload))))
		return err
	}
	if err := opens(good); err != nil {
		t.Fatalf("the usual spelling: %v", err)
	}
	at := strings.Index(string(good), "\x04shop")
	splice := func(i, n int, with ...byte) []byte {
		return append(append(append([]byte(nil), good[:i]...), with...), good[i+n:]...)
	}
	for name, bad := range map[string][]byte{
		"another format":            splice(0, 1, 2),
		"an unknown flag":           splice(1, 1, good[1]|1<<7),
		"a seventh campaign field":  splice(2, 1, good[2]|1<<6),
		"a length in two bytes":     splice(at, 1, 0x84, 0),
		"a field that is empty":     splice(2, 1, good[2]|1<<5),
		"no site":                   splice(at, 5, 0),
		"text that is not UTF-8":    splice(at+1, 1, 0xff),
		"an unknown scheme":         splice(strings.Index(string(good), "\x01www."), 1, 3),
		"a scheme where none stood": splice(strings.Index(string(good), "\x01www."), 1, 0),
		"nothing":                   nil,
	} {
		if err := opens(bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealLinkRefuses(t *testing.T) {
	ring := newRing(t)
	for name, c := range map[string]struct {
		use    Use
		change func(*Link)
	}{
		"a right":                      {Right, func(l *Link) { l.Destination = "" }},
		"no site":                      {Click, func(l *Link) { l.Site = "" }},
		"no destination":               {Click, func(l *Link) { l.Destination = "" }},
		"a destination of a pixel":     {Open, func(*Link) {}},
		"a pixel for nobody":           {Open, func(l *Link) { l.Destination, l.Recipient = "", 0 }},
		"an impression with recipient": {Impression, func(l *Link) { l.Destination = "" }},
		"a ref for nobody":             {Click, func(l *Link) { l.Recipient, l.Ref = 0, "r" }},
		"a long campaign":              {Click, func(l *Link) { l.Campaign.Name = strings.Repeat("x", 256) }},
		"a source that is not UTF-8":   {Click, func(l *Link) { l.Campaign.Source = "\xff" }},
		"a trap without a link":        {Open, func(l *Link) { l.Destination, l.Trap = "", true }},
		"a time before 1970":           {Click, func(l *Link) { l.Sent = time.Unix(-5, 0) }},
		"a script":                     {Click, func(l *Link) { l.Destination = "javascript:alert(1)" }},
		"a relative address":           {Click, func(l *Link) { l.Destination = "/offers" }},
		"an address without scheme":    {Click, func(l *Link) { l.Destination = "//shop.example/" }},
		"a scheme in capitals":         {Click, func(l *Link) { l.Destination = "HTTPS://shop.example/" }},
		"a user":                       {Click, func(l *Link) { l.Destination = "https://shop.example@evil.example/" }},
		"no host":                      {Click, func(l *Link) { l.Destination = "https:///offers" }},
		"a port that is none":          {Click, func(l *Link) { l.Destination = "https://shop.example:99999/" }},
		"an empty port":                {Click, func(l *Link) { l.Destination = "https://shop.example:/" }},
		"an encoded host":              {Click, func(l *Link) { l.Destination = "https://shop%2eexample/" }},
		"an open bracket":              {Click, func(l *Link) { l.Destination = "https://[2001:db8::1/" }},
		"a zone":                       {Click, func(l *Link) { l.Destination = "https://[fe80::1%25eth0]/" }},
		"a bad escape":                 {Click, func(l *Link) { l.Destination = "https://shop.example/50%" }},
		"a backslash":                  {Click, func(l *Link) { l.Destination = `https://shop.example\@evil.example/` }},
		"a line break":                 {Click, func(l *Link) { l.Destination = "https://shop.example/\r\nSet-Cookie: a=b" }},
		"letters beyond ASCII":         {Click, func(l *Link) { l.Destination = "https://shop.example/ü" }},
		"a long destination":           {Click, func(l *Link) { l.Destination = "https://shop.example/" + strings.Repeat("x", 2000) }},
	} {
		l := typicalLink(Click)
		c.change(&l)
		if token, err := ring.SealLink(c.use, l); err == nil {
			t.Errorf("%s: made %s", name, token)
		}
	}
}

// TestPolicy_6_4_UnsubscribeLinksOutliveTheirKey: a revoked key stops every
// other link.
func TestPolicy_6_4_UnsubscribeLinksOutliveTheirKey(t *testing.T) {
	old := newRing(t)
	tokens := map[Use]string{}
	for _, use := range linkUses {
		tokens[use] = sealLink(t, old, use, typicalLink(use))
	}
	rotated, err := old.Rotate(started.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := rotated.Revoke(old.Keys()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for use, token := range tokens {
		if l, err := rotated.OpenLink(use, token); err != nil || l != typicalLink(use) {
			t.Errorf("%s after rotation: %v", use, err)
		}
		l, err := revoked.OpenLink(use, token)
		if use == Unsubscribe {
			if err != nil || l != typicalLink(use) {
				t.Errorf("an unsubscribe link under a revoked key: %+v, %v", l, err)
			}
		} else if !errors.Is(err, ErrSignature) {
			t.Errorf("%s under a revoked key: %v", use, err)
		}
	}
}

// TestRefIsSealed: who reads a mail sees neither ref nor list, nor how long
// they are to a byte.
func TestRefIsSealed(t *testing.T) {
	ring := newRing(t)
	l := typicalLink(Unsubscribe)
	lengths := map[int]bool{}
	for n := range 7 {
		l.Ref, l.List = "secret"+strings.Repeat("x", n), ""
		token := sealLink(t, ring, Unsubscribe, l)
		payload, err := decode(nil, []byte(token[:strings.IndexByte(token, '.')]))
		if err != nil || strings.Contains(string(payload), "secret") {
			t.Errorf("the payload shows the ref: %v", err)
		}
		lengths[len(token)] = true
	}
	if len(lengths) != 1 {
		t.Errorf("refs of 6 to 12 bytes make tokens of %d lengths", len(lengths))
	}
	if first, second := sealLink(t, ring, Unsubscribe, l), sealLink(t, ring, Unsubscribe, l); first == second {
		t.Error("the same ref looks the same twice: the nonce is not random")
	}
}

func TestCheckDestinationTakes(t *testing.T) {
	for _, address := range []string{
		"https://shop.example", "http://shop.example:8080/a/b?c=d%&e=[f]#/g?h", "https://192.0.2.1/", "https://[2001:db8::1]:8443/x",
		"https://a_b.shop.example?x", "https://xn--mnchen-3ya.example#x", "https://localhost/%E2%82%AC",
	} {
		if err := CheckDestination(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestLinkProperty(t *testing.T) {
	ring := newRing(t)
	text := rapid.StringN(0, 80, maxLinkField)
	rapid.Check(t, func(t *rapid.T) {
		use := rapid.SampledFrom(linkUses).Draw(t, "use")
		room, _ := roomOf(use)
		want := Link{Site: rapid.StringMatching(`[a-z][a-z0-9-]{0,31}`).Draw(t, "site"), Test: rapid.Bool().Draw(t, "test")}
		for _, f := range want.fields() {
			*f = text.Draw(t, "field")
		}
		if room.destination {
			want.Destination = rapid.StringMatching(`https?://[a-z]{1,10}\.example(:[1-9][0-9]{1,3})?/[a-zA-Z0-9/._~?=&#-]{0,90}`).Draw(t, "destination")
			want.Trap = rapid.Bool().Draw(t, "trap")
		}
		if room.needsRecipient || room.recipient && rapid.Bool().Draw(t, "for somebody") {
			want.Recipient = rapid.Uint64Min(1).Draw(t, "recipient")
			want.Ref, want.List = text.Draw(t, "ref"), text.Draw(t, "list")
			want.Sent = time.Unix(rapid.Int64Range(1, maxSent-1).Draw(t, "sent"), 0).UTC()
		}
		token, err := ring.SealLink(use, want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ring.OpenLink(use, token); err != nil || got != want {
			t.Fatalf("%+v, %v\nwant %+v", got, err, want)
		}
	})
}

// FuzzOpenLink signs whatever the fuzzer makes, so that the parser behind the
// mac is reached: what it takes must be the only spelling of what it says.
func FuzzOpenLink(f *testing.F) {
	ring := newRing(f)
	f.Add([]byte("\x01\x00\x00\x04shop0")) // a scheme that there is not
	for _, use := range linkUses {
		l := typicalLink(use)
		l.Ref, l.List = "", "" // sealed by a nonce that differs each time
		f.Add(l.appendTo(nil, use, ring.signer(use)))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, use := range linkUses {
			if _, err := ring.OpenLink(use, string(payload)); err == nil {
				t.Fatal("bytes that nobody signed open")
			}
			l, err := ring.OpenLink(use, string(ring.Sign(use, nil, encoding.AppendEncode(nil, payload))))
			if err != nil {
				continue
			}
			if again := l.appendTo(nil, use, ring.signer(use)); l.Ref == "" && l.List == "" && string(again) != string(payload) {
				t.Fatalf("%s: %q and %q say the same", use, payload, again)
			}
			if l.Destination != "" && CheckDestination(l.Destination) != nil || !utf8.ValidString(l.Site) {
				t.Fatalf("opened %+v", l)
			}
		}
	})
}

func BenchmarkSealLink(b *testing.B) {
	ring, l := newRing(b), typicalLink(Click)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.SealLink(Click, l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenLink(b *testing.B) {
	ring := newRing(b)
	token := sealLink(b, ring, Click, typicalLink(Click))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.OpenLink(Click, token); err != nil {
			b.Fatal(err)
		}
	}
}
