package identity

import (
	"errors"
	"testing"
	"time"
)

// TestRecipientRight: it works for 30 minutes, for a recipient, and is no right
// over the visitor whose number is the same.
func TestRecipientRight(t *testing.T) {
	issued := time.Unix(1_800_000_000, 0).UTC()
	ring, err := NewRing(issued)
	if err != nil {
		t.Fatal(err)
	}
	right := RecipientRight{Site: "shop", Recipient: 1<<64 - 1, Issued: issued}
	token := ring.SealRecipientRight(right)
	for after, want := range map[time.Duration]error{
		0: nil, MailRightLifetime - time.Second: nil, MailRightLifetime: ErrExpired, -2 * time.Minute: ErrExpired,
	} {
		if got, err := ring.OpenRecipientRight(token, issued.Add(after)); got != right || !errors.Is(err, want) {
			t.Errorf("after %v: %+v, %v", after, got, err)
		}
	}
	if got, err := ring.OpenRight(token, issued); err == nil {
		t.Errorf("it opened as a visitor's: %+v", got)
	}
	visitor := ring.SealRight(VisitorRight{Site: "shop", Visitor: 5, Expires: issued.Add(time.Hour)})
	for _, bad := range []string{"", "x", visitor, token[:len(token)-1], token + "A", ring.Seal(Right, []byte("r~shop~1")), ring.Seal(Right, []byte("r~shop~0~1")), ring.Seal(Right, []byte("r~shop~1~x"))} {
		if got, err := ring.OpenRecipientRight(bad, issued); err == nil {
			t.Errorf("%q opened as %+v", bad, got)
		}
	}
}

// TestSubjectsStayApart: a recipient and a visitor of one number are two people in
// a tombstone, at every site, whatever its id.
func TestSubjectsStayApart(t *testing.T) {
	ring, err := NewRing(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, site := range []string{"shop", "r", "v"} {
		if ring.SubjectHash(site, 7) == ring.RecipientHash(site, 7) {
			t.Errorf("%s: one hash for both", site)
		}
		if v, r, err := ring.UnsealSubject(site, ring.SealSubject(site, 7)); v != 7 || r != 0 || err != nil {
			t.Errorf("%s: a visitor came back as %d, %d, %v", site, v, r, err)
		}
		if v, r, err := ring.UnsealSubject(site, ring.SealRecipient(site, 7)); v != 0 || r != 7 || err != nil {
			t.Errorf("%s: a recipient came back as %d, %d, %v", site, v, r, err)
		}
		if _, _, err := ring.UnsealSubject("other", ring.SealRecipient(site, 7)); err == nil {
			t.Errorf("%s: another site's recipient", site)
		}
	}
}
