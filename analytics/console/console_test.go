package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// house is a console on a real engine, with a clock that tests move.
type house struct {
	t        *testing.T
	server   *httptest.Server
	now      time.Time
	log      bytes.Buffer
	accounts Accounts
	source   report.Source
	secure   bool
	origin   string
	timeout  time.Duration
	patience time.Duration
	keeper   Keeper
	ring     *identity.Ring
	mailing  *testMailing
}

// quickHash is a hash of low cost: tests do not wait for 19 MiB.
func quickHash(password string) string {
	h := passwordHash{memory: 64, passes: 1, lanes: 1, salt: []byte("saltsalt")}
	h.key = argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, keyBytes)
	return h.String()
}

func tokenFor(name string, role Role, sites ...string) Token {
	sum := sha256.Sum256([]byte("token-" + name))
	return Token{Name: name, SHA256: hex.EncodeToString(sum[:]), Role: role, Sites: sites}
}

func testSite(id string) *site.Site {
	endpoint := &url.URL{Scheme: "https", Host: "t." + id + ".example"}
	return &site.Site{ID: id, Domains: []string{id + ".example"}, Name: "Site " + id, Zone: time.UTC, Currency: "EUR", MinGroup: 5, Endpoints: []*url.URL{endpoint}, RetainEvents: 395 * 24 * time.Hour}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(store.Options{Dial: enginetest.Start(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// build starts a console over a source; nil where no report is asked for.
func build(t *testing.T, source report.Source, secure bool) *house {
	t.Helper()
	ring, err := identity.NewRing(start)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{patience: time.Minute, t: t, now: start, source: source, secure: secure, ring: ring, mailing: &testMailing{ring: ring}}
	if source == nil {
		h.source = (*store.Store)(nil)
	}
	if db, ok := source.(*store.Store); ok {
		h.keeper = db
	}
	h.accounts = Accounts{
		Users: []User{
			{"ada", quickHash("ada's password"), Marketer, []string{"shop"}},
			{"root", quickHash("root's password"), Admin, []string{"*"}},
			{"post", quickHash("post's password"), Mailer, []string{"*"}},
		},
		Tokens: []Token{
			tokenFor("marketer", Marketer, "shop"), tokenFor("admin", Admin, "*"), tokenFor("shopadmin", Admin, "shop"),
			tokenFor("mailer", Mailer, "*"), tokenFor("operator", Operator, "*"),
		},
	}
	h.restart()
	return h
}

// restart makes the console anew.
func (h *house) restart() {
	h.t.Helper()
	made := testSite("shop")
	made.Made = true
	c, err := New(Options{
		Sites:    func() []*site.Site { return []*site.Site{made, testSite("other")} },
		Accounts: func() Accounts { return h.accounts },
		Source:   h.source, Now: func() time.Time { return h.now }, Logger: slog.New(slog.NewTextHandler(&h.log, nil)),
		Links: testLinker{h.ring}, Mail: h.mailing, Secure: h.secure, Origin: h.origin, GeoAttribution: "Geo by Example", QueryTimeout: h.timeout, Patience: h.patience, Keeper: h.keeper, Signer: testSigner{},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.server = httptest.NewServer(c.Handler())
	h.t.Cleanup(h.server.Close)
}

// reply is an answer read whole.
type reply struct {
	*http.Response
	body string
}

// do sends a request without following redirects.
func (h *house) do(method, path string, change ...func(*http.Request)) reply {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	answer, err := h.server.Client().Transport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{answer, string(body)}
}

func bearer(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer token-"+name) }
}

func cookies(all []*http.Cookie) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range all {
			if c.MaxAge >= 0 {
				r.AddCookie(c)
			}
		}
	}
}

func form(values url.Values) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(values.Encode()))
	}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func csrfOf(t *testing.T, page string) string {
	t.Helper()
	found := csrfField.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no csrf field in\n%s", page)
	}
	return found[1]
}

// attempt opens the sign-in form and sends it.
func (h *house) attempt(name, password, next string) reply {
	h.t.Helper()
	page := h.do("GET", "/signin")
	return h.do("POST", "/signin", cookies(page.Cookies()), form(url.Values{
		"csrf": {csrfOf(h.t, page.body)}, "name": {name}, "password": {password}, "next": {next},
	}))
}

// signIn returns the cookies of a session.
func (h *house) signIn(name string) []*http.Cookie {
	h.t.Helper()
	answer := h.attempt(name, name+"'s password", "/")
	if answer.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("sign in as %s: %s\n%s", name, answer.Status, answer.body)
	}
	return answer.Cookies()
}

// traffic is visits of some campaigns, one with a hostile name.
func traffic() store.Batch {
	var b store.Batch
	for i := range uint64(60) {
		at := start.Add(-time.Duration(i) * time.Hour)
		e := &event.Event{
			Site: "shop", Kind: event.Visit, Time: at, LocalDay: int32(at.Unix() / 86400), Visitor: i + 1, Basis: event.BasisRecord, Attributed: true,
			KeepUntil: 30000, Campaign: event.Campaign{Source: "letter", Medium: "email", Name: hostile[i%3], Channel: "E-mail"},
		}
		binary.BigEndian.PutUint64(e.ID[:], i)
		b.Events = append(b.Events, e)
	}
	other := *b.Events[0]
	other.Site = "other"
	b.Events = append(b.Events, &other)
	return b
}

var hostile = []string{`<script>alert("x")</script>`, `=cmd|'/C calc'!A0`, `" onmouseover="alert(1)`}

func wantStatus(t *testing.T, what string, got reply, want int) {
	t.Helper()
	if got.StatusCode != want {
		t.Errorf("%s: %s, want %d\n%.600s", what, got.Status, want, got.body)
	}
}
