package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
)

var sentAt = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func newRing(t testing.TB) *identity.Ring {
	t.Helper()
	r, err := identity.NewRing(sentAt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecipient(t *testing.T) {
	ring := newRing(t)
	of := func(text, site string) uint64 {
		t.Helper()
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatalf("ParseAddress: %v", err)
		}
		return a.Recipient(ring, site)
	}
	anna := of("anna@example.org", "shop")
	if anna == 0 {
		t.Fatal("a recipient is 0")
	}
	for _, same := range []string{"Anna@Example.ORG", " anna@example.org ", "Anna Li <anna@example.org>", "<ANNA@example.org>", `"anna"@example.org`} {
		if of(same, "shop") != anna {
			t.Errorf("%s is another recipient", same)
		}
	}
	for _, other := range []string{"ann.a@example.org", "anna+news@example.org", "anna@mail.example.org", "anna@example.com"} {
		if of(other, "shop") == anna {
			t.Errorf("%s is the same recipient", other)
		}
	}
	if of("anna@example.org", "blog") == anna {
		t.Error("a recipient is the same on another site")
	}
	if of("jürg@münchen.example", "shop") != of("JU\u0308RG@xn--mnchen-3ya.example", "shop") {
		t.Error("composed and decomposed letters are two recipients")
	}
	if a, err := ParseAddress("anna@example.org"); err != nil || a.Recipient(newRing(t), "shop") == anna {
		t.Errorf("a recipient is the same under another ring: %v", err)
	}
	rotated, err := ring.Rotate(sentAt.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ParseAddress("anna@example.org"); err != nil || a.Recipient(rotated, "shop") != anna {
		t.Errorf("a rotated key changes recipients: %v", err)
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, text := range []string{
		"", "anna", "@example.org", "anna@", "anna@exa mple.org", "anna@a, bob@b", "anna@example.org\r\nBcc: x@y", "anna@-x.example",
		strings.Repeat("a", 250) + "@example.org", "anna\x00@example.org",
	} {
		if a, err := ParseAddress(text); !errors.Is(err, ErrAddress) || a != (Address{}) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if (Address{}).Recipient(newRing(t), "shop") != 0 {
		t.Error("no address has a recipient")
	}
}

// TestPolicy_7_2_AddressesCannotBeWritten: no way of printing shows one.
func TestPolicy_7_2_AddressesCannotBeWritten(t *testing.T) {
	a, err := ParseAddress("anna@example.org")
	if err != nil {
		t.Fatal(err)
	}
	inside := struct {
		To  Address
		to  Address
		all []Address
	}{a, a, []Address{a}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("mail", "to", a, "inside", inside)
	encoded, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb, a) + fmt.Sprintf(verb, inside) + fmt.Sprintf(verb, &inside)
	}
	if strings.Contains(all, "anna") || strings.Contains(all, fmt.Sprintf("%x", "anna")) {
		t.Errorf("an address was printed: %s", all)
	}
	var got string
	if err := a.Deliver(func(address string) error { got = address; return nil }); err != nil || got != "anna@example.org" {
		t.Errorf("Deliver gave %q, %v", got, err)
	}
}
