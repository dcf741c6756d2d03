package identity

import (
	"bytes"
	"strconv"
)

// Cookie is one of the five cookies of a site; there are no others.
type Cookie uint8

// The cookies.
const (
	ConsentJar Cookie = iota // decisions; a page's script may read it
	VisitorJar
	SessionJar
	SourceJar
	StoreJar

	NumCookies = 5
)

var (
	cookieNames = [NumCookies]string{"kj_consent_", "kj_vid_", "kj_ses_", "kj_src_", "kj_store_"}
	cookieUses  = [NumCookies]Use{ConsentCookie, VisitorCookie, SessionCookie, SourceCookie, StoreCookie}
)

// maxCookie is the longest value that is looked at, in bytes: browsers keep
// no more than 4,096 with name and attributes (RFC 6265 §6.1).
const maxCookie = 3800

// Name returns the cookie's name for a site.
func (c Cookie) Name(site string) string { return cookieNames[c] + site }

// Jar holds what a request's Cookie headers say of one site's five cookies.
// Its values are parts of the headers: they must not outlive the request.
type Jar struct {
	values   [NumCookies][]byte
	conflict [NumCookies]bool
}

// Sent reports whether the cookie came with the request at all.
func (j *Jar) Sent(c Cookie) bool { return j.values[c] != nil || j.conflict[c] }

// Clear forgets what was read.
func (j *Jar) Clear() { *j = Jar{} }

// Read takes one Cookie header's value. Pairs are split at ";" (RFC 6265
// §4.2.1); names that are not one of the five are skipped without a look at
// their values. A name that comes twice with different values, or with a
// value that our own grammar could not have made, is marked as in conflict.
func (j *Jar) Read(header []byte, site string) {
	for len(header) > 0 {
		var pair []byte
		pair, header, _ = bytes.Cut(header, []byte{';'})
		pair = bytes.TrimLeft(pair, " \t")
		if len(pair) < 8 || pair[0] != 'k' || pair[1] != 'j' || pair[2] != '_' {
			continue
		}
		name, value, ok := bytes.Cut(pair, []byte{'='})
		if ok {
			j.take(name, value, site)
		}
	}
}

func (j *Jar) take(name, value []byte, site string) {
	for c, prefix := range cookieNames {
		if len(name) != len(prefix)+len(site) || string(name[:len(prefix)]) != prefix || string(name[len(prefix):]) != site {
			continue
		}
		switch {
		case len(value) > maxCookie || !wellFormed(value):
			j.conflict[c] = true
		case j.values[c] == nil:
			j.values[c] = value
		case !bytes.Equal(j.values[c], value):
			j.conflict[c] = true
		}
		return
	}
}

// wellFormed reports whether value has only the characters of our tokens:
// letters, digits and -_.~: of payloads and base64url.
func wellFormed(value []byte) bool {
	for _, b := range value {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		case b == '-', b == '_', b == '.', b == '~', b == ':':
		default:
			return false
		}
	}
	return len(value) > 0
}

// Open returns the signed payload of a cookie: nil without an error
// where it was not sent, ErrSignature where it was sent but
// must not be believed.
func (j *Jar) Open(r *Ring, c Cookie) (payload []byte, err error) {
	if j.conflict[c] {
		return nil, ErrSignature
	}
	if j.values[c] == nil {
		return nil, nil
	}
	return r.Verify(cookieUses[c], j.values[c])
}

// Scope is where a cookie is set: on which domain and path, and whether only
// over https.
type Scope struct {
	Domain string // the registrable domain for kj_consent; empty: this host only
	Path   string // the endpoint's path for the other four
	Secure bool
}

// AppendCookie appends a Set-Cookie value to dst: payload signed for the
// cookie's use, living maxAge seconds. kj_consent is readable by the page's
// script and sent to the whole registrable domain; the others are HttpOnly,
// host-only, and sent to the endpoint's path alone.
func (r *Ring) AppendCookie(dst []byte, c Cookie, site string, payload []byte, maxAge int, scope Scope) []byte {
	dst = append(append(dst, cookieNames[c]...), site...)
	dst = append(dst, '=')
	dst = r.Sign(cookieUses[c], dst, payload)
	return appendAttributes(dst, c, maxAge, scope)
}

// AppendClear appends a Set-Cookie value that deletes the cookie.
func AppendClear(dst []byte, c Cookie, site string, scope Scope) []byte {
	dst = append(append(dst, cookieNames[c]...), site...)
	return appendAttributes(append(dst, '='), c, 0, scope)
}

func appendAttributes(dst []byte, c Cookie, maxAge int, scope Scope) []byte {
	dst = append(dst, "; Max-Age="...)
	dst = strconv.AppendInt(dst, int64(maxAge), 10)
	if c == ConsentJar {
		dst = append(dst, "; Path=/"...)
		if scope.Domain != "" {
			dst = append(append(dst, "; Domain="...), scope.Domain...)
		}
	} else {
		dst = append(append(dst, "; Path="...), scope.Path...)
		dst = append(dst, "; HttpOnly"...)
	}
	dst = append(dst, "; SameSite=Lax"...)
	if scope.Secure {
		dst = append(dst, "; Secure"...)
	}
	return dst
}
