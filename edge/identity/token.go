package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Use is what a signature is for. Each has a key of its own.
type Use string

// The uses.
const (
	ConsentCookie Use = "cookie/consent"
	VisitorCookie Use = "cookie/visitor"
	SessionCookie Use = "cookie/session"
	SourceCookie  Use = "cookie/source"
	StoreCookie   Use = "cookie/store"
	Handle        Use = "handle"      // what a page hands to its own server
	Form          Use = "form"        // CSRF tokens of our own pages
	Right         Use = "right"       // see, copy, correct, erase
	Click         Use = "click"       // ad and mail links
	Impression    Use = "impression"  // ad impressions
	Open          Use = "open"        // mail pixels
	Unsubscribe   Use = "unsubscribe" // valid for years
	MailChoices   Use = "mail_choices"
	Share         Use = "share"  // a report that the console shows to whoever has the link
	Erase         Use = "erase"  // whom a tombstone names; only in our own spool
	Sender        Use = "sender" // a sender's ref and list, in our own tables
	Letter        Use = "letter" // a mail that waits to be sent; only in our own folder
	Export        Use = "export" // what is kept about somebody, for an operator, for minutes
)

var allUses = []Use{
	ConsentCookie, VisitorCookie, SessionCookie, SourceCookie, StoreCookie, Handle, Form, Right,
	Click, Impression, Open, Unsubscribe, MailChoices, Erase, Sender, Letter, Share, Export,
}

// outlives reports whether a use's tokens verify under a revoked key too: a
// mail's unsubscribe must work for years, an erasure that was promised is carried
// out, and the sender learns who left.
func (u Use) outlives() bool { return u == Unsubscribe || u == Erase || u == Sender }

// ErrSignature says that a token was not signed by this ring for this use.
// It never says why, nor shows the token.
var ErrSignature = errors.New("not signed by this key ring for this use")

const (
	macBytes = 16
	macText  = 22 // base64url of macBytes
	keyText  = 4
	tailText = 1 + keyText + 1 + macText
)

var encoding = base64.RawURLEncoding.Strict()

// signer signs for one use with one key. Hash states are pooled: a hit
// verifies up to four cookies.
type signer struct {
	id     string
	states sync.Pool
	aead   cipher.AEAD
}

// macState is a reusable HMAC with room for its sum.
type macState struct {
	hash.Hash
	sum [sha256.Size]byte
}

// newSigner takes two keys, so that one secret never serves two algorithms.
func newSigner(id string, secret, sealing []byte) *signer {
	block, err := aes.NewCipher(sealing)
	if err != nil {
		panic("aes: " + err.Error()) // only a wrong key length fails
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("gcm: " + err.Error())
	}
	s := &signer{id: id, aead: aead}
	s.states.New = func() any { return &macState{Hash: hmac.New(sha256.New, secret)} }
	return s
}

// mac appends the encoded mac of message to dst.
func (s *signer) mac(dst, message []byte) []byte {
	state := s.states.Get().(*macState)
	defer s.states.Put(state)
	state.Reset()
	state.Write(message)
	return encoding.AppendEncode(dst, state.Hash.Sum(state.sum[:0])[:macBytes])
}

// Sign appends the token of payload to dst. The payload must not contain a dot.
func (r *Ring) Sign(use Use, dst, payload []byte) []byte {
	s := r.signer(use)
	start := len(dst)
	dst = append(dst, payload...)
	dst = append(dst, '.')
	dst = append(dst, s.id...)
	message := dst[start:]
	dst = append(dst, '.')
	return s.mac(dst, message)
}

// Verify returns the payload of a token that this ring signed for use. The
// payload is a part of token, not a copy.
func (r *Ring) Verify(use Use, token []byte) ([]byte, error) {
	n := len(token) - tailText
	if n < 0 || token[n] != '.' || token[n+1+keyText] != '.' {
		return nil, ErrSignature
	}
	s := r.verifier(string(token[n+1:n+1+keyText]), use)
	if s == nil || bytes.IndexByte(token[:n], '.') >= 0 {
		return nil, ErrSignature
	}
	var want [macText]byte
	if subtle.ConstantTimeCompare(s.mac(want[:0], token[:n+1+keyText]), token[n+2+keyText:]) != 1 {
		return nil, ErrSignature
	}
	return token[:n], nil
}

// Seal encrypts plain so that only this ring can read it (AES-256-GCM with a
// random nonce): key-id "." base64url(nonce, ciphertext).
func (r *Ring) Seal(use Use, plain []byte) string {
	s := r.signer(use)
	return s.id + "." + encoding.EncodeToString(s.aead.Seal(nil, nil, plain, []byte(use)))
}

// Unseal reads what Seal wrote for the same use.
func (r *Ring) Unseal(use Use, sealed string) ([]byte, error) {
	if len(sealed) < keyText+1 || sealed[keyText] != '.' {
		return nil, ErrSignature
	}
	s := r.verifier(sealed[:keyText], use)
	if s == nil {
		return nil, ErrSignature
	}
	b, err := decode(nil, []byte(sealed[keyText+1:]))
	if err != nil {
		return nil, ErrSignature
	}
	plain, err := s.aead.Open(nil, nil, b, []byte(use))
	if err != nil {
		return nil, ErrSignature
	}
	return plain, nil
}

// ParseID reads a 16-byte id from its 22 base64url characters.
func ParseID(text []byte) (id [16]byte, err error) {
	if len(text) != macText {
		return id, fmt.Errorf("an id has %d characters, this has %d", macText, len(text))
	}
	if _, err = decode(id[:0], text); err != nil {
		return [16]byte{}, errors.New("an id is base64url")
	}
	return id, nil
}

// decode appends what base64url text says to dst. Unlike package base64 it
// takes no line breaks: a token has one spelling.
func decode(dst, text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return dst, ErrPayload
	}
	return encoding.AppendDecode(dst, text) //nolint:wrapcheck // callers say what was wrong
}

// AppendID appends what FormatID writes to dst.
func AppendID(dst []byte, id [16]byte) []byte { return encoding.AppendEncode(dst, id[:]) }

// FormatID writes a 16-byte id as 22 base64url characters.
func FormatID(id [16]byte) string { return encoding.EncodeToString(id[:]) }

// NewID makes a random 16-byte id.
func NewID() (id [16]byte) {
	copy(id[:], randomBytes(len(id)))
	return id
}

// NewVisitor makes a random visitor or session id, never 0.
func NewVisitor() uint64 {
	for {
		if v := binary.LittleEndian.Uint64(randomBytes(8)); v != 0 {
			return v
		}
	}
}
