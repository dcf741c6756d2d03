package server

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
)

// scriptCache is how long the script, and a part that is not named by its
// content, may be kept.
const scriptCache = "private, max-age=300, stale-if-error=86400"

// script is GET /b/{site}.js: the banner for this place, language and signal.
// It never looks at a cookie, so that it can be cached; the edge decides again
// on every hit, and a stale script can ask wrongly but never record wrongly.
func (s *Server) script(ctx *fasthttp.RequestCtx) {
	id, _ := ctx.UserValue("site").(string)
	st := s.requireSite(ctx, []byte(id))
	if st == nil {
		return
	}
	var v visit
	s.locate(ctx, &v)
	h := &ctx.Request.Header
	file := s.opts.Banner.Script(banner.View{
		Site:       st,
		Language:   s.opts.Banner.Language(string(ctx.QueryArgs().Peek("lang")), string(h.Peek(fasthttp.HeaderAcceptLanguage)), st),
		Regime:     st.Regimes.At(v.place.Country, v.place.Region),
		GPC:        gpcSent(h),
		NodeRegion: s.opts.Region,
	})
	out := &ctx.Response.Header
	out.Set(fasthttp.HeaderCacheControl, scriptCache)
	out.Set(fasthttp.HeaderVary, "Accept-Encoding, Accept-Language, Sec-GPC")
	out.Set("Cross-Origin-Resource-Policy", "cross-origin")
	// With crossorigin and integrity on the tag the browser asks in mode cors.
	out.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	sendFile(ctx, file)
}

// part is GET /b/part/{name}: a piece that the script loads when it needs it,
// which is kept for good where its name changes with its content.
func (s *Server) part(ctx *fasthttp.RequestCtx) {
	name, _ := ctx.UserValue("name").(string)
	file, ok := s.opts.Banner.Part(name, s.book.Load().find)
	if !ok {
		problem(ctx, fasthttp.StatusNotFound, "not_found", "There is no such part: load /b/SITE.js again, it names the present ones.")
		return
	}
	out := &ctx.Response.Header
	out.Set(fasthttp.HeaderCacheControl, scriptCache)
	if file.Immutable {
		out.Set(fasthttp.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	out.Set(fasthttp.HeaderVary, fasthttp.HeaderAcceptEncoding)
	out.Set("Cross-Origin-Resource-Policy", "cross-origin")
	out.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	sendFile(ctx, file)
}

// sendFile answers with the smallest form that the client takes.
func sendFile(ctx *fasthttp.RequestCtx, f *banner.File) {
	out := &ctx.Response.Header
	out.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	out.Set(fasthttp.HeaderETag, f.ETag)
	if bytes.Contains(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch), []byte(f.ETag)) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType(f.ContentType)
	switch accept := string(ctx.Request.Header.Peek(fasthttp.HeaderAcceptEncoding)); {
	case takes(accept, "br") && f.Brotli != nil:
		out.Set(fasthttp.HeaderContentEncoding, "br")
		ctx.Response.SetBodyRaw(f.Brotli)
	case takes(accept, "gzip") && f.Gzip != nil:
		out.Set(fasthttp.HeaderContentEncoding, "gzip")
		ctx.Response.SetBodyRaw(f.Gzip)
	default:
		ctx.Response.SetBodyRaw(f.Body)
	}
}

// takes reports whether an Accept-Encoding names a coding without refusing it
// (RFC 9110 §12.5.3).
func takes(accept, coding string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
