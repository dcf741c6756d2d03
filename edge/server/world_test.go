package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// world is a running edge on real parts: a listener, a spool on disk, the
// built banner. Its clock stands still until a test moves it.
type world struct {
	t     testing.TB
	srv   *Server
	spool *spool.Spool
	base  string
	log   *lockedBuffer
	mu    sync.Mutex
	at    time.Time
	read  spool.Seq
}

// keeper is the spool as cmd joins it to the edge.
type keeper struct{ *spool.Spool }

func spoolMarks(marks []withdrawal.Mark) []spool.Mark {
	out := make([]spool.Mark, len(marks))
	for i, m := range marks {
		out[i] = spool.Mark(m)
	}
	return out
}

func (k keeper) PutMarks(m ...withdrawal.Mark) error { return k.Spool.PutMarks(spoolMarks(m)...) }
func (k keeper) AppendMarked(m []withdrawal.Mark, p ...[]byte) error {
	return k.Spool.AppendMarked(spoolMarks(m), p...)
}

func (k keeper) Marks(space byte, visit func(key, value []byte) error) (bool, error) {
	return false, k.Spool.Marks(space, visit)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testSite is a site that asks for everything.
func testSite(change ...func(*site.Site)) *site.Site {
	st := &site.Site{
		ID: "shop", Name: "Shop", Domains: []string{"shop.example"},
		Endpoints:  []*url.URL{{Scheme: "https", Host: "t.shop.example"}},
		Controller: site.Controller{Name: "Shop Ltd", Email: "privacy@shop.example"},
		Region:     "cn", Zone: time.FixedZone("CST", 8*3600), Currency: "CNY",
		Purposes:        []site.PurposeUse{{ID: site.Preferences, Version: 1}, {ID: site.Analytics, Version: 1}, {ID: site.Marketing, Version: 1}},
		Regimes:         site.Regimes{"default": site.OptIn},
		ConsentLifetime: 180 * 24 * time.Hour, MinGroup: 5,
		EventProps:   map[string][]string{"search": {"query"}},
		Banner:       site.Banner{Layout: site.Bar, Languages: []string{"en", "zh-CN"}},
		RetainEvents: 395 * 24 * time.Hour, RetainConsents: 5 * 365 * 24 * time.Hour,
		Policy: site.FirstPolicy(),
	}
	for _, c := range change {
		c(st)
	}
	return st
}

var testStart = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, sites []*site.Site, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, at: testStart, log: &lockedBuffer{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.spool, err = spool.Open(spool.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	ring, err := identity.NewRing(testStart)
	if err != nil {
		t.Fatal(err)
	}
	geo, err := enrich.OpenGeo(enrich.GeoOptions{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	assets, err := banner.Load()
	if err != nil {
		t.Fatal(err)
	}
	withdrawn, err := withdrawal.New(withdrawal.Options{Marks: keeper{w.spool}, Lifetime: 400 * 24 * time.Hour, Now: w.now, Logger: logger})
	if err == nil {
		err = withdrawn.Load()
	}
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Sites: sites, Ring: ring, Geo: geo, Agents: enrich.NewAgents(), Spool: keeper{w.spool}, Withdrawn: withdrawn, Banner: assets,
		Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Region: "cn", Now: w.now, Logger: logger,
	}
	for _, c := range change {
		c(&o)
	}
	if w.srv, err = New(o); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.base = "http://" + ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- w.srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		_ = w.srv.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		_ = w.spool.Close()
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// records returns what was kept since the last call.
func (w *world) records() []event.Record {
	w.t.Helper()
	var out []event.Record
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		got, err := w.spool.Next(ctx, w.read, spool.Limits{})
		cancel()
		if err != nil || len(got) == 0 {
			return out
		}
		for _, r := range got {
			rec, err := event.Decode(r.Payload)
			if err != nil {
				w.t.Fatal(err)
			}
			out = append(out, rec)
			w.read = r.Seq
		}
	}
}

// events returns the events kept since the last call.
func (w *world) events() []event.Event {
	w.t.Helper()
	var out []event.Event
	for _, r := range w.records() {
		if r.Event != nil {
			out = append(out, *r.Event)
		}
	}
	return out
}

// browser is a visitor's browser, reduced to cookies and headers.
type browser struct {
	w       *world
	cookies map[string]string
	header  http.Header
}

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

func (w *world) browser() *browser {
	h := http.Header{}
	h.Set("Origin", "https://www.shop.example")
	h.Set("User-Agent", chrome)
	h.Set("Accept-Language", "en")
	h.Set("X-Forwarded-Host", "t.shop.example")
	return &browser{w: w, cookies: map[string]string{}, header: h}
}

type answer struct {
	status int
	header http.Header
	body   string
	set    []*http.Cookie
}

func (a answer) result() string { return a.header.Get("Kunji-Result") }

func (b *browser) do(method, path, body string) answer {
	b.w.t.Helper()
	req, err := http.NewRequest(method, b.w.base+path, strings.NewReader(body))
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header = b.header.Clone()
	for name, value := range b.cookies {
		req.Header.Add("Cookie", name+"="+value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{resp.StatusCode, resp.Header, string(got), resp.Cookies()}
}

func (b *browser) get(path string) answer { b.w.t.Helper(); return b.do("GET", path, "") }

func (b *browser) choose(method string) answer {
	b.w.t.Helper()
	a := b.do("POST", "/v1/consent", `{"site":"shop","method":"`+method+`","surface":"banner","notice":{"language":"en"}}`)
	if a.status != 200 {
		b.w.t.Fatalf("choose %s: %d %s", method, a.status, a.body)
	}
	return a
}

func (b *browser) view(page, referrer string) answer {
	b.w.t.Helper()
	body, err := json.Marshal(map[string]any{"site": "shop", "events": []any{map[string]any{"kind": "page_view", "url": page, "referrer": referrer}}})
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do("POST", "/v1/events", string(body))
}

// testGeo opens the geo database that set-up builds.
func testGeo(t *testing.T) *enrich.Geo {
	t.Helper()
	geo, err := enrich.OpenGeo(enrich.GeoOptions{Database: "../../.cache/geo/country.mmdb", ASNDatabase: "../../.cache/geo/asn.mmdb"})
	if err != nil {
		t.Fatalf("%v: run `make setup`", err)
	}
	return geo
}
