package identity

import (
	"bytes"
	"strconv"
	"time"
)

// MailRightLifetime is how long a rights address that was asked for by mail works.
const MailRightLifetime = 30 * time.Minute

// RecipientRight is what a rights address stands for that went to a mail address:
// whoever reads that mail may see, copy, correct and erase what is kept about one
// recipient of a site, until something is changed with it.
type RecipientRight struct {
	Site      string
	Recipient uint64
	Issued    time.Time // seconds
}

// recipientRight begins the plain text; a visitor's begins otherwise.
const recipientRight = "r"

// SealRecipientRight makes the token of a rights address. Its plain text is
//
//	r~site~recipient~issued
//
// encrypted as a visitor's is.
func (r *Ring) SealRecipientRight(right RecipientRight) string {
	plain := append([]byte(recipientRight), '~')
	plain = append(AppendVisitor(plain, right.Site, right.Recipient), '~')
	return r.Seal(Right, strconv.AppendInt(plain, right.Issued.Unix(), 10))
}

// OpenRecipientRight reads a token that SealRecipientRight made; ErrExpired after
// MailRightLifetime, with the right it was.
func (r *Ring) OpenRecipientRight(token string, now time.Time) (RecipientRight, error) {
	plain, err := r.Unseal(Right, token)
	if err != nil {
		return RecipientRight{}, err
	}
	kind, rest, _ := bytes.Cut(plain, []byte{'~'})
	i := bytes.LastIndexByte(rest, '~')
	if string(kind) != recipientRight || i < 0 {
		return RecipientRight{}, ErrPayload
	}
	site, _, _ := bytes.Cut(rest, []byte{'~'})
	recipient, err := ParseVisitor(rest[:i], string(site))
	if err != nil {
		return RecipientRight{}, err
	}
	at, err := strconv.ParseInt(string(rest[i+1:]), 10, 64)
	if err != nil {
		return RecipientRight{}, ErrPayload
	}
	right := RecipientRight{Site: string(site), Recipient: recipient, Issued: time.Unix(at, 0).UTC()}
	if age := now.Sub(right.Issued); age < -time.Minute || age >= MailRightLifetime {
		return right, ErrExpired
	}
	return right, nil
}
