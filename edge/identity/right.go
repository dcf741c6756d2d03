package identity

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// RightLifetime is how long a visitor's rights address works.
const RightLifetime = 365 * 24 * time.Hour

// ErrExpired says that a token was ours and its time is over.
var ErrExpired = errors.New("the token's time is over")

// VisitorRight is what a visitor's rights address stands for: whoever holds it
// may see, copy, correct and erase what is kept about one visitor of a site.
type VisitorRight struct {
	Site    string
	Visitor uint64
	Expires time.Time // seconds
}

// visitorRight begins the plain text, so that a right of another kind of
// person can never be read as a visitor's.
const visitorRight = "v"

// SealRight makes the token of a rights address. Its plain text is
//
//	v~site~visitor~expiry
//
// and encrypted, since an address is shown, copied and kept in histories, and
// must not show the visitor's id.
func (r *Ring) SealRight(right VisitorRight) string {
	plain := append([]byte(visitorRight), '~')
	plain = append(AppendVisitor(plain, right.Site, right.Visitor), '~')
	return r.Seal(Right, strconv.AppendInt(plain, right.Expires.Unix(), 10))
}

// OpenRight reads a token that SealRight made; ErrExpired from its last second
// on, with the right it was.
func (r *Ring) OpenRight(token string, now time.Time) (VisitorRight, error) {
	plain, err := r.Unseal(Right, token)
	if err != nil {
		return VisitorRight{}, err
	}
	kind, rest, _ := bytes.Cut(plain, []byte{'~'})
	i := bytes.LastIndexByte(rest, '~')
	if string(kind) != visitorRight || i < 0 {
		return VisitorRight{}, ErrPayload
	}
	site, _, _ := bytes.Cut(rest, []byte{'~'})
	visitor, err := ParseVisitor(rest[:i], string(site))
	if err != nil {
		return VisitorRight{}, err
	}
	at, err := strconv.ParseInt(string(rest[i+1:]), 10, 64)
	if err != nil {
		return VisitorRight{}, ErrPayload
	}
	right := VisitorRight{Site: string(site), Visitor: visitor, Expires: time.Unix(at, 0).UTC()}
	if !now.Before(right.Expires) {
		return right, ErrExpired
	}
	return right, nil
}
