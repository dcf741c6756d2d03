package identity

import "bytes"

// OpenHandle reads what a page gave to its own server: which site's visitor it
// is. Its plain text is
//
//	site~visitor~record
//
// The record is the one that counted when the page asked; whoever judges looks
// for the visitor's newest. It fails with ErrSignature or ErrPayload.
func (r *Ring) OpenHandle(token string) (site string, visitor uint64, err error) {
	plain, err := r.Unseal(Handle, token)
	if err != nil {
		return "", 0, err
	}
	i := bytes.LastIndexByte(plain, '~')
	if i < 0 {
		return "", 0, ErrPayload
	}
	of, _, _ := bytes.Cut(plain, []byte{'~'})
	visitor, err = ParseVisitor(plain[:i], string(of))
	if err != nil {
		return "", 0, err
	}
	return string(of), visitor, nil
}
