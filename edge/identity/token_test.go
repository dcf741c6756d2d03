package identity

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var started = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func newRing(t testing.TB) *Ring {
	t.Helper()
	r, err := NewRing(started)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func verifies(r *Ring, use Use, token []byte) bool {
	_, err := r.Verify(use, token)
	return err == nil
}

func TestSignVerify(t *testing.T) {
	ring := newRing(t)
	for _, use := range allUses {
		for _, payload := range []string{"", "shop~1", "1~shop~a1g~~1~~20781~AQAAAAAAAAAAAAAAAAAAAA", strings.Repeat("x", 3000)} {
			token := ring.Sign(use, []byte("kept="), []byte(payload))
			rest, ok := bytes.CutPrefix(token, []byte("kept="))
			if !ok {
				t.Fatalf("%s: Sign lost what stood before", use)
			}
			got, err := ring.Verify(use, rest)
			if err != nil || string(got) != payload {
				t.Errorf("%s: Verify = %d bytes, %v; want the payload of %d", use, len(got), err, len(payload))
			}
			if !wellFormed(rest) {
				t.Errorf("%s: a token has characters that no cookie may hold", use)
			}
		}
	}
}

// TestPolicy_7_1_EveryDamageIsRefused: each single flipped bit, each
// truncation, each extension and each exchanged character.
func TestPolicy_7_1_EveryDamageIsRefused(t *testing.T) {
	ring := newRing(t)
	token := ring.Sign(VisitorCookie, nil, []byte("shop~3w5e11264sgsf"))
	for i := range token {
		for bit := range 8 {
			bad := bytes.Clone(token)
			bad[i] ^= 1 << bit
			if verifies(ring, VisitorCookie, bad) {
				t.Errorf("bit %d of byte %d flipped: still verifies", bit, i)
			}
		}
		if verifies(ring, VisitorCookie, token[:i]) || verifies(ring, VisitorCookie, token[i+1:]) {
			t.Errorf("cut at %d: still verifies", i)
		}
		if i > 0 && token[i] != token[i-1] {
			bad := bytes.Clone(token)
			bad[i], bad[i-1] = bad[i-1], bad[i]
			if verifies(ring, VisitorCookie, bad) {
				t.Errorf("bytes %d and %d exchanged: still verifies", i-1, i)
			}
		}
	}
	for b := range 256 {
		if verifies(ring, VisitorCookie, append(bytes.Clone(token), byte(b))) {
			t.Errorf("byte %#x appended: still verifies", b)
		}
		if verifies(ring, VisitorCookie, append([]byte{byte(b)}, token...)) {
			t.Errorf("byte %#x put before: still verifies", b)
		}
	}
	if verifies(ring, VisitorCookie, append(bytes.Clone(token), token...)) {
		t.Error("doubled: still verifies")
	}
}

func TestNoUseStandsForAnother(t *testing.T) {
	ring, other := newRing(t), newRing(t)
	for _, signed := range allUses {
		token := ring.Sign(signed, nil, []byte("shop~1"))
		sealed := ring.Seal(signed, []byte("shop~1"))
		for _, asked := range allUses {
			if verifies(ring, asked, token) != (signed == asked) {
				t.Errorf("signed for %s, verified for %s", signed, asked)
			}
			if _, err := ring.Unseal(asked, sealed); (err == nil) != (signed == asked) {
				t.Errorf("sealed for %s, unsealed for %s: %v", signed, asked, err)
			}
		}
		if verifies(other, signed, token) {
			t.Errorf("%s verifies under another ring", signed)
		}
		if verifies(ring, signed, []byte(sealed)) {
			t.Errorf("%s: a sealed text counts as signed", signed)
		}
		if _, err := ring.Unseal(signed, string(token)); err == nil {
			t.Errorf("%s: a signed text counts as sealed", signed)
		}
	}
	if verifies(ring, "cookie/none", ring.Sign(ConsentCookie, nil, nil)) {
		t.Error("a use that nobody declared verifies")
	}
}

func TestRandomTokensAreRefused(t *testing.T) {
	ring := newRing(t)
	id := ring.Keys()[0].ID
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload")
		mac := rapid.StringMatching(`[A-Za-z0-9_-]{22}`).Draw(t, "mac")
		for _, token := range []string{string(payload), string(payload) + "." + id + "." + mac} {
			if _, err := ring.Verify(Click, []byte(token)); !errors.Is(err, ErrSignature) {
				t.Fatalf("%q: %v", token, err)
			}
			if _, err := ring.Unseal(Click, token); !errors.Is(err, ErrSignature) {
				t.Fatalf("%q: %v", token, err)
			}
		}
	})
}

