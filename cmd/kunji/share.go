package main

import "github.com/kunjicloud/kunji/edge/identity"

// shareSigner signs the console's shared links with the key ring, so that they
// open on every node of a store, and on none of another.
type shareSigner struct{ ring *identity.Ring }

// Sign returns the token of a payload without a dot.
func (s shareSigner) Sign(payload string) string {
	return string(s.ring.Sign(identity.Share, nil, []byte(payload)))
}

// Verify returns the payload of a token.
func (s shareSigner) Verify(token string) (string, error) {
	payload, err := s.ring.Verify(identity.Share, []byte(token))
	return string(payload), err
}
