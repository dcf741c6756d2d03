package identity

import (
	"bytes"
	"strconv"
	"time"
)

// FormLifetime is how long a page of ours may stay open before its form is
// sent.
const FormLifetime = time.Hour

// FormToken guards a form of our own pages against being sent by another
// site's page. It is signed over
//
//	form~site~bound~issued
//
// where bound ties it to whom the page was made for: a visitor's subject hash,
// or nothing where the page shows and does the same for everybody. There is no
// cookie to bind it to: a site has five, and a visitor who refuses has one. The
// endpoint checks the Origin as well.
func (r *Ring) FormToken(form, site string, bound [16]byte, now time.Time) string {
	return string(r.Sign(Form, nil, formPayload(form, site, bound, now.Unix())))
}

func formPayload(form, site string, bound [16]byte, issued int64) []byte {
	b := append(append([]byte(form), '~'), site...)
	b = append(b, '~')
	if bound != ([16]byte{}) {
		b = AppendID(b, bound)
	}
	return strconv.AppendInt(append(b, '~'), issued, 10)
}

// CheckForm checks a token that FormToken made with the same form, site and
// bound: nil within FormLifetime, ErrExpired after it, else ErrSignature or
// ErrPayload.
func (r *Ring) CheckForm(token, form, site string, bound [16]byte, now time.Time) error {
	payload, err := r.Verify(Form, []byte(token))
	if err != nil {
		return err
	}
	i := bytes.LastIndexByte(payload, '~')
	issued, err := strconv.ParseInt(string(payload[i+1:]), 10, 64)
	if err != nil || !bytes.Equal(payload, formPayload(form, site, bound, issued)) {
		return ErrPayload
	}
	age := now.Sub(time.Unix(issued, 0))
	if age < -time.Minute || age >= FormLifetime {
		return ErrExpired
	}
	return nil
}
