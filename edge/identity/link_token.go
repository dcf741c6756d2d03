package identity

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"
)

// The payload of a link's token, before base64url. Numbers are unsigned
// varints in their shortest form, text is a length and its bytes:
//
//	1 byte   format, 1
//	1 byte   flags: 1 recipient, 2 sent, 4 sealed, 8 test, 16 trap
//	1 byte   which of the campaign's six fields follow, source lowest
//	text     site
//	8 bytes  recipient, big-endian        (flag 1)
//	varint   sent, seconds since 1970     (flag 2)
//	text     sealed ref and list          (flag 4)
//	text     each campaign field that is there
//	1 byte   0 no destination, 1 https, 2 http; then the destination without
//	         its scheme, to the end
//
// Sealed is AES-256-GCM with a random nonce over text ref, text list and zeros
// up to a multiple of 16 bytes, so that a ref's length hardly shows. Use and
// site are authenticated beside it. A key seals one mail's ref and list a few
// times at most, far from the 2^32 uses that NIST SP 800-38D §8.3 allows it.
//
// A link has exactly one spelling apart from the nonce: what is not the
// shortest form is refused, although nobody without the key can make it.
const linkFormat = 1

const (
	flagRecipient = 1 << iota
	flagSent
	flagSealed
	flagTest
	flagTrap
	allFlags = 1<<iota - 1
)

const (
	schemeNone = iota
	schemeHTTPS
	schemeHTTP
)

const sealPad = 16

// SealLink makes a link's token for use. It is text for a path: base64url and
// dots, about 100 characters without a destination. An error says which field
// cannot be carried.
func (r *Ring) SealLink(use Use, l Link) (string, error) {
	if err := l.check(use); err != nil {
		return "", err
	}
	payload := l.appendTo(make([]byte, 0, 512), use, r.signer(use))
	text := make([]byte, 0, 4*len(payload)/3+tailText+4)
	text = encoding.AppendEncode(text, payload)
	return string(r.Sign(use, make([]byte, 0, len(text)+tailText), text)), nil
}

func (l *Link) appendTo(b []byte, use Use, s *signer) []byte {
	flags, present := l.flags(), byte(0)
	for i, f := range l.fields() {
		if *f != "" {
			present |= 1 << i
		}
	}
	b = appendText(append(b, linkFormat, flags, present), l.Site)
	if flags&flagRecipient != 0 {
		b = binary.BigEndian.AppendUint64(b, l.Recipient)
	}
	if flags&flagSent != 0 {
		b = binary.AppendUvarint(b, uint64(l.Sent.Unix()))
	}
	if flags&flagSealed != 0 {
		plain := appendText(appendText(nil, l.Ref), l.List)
		plain = append(plain, make([]byte, -len(plain)&(sealPad-1))...)
		b = appendText(b, string(s.aead.Seal(nil, nil, plain, sealedFor(use, l.Site))))
	}
	for _, f := range l.fields() {
		if *f != "" {
			b = appendText(b, *f)
		}
	}
	if rest, ok := strings.CutPrefix(l.Destination, "https://"); ok {
		return append(append(b, schemeHTTPS), rest...)
	}
	if rest, ok := strings.CutPrefix(l.Destination, "http://"); ok {
		return append(append(b, schemeHTTP), rest...)
	}
	return append(b, schemeNone)
}

func (l *Link) flags() (flags byte) {
	for i, set := range [...]bool{l.Recipient != 0, !l.Sent.IsZero(), l.Ref != "" || l.List != "", l.Test, l.Trap} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

func sealedFor(use Use, site string) []byte { return append([]byte(use), "/link/"+site...) }

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// OpenLink reads a token that SealLink made for use with a key that this ring
// still believes. Whatever is wrong with it, the error is ErrSignature.
func (r *Ring) OpenLink(use Use, token string) (Link, error) {
	if _, ok := roomOf(use); !ok || len(token) > maxLinkToken {
		return Link{}, ErrSignature
	}
	text, err := r.Verify(use, []byte(token))
	if err != nil {
		return Link{}, ErrSignature
	}
	payload, err := decode(nil, text)
	if err != nil {
		return Link{}, ErrSignature
	}
	keyID := token[len(text)+1 : len(text)+1+keyText]
	l, ok := parseLink(payload, use, r.verifier(keyID, use))
	if !ok || l.check(use) != nil {
		return Link{}, ErrSignature
	}
	return l, nil
}

func parseLink(payload []byte, use Use, s *signer) (l Link, ok bool) {
	in := linkReader{rest: string(payload)}
	format, flags, present := in.byte(), in.byte(), in.byte()
	if format != linkFormat || flags&^allFlags != 0 || present>>len(l.fields()) != 0 {
		return Link{}, false
	}
	l.Site, l.Test, l.Trap = in.text(), flags&flagTest != 0, flags&flagTrap != 0
	if flags&flagRecipient != 0 {
		l.Recipient = in.uint64()
		in.bad = in.bad || l.Recipient == 0
	}
	if flags&flagSent != 0 {
		sent := in.uvarint()
		in.bad = in.bad || sent == 0 || sent >= maxSent
		l.Sent = time.Unix(int64(sent), 0).UTC()
	}
	if flags&flagSealed != 0 {
		l.Ref, l.List = in.unseal(s, sealedFor(use, l.Site))
	}
	for i, f := range l.fields() {
		if present&(1<<i) != 0 {
			*f = in.text()
			in.bad = in.bad || *f == ""
		}
	}
	switch in.byte() {
	case schemeHTTPS:
		l.Destination = "https://" + in.rest
	case schemeHTTP:
		l.Destination = "http://" + in.rest
	case schemeNone:
		in.bad = in.bad || in.rest != ""
	default:
		in.bad = true
	}
	return l, !in.bad
}

// linkReader reads a payload from its front; bad stays true once anything was
// missing or not in its shortest form.
type linkReader struct {
	rest string
	bad  bool
}

// take cuts n bytes; where there are fewer it gives an empty string.
func (in *linkReader) take(n uint64) string {
	if in.bad || n > uint64(len(in.rest)) {
		in.bad = true
		return ""
	}
	part := in.rest[:n]
	in.rest = in.rest[n:]
	return part
}

func (in *linkReader) byte() byte {
	if part := in.take(1); part != "" {
		return part[0]
	}
	return 0xff
}

func (in *linkReader) uint64() uint64 {
	if part := in.take(8); part != "" {
		return binary.BigEndian.Uint64([]byte(part))
	}
	return 0
}

func (in *linkReader) uvarint() uint64 {
	v, n := binary.Uvarint([]byte(in.rest[:min(len(in.rest), binary.MaxVarintLen64)]))
	if n <= 0 || n > 1 && in.rest[n-1] == 0 { // a last byte of 0 adds nothing
		in.bad = true
		return 0
	}
	in.take(uint64(n))
	return v
}

func (in *linkReader) text() string {
	text := in.take(in.uvarint())
	in.bad = in.bad || !utf8.ValidString(text)
	return text
}

// unseal reads ref and list with the key that signed the token.
func (in *linkReader) unseal(s *signer, beside []byte) (ref, list string) {
	sealed := in.take(in.uvarint())
	if in.bad {
		return "", ""
	}
	plain, err := s.aead.Open(nil, nil, []byte(sealed), beside)
	inner := linkReader{rest: string(plain), bad: err != nil}
	ref, list = inner.text(), inner.text()
	padded := len(inner.rest) < sealPad && len(plain)%sealPad == 0 && strings.Trim(inner.rest, "\x00") == ""
	in.bad = inner.bad || !padded || ref == "" && list == ""
	return ref, list
}
