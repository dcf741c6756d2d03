package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// SubjectHash names a visitor where the id itself must not stand: in a
// tombstone, in a receipt. It is the first 16 bytes of HMAC-SHA-256 over the
// id's text under a secret of the site, so the same visitor has the same name
// for as long as the ring lives, another one at each site, and nobody without
// the ring finds the id by trying.
func (r *Ring) SubjectHash(site string, visitor uint64) (hash [16]byte) {
	mac := hmac.New(sha256.New, r.SiteSecret(site, "subject"))
	mac.Write(AppendVisitor(nil, site, visitor))
	copy(hash[:], mac.Sum(nil))
	return hash
}

// SpoolKey is the key that seals the records of a day in the spool (UTC, days
// since 1970). It is derived from the root and lies nowhere, so no damage of a
// disk can take it, and with it all records of the day.
func (r *Ring) SpoolKey(day uint32) []byte {
	return derive(r.file().Root, fmt.Sprintf("spool day/%d", day))
}

// RecipientHash names a mail recipient in the same way, by a secret of its own:
// nothing joins a recipient to a visitor, not even by their numbers.
func (r *Ring) RecipientHash(site string, recipient uint64) (hash [16]byte) {
	mac := hmac.New(sha256.New, r.SiteSecret(site, "subject/mail"))
	mac.Write(AppendVisitor(nil, site, recipient))
	copy(hash[:], mac.Sum(nil))
	return hash
}

// recipientSubject begins the plain text of a recipient's tombstone.
const recipientSubject = "r~"

// SealSubject encrypts who a tombstone is about, for the job that erases.
func (r *Ring) SealSubject(site string, visitor uint64) string {
	return r.Seal(Erase, AppendVisitor(nil, site, visitor))
}

// SealRecipient does it for a mail recipient.
func (r *Ring) SealRecipient(site string, recipient uint64) string {
	return r.Seal(Erase, AppendVisitor([]byte(recipientSubject), site, recipient))
}

// UnsealSubject reads what SealSubject or SealRecipient wrote; one of visitor and
// recipient is 0. It fails for another site's.
func (r *Ring) UnsealSubject(site, sealed string) (visitor, recipient uint64, err error) {
	plain, err := r.Unseal(Erase, sealed)
	if err != nil {
		return 0, 0, err
	}
	// A visitor of a site whose id is r has no second tilde.
	if rest, ok := bytes.CutPrefix(plain, []byte(recipientSubject)); ok && bytes.IndexByte(rest, '~') >= 0 {
		recipient, err = ParseVisitor(rest, site)
		return 0, recipient, err
	}
	visitor, err = ParseVisitor(plain, site)
	return visitor, 0, err
}
