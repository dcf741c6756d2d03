package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// raw sends bytes as they are and returns the status of the answer and
// whether the connection was closed behind it.
func (w *world) raw(bytes string) (status int, closed bool) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, bytes); err != nil {
		w.t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		w.t.Fatalf("no answer to %.60q: %v", bytes, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Close
}

func TestStrictHTTP(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	const secret = "kj_vid_shop=verysecret"
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"plain", "GET /healthz HTTP/1.1\r\nHost: t.shop.example\r\n\r\n", 200},
		{"HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", 200},
		{"HTTP/1.2", "GET /healthz HTTP/1.2\r\nHost: x\r\nCookie: " + secret + "\r\n\r\n", 400},
		{"two lengths", "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nCookie: " + secret + "\r\n\r\n0\r\n\r\n", 400},
		{"folded header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nCookie: " + secret + "\r\n\r\n", 400},
		{"no request", "hello\r\n\r\n", 400},
		{"half a request", "GET /healthz HT", 408}, // after readTimeout; so is none, which clients that keep a spare connection know to overlook
		{"header too large", "GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + secret + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		{"body too large", fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 10<<20), 413},
		{"body too large, announced", fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 10<<20), 413},
		{"absolute address of another host", "GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	} {
		if got, _ := w.raw(c.request); got != c.status {
			t.Errorf("%s: %d, want %d", c.name, got, c.status)
		}
	}
	if strings.Contains(w.log.String(), "verysecret") || strings.Contains(w.log.String(), "evil") {
		t.Errorf("the log repeats what was sent:\n%s", w.log)
	}
}

// TestTooLargeIsSaidToThePage: without the headers of CORS a page hears of a
// broken network, and sends the same again.
func TestTooLargeIsSaidToThePage(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()})
	for origin, readable := range map[string]bool{"https://www.shop.example": true, "https://evil.example": false} {
		b := w.browser()
		b.header.Set("Origin", origin)
		a := b.do("POST", "/v1/events", strings.Repeat("x", 65<<10))
		if a.status != 413 || (a.header.Get("Access-Control-Allow-Origin") == origin) != readable || !strings.Contains(a.header.Get("Vary"), "Origin") {
			t.Errorf("%s: %d, %v", origin, a.status, a.header)
		}
	}
}

// boom is a page that panics.
type boom struct{}

func (boom) ServeHTTP(http.ResponseWriter, *http.Request) { panic("a@b.example") }

func TestPanicIsOneRequestsOwn(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite()}, func(o *Options) { o.Extra = boom{} })
	b := w.browser()
	if a := b.get("/boom"); a.status != 500 || strings.Contains(a.body, "a@b.example") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.get("/healthz"); a.status != 200 {
		t.Errorf("after a panic: %d", a.status)
	}
	if !strings.Contains(w.log.String(), "panicked") || strings.Contains(w.log.String(), "a@b.example") {
		t.Errorf("log: %s", w.log)
	}
}
