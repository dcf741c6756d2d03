package server

import (
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"
)

// healthz answers while the process lives.
func (s *Server) healthz(ctx *fasthttp.RequestCtx) {
	noStore(ctx)
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString("ok\n")
}

// readyz answers whether hits are kept. Why not is for operators, on the
// address of ops, and in the log; here only ok or not ok.
func (s *Server) readyz(ctx *fasthttp.RequestCtx) {
	s.healthz(ctx)
	if s.opts.Ready == nil {
		return
	}
	if err := s.opts.Ready(); err != nil {
		s.opts.Logger.Warn("edge: not ready", "error", err)
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		ctx.SetBodyString("not ok\n")
	}
}

// gpcSupported is the day on which this edge's handling of the signal last
// changed.
var gpcSupported = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)

// gpc is GET /.well-known/gpc.json: this origin honours Global Privacy
// Control (W3C Global Privacy Control §4).
func (s *Server) gpc(ctx *fasthttp.RequestCtx) {
	body, err := json.Marshal(map[string]any{"gpc": true, "lastUpdate": gpcSupported.Format(time.DateOnly)})
	if err != nil {
		panic("encode gpc.json: " + err.Error()) // a bool and a string: it cannot fail
	}
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "public, max-age=3600")
	ctx.SetBody(body)
}
