package identity

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestItemsLimits(t *testing.T) {
	full := func() Items {
		var s Items
		for _, key := range []string{"a", "b"} {
			if err := s.Set(key, strings.Repeat("x", 1000)); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	for _, c := range []struct {
		name, key, value string
		want             error
	}{
		{"fits exactly", "cart", strings.Repeat("x", MaxItems-2002-4), nil},
		{"one byte more than all", "cart", strings.Repeat("x", MaxItems-2002-3), ErrItems},
		{"in the place of another", "a", strings.Repeat("y", MaxItem), nil},
		{"value too long", "a", strings.Repeat("y", MaxItem+1), ErrItem},
		{"value not text", "a", "\xff", ErrItem},
		{"empty value", "a", "", nil},
		{"longest key", strings.Repeat("k", 30), "", nil},
		{"no key", "", "v", ErrItemKey},
		{"key too long", strings.Repeat("k", 65), "", ErrItemKey},
		{"key with a space", "my cart", "", ErrItemKey},
		{"key with every sort", "aZ9_.-", "v", nil},
	} {
		s := full()
		err := s.Set(c.key, c.value)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if got, ok := s.Get(c.key); err == nil && (!ok || got != c.value) || err != nil && c.key != "a" && ok {
			t.Errorf("%s: Get finds %d bytes, %v", c.name, len(got), ok)
		}
	}
}

// TestItemsRoundTrip: whatever may be kept comes back, fits a cookie that is
// read, and is no other site's.
func TestItemsRoundTrip(t *testing.T) {
	ring := newRing(t)
	key, value := rapid.StringMatching(`[A-Za-z0-9_.-]{1,64}`), rapid.StringN(0, 400, MaxItem)
	rapid.Check(t, func(t *rapid.T) {
		site := siteID.Draw(t, "site")
		var want Items
		for range rapid.IntRange(0, 40).Draw(t, "items") {
			_ = want.Set(key.Draw(t, "key"), value.Draw(t, "value")) // the last ones may not fit
		}
		if len(want) > 0 && rapid.Bool().Draw(t, "remove") {
			gone := want[0].Key
			if !want.Remove(gone) || want.Remove(gone) {
				t.Fatal("Remove does not say whether there was one")
			}
		}
		payload := AppendItems(nil, site, want)
		cookie := ring.Sign(StoreCookie, nil, payload)
		if len(cookie) > maxCookie || !wellFormed(cookie) {
			t.Fatalf("a cookie of %d bytes is not read", len(cookie))
		}
		got, err := ParseItems(payload, site)
		if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if _, err := ParseItems(payload, site+"x"); !errors.Is(err, ErrPayload) {
			t.Fatalf("another site's items: %v", err)
		}
	})
}

// TestItemsOfManyKeysFitACookie: the smallest items have the most overhead.
func TestItemsOfManyKeysFitACookie(t *testing.T) {
	var s Items
	if err := s.Set("long", strings.Repeat("x", MaxItem)); err != nil {
		t.Fatal(err)
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for i := range len(letters) * len(letters) {
		if s.Set(string([]byte{letters[i/len(letters)], letters[i%len(letters)]}), "0123456789ab") != nil {
			break
		}
	}
	cookie := newRing(t).Sign(StoreCookie, nil, AppendItems(nil, strings.Repeat("s", 32), s))
	if len(s) != maxItems || len(cookie) > maxCookie {
		t.Errorf("%d items make a cookie of %d bytes, %d are read", len(s), len(cookie), maxCookie)
	}
}

func FuzzParseItems(f *testing.F) {
	f.Add(AppendItems(nil, "s", Items{{"a", "b"}, {"c", ""}}))
	f.Add([]byte("s~"))
	f.Add([]byte("s~AA"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		items, err := ParseItems(payload, "s")
		if err != nil {
			return
		}
		again, err := ParseItems(AppendItems(nil, "s", items), "s")
		if err != nil || !reflect.DeepEqual(again, items) {
			t.Errorf("%v came back as %v, %v", items, again, err)
		}
	})
}
