package identity

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPolicy_5_3_RightIsOneVisitorsForAYear(t *testing.T) {
	ring, other := newRing(t), newRing(t)
	want := VisitorRight{Site: "shop", Visitor: 12345678901, Expires: started.Add(RightLifetime).UTC().Truncate(time.Second)}
	token := ring.SealRight(want)
	if strings.Contains(token, "shop") || token == ring.SealRight(want) {
		t.Error("the token shows what it stands for")
	}
	if got, err := ring.OpenRight(token, want.Expires.Add(-time.Second)); got != want || err != nil {
		t.Errorf("in its last second: %+v, %v", got, err)
	}
	if got, err := ring.OpenRight(token, want.Expires); got != want || !errors.Is(err, ErrExpired) {
		t.Errorf("after a year: %+v, %v", got, err)
	}
	if _, err := other.OpenRight(token, started); !errors.Is(err, ErrSignature) {
		t.Errorf("another ring's: %v", err)
	}
	for _, plain := range []string{"", "v", "v~shop", "v~shop~5", "r~shop~5~9999999999", "v~shop~0~9999999999", "v~shop~5~x", "v~shop~5~6~9999999999"} {
		if got, err := ring.OpenRight(ring.Seal(Right, []byte(plain)), started); err == nil {
			t.Errorf("%q is a right of %+v", plain, got)
		}
	}
}

func TestFormTokenIsForOneFormSitePersonAndHour(t *testing.T) {
	ring := newRing(t)
	me, nobody := ring.SubjectHash("shop", 1), [16]byte{}
	token := ring.FormToken("me", "shop", me, started)
	for _, c := range []struct {
		name, token, form, site string
		bound                   [16]byte
		after                   time.Duration
		want                    error
	}{
		{"as made", token, "me", "shop", me, 0, nil},
		{"within the hour", token, "me", "shop", me, FormLifetime - time.Second, nil},
		{"an hour later", token, "me", "shop", me, FormLifetime, ErrExpired},
		{"from the future", token, "me", "shop", me, -2 * time.Minute, ErrExpired},
		{"another form", token, "choices", "shop", me, 0, ErrPayload},
		{"another site", token, "me", "other", me, 0, ErrPayload},
		{"another visitor", token, "me", "shop", ring.SubjectHash("shop", 2), 0, ErrPayload},
		{"nobody's", token, "me", "shop", nobody, 0, ErrPayload},
		{"nobody's, as made", ring.FormToken("me", "shop", nobody, started), "me", "shop", nobody, 0, nil},
		{"none", "", "me", "shop", me, 0, ErrSignature},
		{"a cookie's signature", string(ring.Sign(ConsentCookie, nil, []byte("me~shop~~1"))), "me", "shop", nobody, 0, ErrSignature},
		{"no fields", string(ring.Sign(Form, nil, []byte("me"))), "me", "shop", nobody, 0, ErrPayload},
	} {
		if err := ring.CheckForm(c.token, c.form, c.site, c.bound, started.Add(c.after)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSubjectHash(t *testing.T) {
	ring := newRing(t)
	one := ring.SubjectHash("shop", 1)
	rotated, err := ring.Rotate(started)
	if err != nil {
		t.Fatal(err)
	}
	if rotated.SubjectHash("shop", 1) != one {
		t.Error("a rotation gives a visitor another name")
	}
	if one == ring.SubjectHash("shop", 2) || one == ring.SubjectHash("other", 1) || one == newRing(t).SubjectHash("shop", 1) {
		t.Error("two visitors, sites or rings share a name")
	}
	sealed := rotated.SealSubject("shop", 1)
	revoked, err := rotated.Rotate(started)
	if err == nil {
		revoked, err = revoked.Revoke(rotated.Keys()[1].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := revoked.UnsealSubject("shop", sealed); got != 1 || err != nil {
		t.Errorf("a tombstone under a revoked key names %d, %v", got, err)
	}
	if _, _, err := ring.UnsealSubject("other", sealed); err == nil {
		t.Error("a tombstone counts at another site")
	}
}
