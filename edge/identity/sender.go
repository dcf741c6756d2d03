package identity

// SealRef encrypts the sender's own names for a recipient and a list, which a
// mail's link carried, for as long as the sender may ask who left. They may be
// anything, a mail address too, so they lie in no table as they are. It is empty
// where both are.
func (r *Ring) SealRef(site, ref, list string) string {
	if ref == "" && list == "" {
		return ""
	}
	return r.Seal(Sender, appendText(appendText(appendText(nil, site), ref), list))
}

// OpenRef reads what SealRef wrote for the same site; both are empty where nothing
// was sealed. Else it is ErrSignature or ErrPayload.
func (r *Ring) OpenRef(site, sealed string) (ref, list string, err error) {
	if sealed == "" {
		return "", "", nil
	}
	plain, err := r.Unseal(Sender, sealed)
	if err != nil {
		return "", "", err
	}
	in := linkReader{rest: string(plain)}
	of := in.text()
	ref, list = in.text(), in.text()
	if in.bad || in.rest != "" || of != site {
		return "", "", ErrPayload
	}
	return ref, list, nil
}
