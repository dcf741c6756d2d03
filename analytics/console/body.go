package console

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// slowest is the speed at which the largest body of a route still comes in whole, in
// bytes a second: 1 Mbit/s.
const slowest = 125_000

// body is a request's body. The server's ReadTimeout is for a whole request, which
// suits a form, and no file on a slow line: here each piece has that long, and all
// of them what the largest takes at the slowest speed.
type body struct {
	io.ReadCloser
	server  *http.Server // nil where none is known: nothing ends the wait
	control *http.ResponseController
	end     time.Time
	err     error // what reading ended with
}

// bodyOf is the body of a request, of at most most bytes.
func bodyOf(w http.ResponseWriter, r *http.Request, most int64) *body {
	b := &body{ReadCloser: http.MaxBytesReader(w, r.Body, most), control: http.NewResponseController(w)}
	if b.server, _ = r.Context().Value(http.ServerContextKey).(*http.Server); b.server != nil {
		b.end = time.Now().Add(b.server.ReadTimeout + time.Duration(most)*time.Second/slowest)
	}
	return b
}

// Read moves the deadlines before it waits, that of the answer too. Behind the end
// it does not: the server watches there for the client to leave, without one.
func (b *body) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	b.moveDeadlines(time.Now())
	n, b.err = b.ReadCloser.Read(p)
	return n, b.err
}

func (b *body) moveDeadlines(now time.Time) {
	if b.server == nil {
		return
	}
	if wait := b.server.ReadTimeout; wait > 0 {
		deadline := now.Add(wait)
		if b.end.Before(deadline) {
			deadline = b.end
		}
		_ = b.control.SetReadDeadline(deadline) // a connection that has none keeps the server's
	}
	if wait := b.server.WriteTimeout; wait > 0 {
		_ = b.control.SetWriteDeadline(now.Add(wait))
	}
}

// lost is an error that says what ended the body early; nil where nothing did.
func (b *body) lost() error {
	if b.err == nil || b.err == io.EOF { //nolint:errorlint // what Read says at the end; a wrapped one is none
		return nil
	}
	return &lostBody{b.err}
}

// lostBody says that a body did not come whole, whatever was made of its beginning.
type lostBody struct{ error }

func (e *lostBody) Unwrap() error { return e.error }

// problem says it to the client. One that has left does not hear it.
func (e *lostBody) problem() problem {
	var large *http.MaxBytesError
	switch {
	case errors.As(e.error, &large):
		return problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: "the body has more than " + sizeText(large.Limit), Fix: "send it in parts"}
	case errors.Is(e.error, os.ErrDeadlineExceeded):
		return problem{
			Status: http.StatusRequestTimeout, Code: "timed_out", Detail: "the body stopped coming, or came too slowly; nothing of it is used", Fix: "send it again, over a slow line in parts",
		}
	}
	return problem{Status: http.StatusBadRequest, Code: "bad_body", Detail: "the body ended before it was whole; nothing of it is used", Fix: "send it again"}
}

// sizeText writes a number of bytes that is whole KiB.
func sizeText(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
