package server

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

// description describes every route (OpenAPI 3.1); a test keeps it so.
//
//go:embed openapi.yaml
var description []byte

// openAPI is GET /openapi.yaml.
func openAPI(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("application/yaml") // RFC 9512
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "public, max-age=3600")
	ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	ctx.Response.SetBodyRaw(description)
}
