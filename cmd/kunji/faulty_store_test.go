package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// faultyStore stands between a service and its ClickHouse and does to it what
// networks and servers do. What it passes on reaches a real engine.
type faultyStore struct {
	t      testing.TB
	addr   string
	engine *http.Transport

	mu     sync.Mutex
	server *http.Server
	mode   int // what happens
	left   int // to so many inserts more
}

// What happens to the service's inserts.
const (
	passing   = iota
	slow      // each takes two seconds more
	cutMid    // half of it arrives
	answerCut // it is done, and the connection ends before the answer
	answerBad // it is done, and answered with an error
	refusing  // answered with an error that no retry mends
)

func newFaultyStore(t testing.TB, dial func(context.Context) (net.Conn, error)) *faultyStore {
	p := &faultyStore{t: t, addr: freePort(t), engine: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	p.comeBack()
	t.Cleanup(p.goAway)
	return p
}

// goAway closes the listener and every connection.
func (p *faultyStore) goAway() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		_ = p.server.Close()
		p.engine.CloseIdleConnections()
		p.server = nil
	}
}

// comeBack listens again on the same address.
func (p *faultyStore) comeBack() {
	p.t.Helper()
	var ln net.Listener
	var err error
	for range 100 { // the port may be in use for a moment
		if ln, err = net.Listen("tcp", p.addr); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = &http.Server{Handler: p}
	go func(s *http.Server) { _ = s.Serve(ln) }(p.server)
}

// dataInsert is an insert of what the edge recorded.
var dataInsert = regexp.MustCompile(`^\s*INSERT INTO (events|consents|refusals|notices) `)

func (p *faultyStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	statement := r.URL.Query().Get("query") + string(body[:min(len(body), 200)])
	mode := passing
	if dataInsert.MatchString(statement) {
		mode = p.next()
	}
	switch mode {
	case passing:
		p.pass(w, r, body)
	case slow:
		time.Sleep(2 * time.Second)
		p.pass(w, r, body)
	case cutMid:
		_, _ = p.forward(r, io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenReader{}), len(body))
		panic(http.ErrAbortHandler)
	case answerCut, answerBad:
		resp, err := p.forward(r, bytes.NewReader(body), len(body))
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if mode == answerCut {
			panic(http.ErrAbortHandler)
		}
		exception(w, "159", "DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)")
	case refusing:
		exception(w, "349", "DB::Exception: Cannot convert NULL value to non-Nullable type. (CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN)")
	}
}

// exception answers as ClickHouse does when a statement fails.
func exception(w http.ResponseWriter, code, text string) {
	w.Header().Set("X-ClickHouse-Exception-Code", code)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, "Code: "+code+". "+text)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the line is cut") }

func (p *faultyStore) forward(r *http.Request, body io.Reader, length int) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", "engine", ""
	out.Body, out.ContentLength, out.TransferEncoding = io.NopCloser(body), int64(length), nil
	return p.engine.RoundTrip(out)
}

func (p *faultyStore) pass(w http.ResponseWriter, r *http.Request, body []byte) {
	resp, err := p.forward(r, bytes.NewReader(body), len(body))
	if err != nil {
		panic(http.ErrAbortHandler) // as if the server had gone
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		if !strings.EqualFold(name, "Content-Length") {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// next says what happens to an insert.
func (p *faultyStore) next() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return passing
	}
	p.left--
	return p.mode
}

// meet lets the next n inserts meet a fault.
func (p *faultyStore) meet(mode, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.left = mode, n
}

// strike lets the next n inserts meet a fault, and waits until they did.
func (p *faultyStore) strike(in *installation, mode, n int) {
	p.t.Helper()
	p.meet(mode, n)
	in.eventually("the fault meets its inserts", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.left > 0 {
			return fmt.Errorf("%d of %d did not come", p.left, n)
		}
		return nil
	})
}
