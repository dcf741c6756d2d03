// Package identity signs what the edge hands out and checks what comes back:
// first-party cookies and tokens, under a key ring.
//
// # Keys
//
// A Ring holds one root secret and any number of keys. The root never changes:
// from it come the per-site keys under which mail addresses are hashed, so
// that a recipient stays the same recipient. Keys rotate: the newest signs, the
// older ones still verify, a revoked one does not. From each key HKDF (RFC
// 5869) derives one sub-key per Use, so that a token made for one thing can
// never stand for another, and nothing signed for one Use verifies under
// another.
//
// # Token format
//
//	payload "." key-id "." mac
//
// payload is text without a dot, key-id four base64url characters, mac the
// first 16 bytes of HMAC-SHA-256 (RFC 2104) over `payload "." key-id`, as 22
// base64url characters; NIST SP 800-107 allows truncation to 128 bits. Macs
// are compared in constant time. A payload can be read by whoever holds the
// token and is never secret; Seal is for what must be.
//
// # Cookies
//
// The five cookies of a site end in its id, are signed, carry the site's id
// inside the signature, and are parsed with a grammar of our own: no other
// cookie's value is looked at. A cookie that is there twice with different
// values, oversized, forged, of another site or expired is a no.
//
// # Addresses and forms
//
// A rights address holds a sealed right over one visitor for a year
// (SealRight); a form of our own pages holds a signed token for an hour
// (FormToken). Where a visitor must be named without the id, in a tombstone or
// a receipt, SubjectHash names them.
package identity
