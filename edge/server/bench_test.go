package server

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// nowhere takes records and forgets them, so that the benchmark shows what the
// six steps cost without the disk.
type nowhere struct{}

func (nowhere) Append(...[]byte) error                                  { return nil }
func (nowhere) AppendMarked([]withdrawal.Mark, ...[]byte) error         { return nil }
func (nowhere) PutMarks(...withdrawal.Mark) error                       { return nil }
func (nowhere) DeleteMarks(byte, ...[]byte) error                       { return nil }
func (nowhere) MarksWhole(byte) error                                   { return nil }
func (nowhere) Marks(byte, func(key, value []byte) error) (bool, error) { return false, nil }

func benchServer(b *testing.B) *Server {
	b.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	ring, err := identity.NewRing(testStart)
	if err != nil {
		b.Fatal(err)
	}
	geo, err := enrich.OpenGeo(enrich.GeoOptions{Logger: logger})
	if err != nil {
		b.Fatal(err)
	}
	assets, err := banner.Load()
	if err != nil {
		b.Fatal(err)
	}
	now := func() time.Time { return testStart }
	set, err := withdrawal.New(withdrawal.Options{Marks: nowhere{}, Lifetime: 400 * 24 * time.Hour, Now: now, Logger: logger})
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Options{
		Sites: []*site.Site{testSite()}, Ring: ring, Geo: geo, Agents: enrich.NewAgents(), Spool: nowhere{}, Withdrawn: set,
		Banner: assets, Region: "cn", Now: now, Logger: logger,
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkPixel is a consented pixel in a running session, from the parsed
// request to the answer; BenchmarkBareHandler beside it answers the same image
// and does nothing.
func BenchmarkPixel(b *testing.B) {
	s := benchServer(b)
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	ask := func(method, uri, body string) {
		ctx.Response.Reset()
		ctx.Request.Header.SetMethod(method)
		ctx.Request.SetRequestURI(uri)
		ctx.Request.SetBodyString(body)
		s.guard(ctx)
		for _, line := range ctx.Response.Header.PeekAll("Set-Cookie") {
			var c fasthttp.Cookie
			if err := c.ParseBytes(line); err != nil {
				b.Fatal(err)
			}
			ctx.Request.Header.SetCookieBytesKV(c.Key(), c.Value())
		}
	}
	ctx.Request.Header.Set("Origin", "https://www.shop.example")
	ctx.Request.Header.SetUserAgent(chrome)
	ctx.Request.Header.Set("Accept-Language", "en")
	ask("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`)
	const pixel = "/p.gif?s=shop&k=page_view&u=https%3A%2F%2Fwww.shop.example%2Fshoes"
	ask("GET", pixel, "")
	ask("GET", pixel, "")
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		s.guard(ctx)
	}
	if got := string(ctx.Response.Header.Peek("Kunji-Result")); got != "recorded" {
		b.Fatalf("the pixel was %q", got)
	}
}

func BenchmarkBareHandler(b *testing.B) {
	ctx := new(fasthttp.RequestCtx)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		ctx.SetContentType("image/gif")
		ctx.Response.SetBodyRaw(gif)
	}
}
