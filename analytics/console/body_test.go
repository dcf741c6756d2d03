package console

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// hasty starts the house's console anew with a server of little patience.
func (h *house) hasty(read, write time.Duration) {
	h.t.Helper()
	server := httptest.NewUnstartedServer(h.server.Config.Handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = read, write
	server.Start()
	h.t.Cleanup(server.Close)
	h.server = server
}

// drip sends a request whose body comes in pieces, each after a pause, and says
// that all of it has size bytes. It returns the answer and how long it took.
func (h *house) drip(method, path string, size int, pause time.Duration, pieces []string, change ...func(*http.Request)) (reply, time.Duration) {
	h.t.Helper()
	began := time.Now()
	conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, path, r.Host, size)
	_ = r.Header.Write(conn)
	_, _ = io.WriteString(conn, "\r\n")
	go func() {
		for _, piece := range pieces {
			time.Sleep(pause)
			if _, err := io.WriteString(conn, piece); err != nil {
				return // it was answered, and the connection closed
			}
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{answer, string(body)}, time.Since(began)
}

// bodyCalls are a call of each sort that has a body, and its bodies.
var bodyCalls = []struct{ token, path, kind, body string }{
	{"marketer", "/api/v1/links", "application/json", springLink},
	{"marketer", "/api/v1/notes/marks?site=shop", "application/json", `{"name":"a mark","day":"2026-11-23"}`},
	{"marketer", "/api/v1/rates?site=shop", "text/csv", "day,currency,rate\n2026-11-23,USD,0.9\n"},
	{"marketer", "/api/v1/rates?site=shop", "application/json", `[{"day":"2026-11-23","currency":"USD","rate":0.9}]`},
	{"marketer", "/api/v1/costs?site=shop", "text/csv", "day,source,medium,campaign,amount,currency\n2026-11-23,google,cpc,tea,1,EUR\n"},
	{"mailer", "/api/v1/mail/consents?site=shop", "text/csv", "recipient,mail_open,time\na@b.example,true,2026-11-24T08:00:00Z\n"},
}

// TestStalledBody: a body that stops coming is answered 408, one that ends too
// early 400, and nothing of either is used.
func TestStalledBody(t *testing.T) {
	h := build(t, openStore(t), false)
	h.hasty(200*time.Millisecond, time.Second)
	for _, one := range bodyCalls {
		call := []func(*http.Request){bearer(one.token), func(r *http.Request) { r.Header.Set("Content-Type", one.kind) }}
		half := []string{one.body[:len(one.body)/2]}
		if answer, _ := h.drip("POST", one.path, len(one.body), 0, half, call...); answer.StatusCode != http.StatusRequestTimeout || !strings.Contains(answer.body, `"code":"timed_out"`) || !answer.Close {
			t.Errorf("half of %s: %d, closes %t: %s", one.path, answer.StatusCode, answer.Close, answer.body)
		}
		if answer, _ := h.drip("POST", one.path, len(one.body), 0, []string{one.body}, call...); answer.StatusCode/100 != 2 {
			t.Errorf("all of %s: %d %s", one.path, answer.StatusCode, answer.body)
		}
	}
	values := url.Values{"csrf": {"x"}, "name": {"ada"}, "password": {"ada's password"}}.Encode()
	page := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if answer, _ := h.drip("POST", "/signin", len(values), 0, []string{values[:10]}, page); answer.StatusCode != http.StatusRequestTimeout || !strings.Contains(answer.body, "came too slowly") {
		t.Errorf("half a form: %d %s", answer.StatusCode, answer.body)
	}
}

// TestBrokenBody: a body that ends before its end is answered 400, to whoever can
// still hear that.
func TestBrokenBody(t *testing.T) {
	h := build(t, nil, false)
	conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "POST /api/v1/links HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-marketer\r\nContent-Length: 100\r\n\r\n{")
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "ended before it was whole") {
		t.Errorf("%d %s, %v", answer.StatusCode, body, err)
	}
}

// TestSlowBody: a body that goes on coming is taken, longer than the server waits
// for a request and for its answer; one that is too slow for its size is not.
func TestSlowBody(t *testing.T) {
	h := build(t, openStore(t), false)
	h.hasty(400*time.Millisecond, 500*time.Millisecond)
	const head, line = "day,currency,rate\n", "2026-11-23,USD,0.9\n"
	csv := func(r *http.Request) { r.Header.Set("Content-Type", "text/csv") }
	pieces := []string{head, line[:5], line[5:10], line[10:15], line[15:]}
	if answer, took := h.drip("POST", "/api/v1/rates?site=shop", len(head+line), 200*time.Millisecond, pieces, bearer("marketer"), csv); answer.StatusCode != http.StatusOK || took < time.Second {
		t.Errorf("a slow file: %d after %v: %s", answer.StatusCode, took, answer.body)
	}
	answer, took := h.drip("POST", "/api/v1/links", len(springLink), 200*time.Millisecond, strings.Split(springLink, "")[:20], bearer("marketer"))
	if answer.StatusCode != http.StatusRequestTimeout || took > 3*time.Second {
		t.Errorf("a small body, byte by byte: %d after %v: %s", answer.StatusCode, took, answer.body)
	}
}
