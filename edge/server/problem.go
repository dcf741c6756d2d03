package server

import (
	"encoding/json"
	"strconv"

	"github.com/valyala/fasthttp"
)

// problemDetails is an error for a program and a person (RFC 9457). Code is
// stable; detail says what is wrong, where, and what to do.
type problemDetails struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func problem(ctx *fasthttp.RequestCtx, status int, code, detail string) {
	body, err := json.Marshal(problemDetails{
		Type: "about:blank", Title: fasthttp.StatusMessage(status), Status: status, Code: code, Detail: detail,
	})
	if err != nil {
		panic("encode problem: " + err.Error()) // strings and a number: it cannot fail
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	noStore(ctx)
	ctx.SetBody(body)
}

// overloaded answers 503: the spool is full or broken, nothing was recorded.
func overloaded(ctx *fasthttp.RequestCtx) {
	retryLater(ctx)
	problem(ctx, fasthttp.StatusServiceUnavailable, "overloaded", "The event could not be put on disk and was not recorded. Send it again later with the same id.")
}

// retryLater says when to try again.
func retryLater(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(retryAfter))
}

// slow answers 429.
func slow(ctx *fasthttp.RequestCtx) {
	retryLater(ctx)
	problem(ctx, fasthttp.StatusTooManyRequests, "rate_limited", "Too many requests from this address: wait a moment and send it again.")
}

func noStore(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
}

func writeJSON(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("encode answer: " + err.Error()) // our own types: it cannot fail
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	noStore(ctx)
	ctx.SetBody(body)
}
