package server

import (
	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/event"
)

// gif is a transparent image of one pixel: 43 bytes (GIF89a).
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// retryAfter is how many seconds a client waits after 429 and 503.
const retryAfter = 5

// pixelShape is GET /p.gif: one hit in the query, an image for an answer,
// whatever becomes of the hit.
type pixelShape struct{}

func (pixelShape) parse(s *Server, ctx *fasthttp.RequestCtx, in *intake) bool {
	q := ctx.QueryArgs()
	in.site = s.site(q.Peek("s"))
	h := hit{
		url: string(q.Peek("u")), referrer: string(q.Peek("r")),
		name: string(q.Peek("n")), order: string(q.Peek("o")), currency: string(q.Peek("c")),
	}
	if h.url == "" {
		h.url = string(ctx.Request.Header.Referer())
	}
	kind := q.Peek("k")
	if len(kind) == 0 {
		kind = []byte("page_view")
	}
	if err := h.fill(in.site, string(kind), string(q.Peek("v")), string(q.Peek("i")), 0); err != nil {
		h.reason = event.Invalid
	}
	in.hits = append(in.hits, h)
	return true
}

func (pixelShape) answer(s *Server, ctx *fasthttp.RequestCtx, in *intake) {
	h := &ctx.Response.Header
	h.SetContentType("image/gif")
	h.Set(fasthttp.HeaderCacheControl, "no-cache, no-store, must-revalidate")
	// A page of another origin shows the image (Cross-Origin-Resource-Policy).
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch reason := result(ctx, in); {
	case reason == event.RateLimited:
		ctx.SetStatusCode(fasthttp.StatusTooManyRequests)
		retryLater(ctx)
	case reason == event.Overloaded:
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		retryLater(ctx)
	case forgets(reason):
		if in.site != nil {
			s.clearUncovered(ctx, &in.visit)
		}
		s.setVisit(ctx, in) // of a page_view that was refused, but started a visit
	default:
		s.setVisit(ctx, in)
	}
	ctx.Response.SetBodyRaw(gif)
}
