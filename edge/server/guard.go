package server

import (
	"bytes"
	"errors"
	"os"
	"runtime/debug"

	"github.com/valyala/fasthttp"
)

// guard stands before every route: it refuses what a strict reading of HTTP
// forbids and fasthttp lets pass (RFC 9112 §5.2, §6.1), and turns a panic into
// a 500 for its own request alone.
func (s *Server) guard(ctx *fasthttp.RequestCtx) {
	defer func() {
		if cause := recover(); cause != nil {
			// The cause may quote what was sent; the stack's function names do not.
			s.opts.Logger.Error("edge: a handler panicked", "stack", string(debug.Stack()))
			ctx.Response.Reset()
			problem(ctx, fasthttp.StatusInternalServerError, "internal", "The server made a mistake. Nothing was recorded; try again.")
		}
	}()
	if reason := smuggled(&ctx.Request.Header); reason != "" {
		ctx.SetConnectionClose()
		problem(ctx, fasthttp.StatusBadRequest, "malformed", reason)
		return
	}
	s.book.Load().router.Handler(ctx)
}

func smuggled(h *fasthttp.RequestHeader) string {
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return "This server speaks HTTP/1.1 and HTTP/1.0."
	}
	raw := h.RawHeaders()
	if bytes.Contains(raw, []byte("\n ")) || bytes.Contains(raw, []byte("\n\t")) {
		return "A header is folded over several lines: send it on one."
	}
	if len(h.Peek(fasthttp.HeaderTransferEncoding)) > 0 && rawHas(raw, "content-length:") {
		return "The request has both Content-Length and Transfer-Encoding: send one."
	}
	return ""
}

// rawHas reports whether a header line begins with name, in any case.
func rawHas(raw []byte, name string) bool {
	for len(raw) > 0 {
		var line []byte
		line, raw, _ = bytes.Cut(raw, []byte{'\n'})
		if len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return true
		}
	}
	return false
}

// expect refuses a body that is announced to be too large before it is sent.
func expect(ctx *fasthttp.RequestCtx) int {
	if ctx.Request.Header.ContentLength() > maxBody {
		return fasthttp.StatusRequestEntityTooLarge
	}
	return fasthttp.StatusContinue
}

// malformed answers what could not be read as a request.
func (s *Server) malformed(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		problem(ctx, fasthttp.StatusRequestHeaderFieldsTooLarge, "header_too_large", "The header is over 16 KiB.")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		s.cross(tooLarge)(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		problem(ctx, fasthttp.StatusRequestTimeout, "request_timeout", "No whole request came in time.")
	default:
		problem(ctx, fasthttp.StatusBadRequest, "malformed", "This is not an HTTP request that can be read.")
	}
	ctx.SetConnectionClose()
}

func tooLarge(ctx *fasthttp.RequestCtx) {
	problem(ctx, fasthttp.StatusRequestEntityTooLarge, "body_too_large", "The body is over 64 KiB: send fewer events at once.")
}