func TestSeal(t *testing.T) {
	ring := newRing(t)
	const plain = "shop~ref-4711~list-a"
	sealed := ring.Seal(Unsubscribe, []byte(plain))
	if got, err := ring.Unseal(Unsubscribe, sealed); err != nil || string(got) != plain {
		t.Fatalf("Unseal = %q, %v", got, err)
	}
	if sealed == ring.Seal(Unsubscribe, []byte(plain)) {
		t.Error("the same text seals to the same token: two mails could be told to be one person's")
	}
	if strings.Contains(sealed, "shop") {
		t.Error("the token shows what it hides")
	}
	for i := range len(sealed) {
		for bit := range 8 {
			bad := []byte(sealed)
			bad[i] ^= 1 << bit
			if _, err := ring.Unseal(Unsubscribe, string(bad)); !errors.Is(err, ErrSignature) {
				t.Errorf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
		if _, err := ring.Unseal(Unsubscribe, sealed[:i]); !errors.Is(err, ErrSignature) {
			t.Errorf("cut at %d: %v", i, err)
		}
		// Package base64 skips line breaks; a token has one spelling.
		for _, more := range []string{"\n", "\r", "=", "A", "."} {
			if _, err := ring.Unseal(Unsubscribe, sealed[:i]+more+sealed[i:]); !errors.Is(err, ErrSignature) {
				t.Errorf("%q put in at %d: %v", more, i, err)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id [16]byte
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text := FormatID(id)
		if string(AppendID([]byte("x"), id)) != "x"+text {
			t.Fatal("AppendID and FormatID differ")
		}
		if got, err := ParseID([]byte(text)); got != id || err != nil {
			t.Fatalf("ParseID(%q) = %v, %v", text, got, err)
		}
	})
	good := FormatID([16]byte{1, 2, 3})
	for _, bad := range []string{"", good[:21], good + "A", good[:20] + "\n\n", good[:21] + "B", good[:21] + "=", strings.Repeat("\r", 22), strings.Repeat("+", 22)} {
		if id, err := ParseID([]byte(bad)); err == nil || id != ([16]byte{}) {
			t.Errorf("ParseID(%q) = %v, %v", bad, id, err)
		}
	}
	ids, visitors := [2][16]byte{NewID(), NewID()}, [2]uint64{NewVisitor(), NewVisitor()}
	if ids[0] == ids[1] || visitors[0] == visitors[1] {
		t.Error("two ids are equal")
	}
}

func TestSignAndVerifyAtOnce(t *testing.T) {
	ring := newRing(t)
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			use := allUses[n%3]
			payload := bytes.Repeat([]byte{byte('a' + n)}, 10+n)
			for range 300 {
				token := ring.Sign(use, nil, payload)
				if got, err := ring.Verify(use, token); err != nil || !bytes.Equal(got, payload) {
					t.Errorf("Verify = %q, %v", got, err)
					return
				}
				token[0] ^= 1
				if verifies(ring, use, token) {
					t.Error("a damaged token verifies")
					return
				}
			}
		})
	}
	wait.Wait()
}

func FuzzVerify(f *testing.F) {
	ring := newRing(f)
	f.Add([]byte("shop~1.abcd.AAAAAAAAAAAAAAAAAAAAAA"))
	f.Add([]byte("..........................."))
	f.Fuzz(func(t *testing.T, token []byte) {
		if _, err := ring.Verify(Click, token); err == nil {
			t.Errorf("%q verifies", token)
		}
		if _, err := ring.Unseal(Click, string(token)); err == nil {
			t.Errorf("%q unseals", token)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	ring := newRing(b)
	payload := []byte("1~shop~p1g_a1g_m1g~~1~~20781~AQAAAAAAAAAAAAAAAAAAAA")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = ring.Sign(ConsentCookie, dst[:0], payload)
	}
}

func BenchmarkVerify(b *testing.B) {
	ring := newRing(b)
	token := ring.Sign(ConsentCookie, nil, []byte("1~shop~p1g_a1g_m1g~~1~~20781~AQAAAAAAAAAAAAAAAAAAAA"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Verify(ConsentCookie, token); err != nil {
			b.Fatal(err)
		}
	}
}
