package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

const secret = "0123456789abcdef"

// receiver is a sender's server: it checks each call and answers as told.
type receiver struct {
	t      *testing.T
	mu     sync.Mutex
	answer func(ref string) int
	took   []string // refs answered with 2xx
	calls  int
	ids    map[string]bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var told struct{ Ref, List, Time string }
	if err != nil || json.Unmarshal(body, &told) != nil || told.List != "weekly" || req.Method != http.MethodPost {
		r.t.Errorf("%s %s: %v", req.Method, body, err)
	}
	if at, err := time.Parse(time.RFC3339, told.Time); err != nil || !at.Equal(start) {
		r.t.Errorf("time %q: %v", told.Time, err)
	}
	stamp, signature, _ := strings.Cut(strings.TrimPrefix(req.Header.Get("Kunji-Signature"), "t="), ",v1=")
	if signature != Sign(secret, stamp, body) || signature == Sign(secret, stamp, append(body, ' ')) || len(signature) != 64 {
		r.t.Errorf("signature %q of %s", req.Header.Get("Kunji-Signature"), body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	status := r.answer(told.Ref)
	if status/100 == 3 {
		w.Header().Set("Location", "/elsewhere")
	}
	if status/100 == 2 {
		r.took = append(r.took, told.Ref)
		r.ids[req.Header.Get("Kunji-Delivery")] = true
	}
	w.WriteHeader(status)
}

func (r *receiver) will(answer func(ref string) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) state() (took []string, calls int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took = slices.Clone(r.took)
	slices.Sort(took)
	return took, r.calls
}

var start = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// TestPolicy_6_4_SenderLearnsWhoLeft: each unsubscription reaches the sender,
// past failures and restarts, and none that was taken is told again.
func TestPolicy_6_4_SenderLearnsWhoLeft(t *testing.T) {
	db, err := store.Open(store.Options{Dial: enginetest.Start(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring, err := identity.NewRing(start)
	if err != nil {
		t.Fatal(err)
	}
	leave := func(recipient uint64, ref string) {
		t.Helper()
		sealed := ring.SealRef("shop", ref, "weekly")
		if ref == "" {
			sealed = "" // told by a token: the sender knows
		}
		st := event.Statement{Site: "shop", Recipient: recipient, Time: start, All: event.Denied, By: event.ByThemselves, Sealed: sealed}
		if err := db.Insert(t.Context(), "leave-"+ref, store.Batch{Statements: []*event.Statement{&st}}); err != nil {
			t.Fatal(err)
		}
	}
	r := &receiver{t: t, ids: map[string]bool{}}
	server := httptest.NewServer(r)
	defer server.Close()
	shop := &site.Site{ID: "shop", UnsubscribeHook: server.URL + "/hook?key=hidden"}
	now, log := time.Now(), &bytes.Buffer{}
	restart := func() *Caller {
		t.Helper()
		c, err := New(Options{
			Queue: db, Sites: func() []*site.Site { return []*site.Site{shop} }, Open: ring.OpenRef, Secret: func(string) string { return secret },
			Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := restart()
	// f makes a round a while later and wants who has been told by then.
	f := func(what string, later time.Duration, calls int, want ...string) {
		t.Helper()
		_, before := r.state()
		now = now.Add(later)
		c.round(context.Background(), shop)
		took, after := r.state()
		if !slices.Equal(took, want) || after-before != calls {
			t.Errorf("%s: told %v by %d calls, want %v by %d", what, took, after-before, want, calls)
		}
	}
	always := func(status int) func(string) int { return func(string) int { return status } }
	leave(1, "a")
	leave(2, "b")
	leave(3, "")
	r.will(always(500))
	f("the receiver fails", 0, 1)
	f("too soon", 4*time.Second, 0)
	f("five seconds later", 2*time.Second, 1)
	f("the pause has doubled", 6*time.Second, 0)
	r.will(always(302))
	f("a redirect is not followed", 10*time.Second, 2)
	r.will(func(ref string) int {
		if ref == "a" {
			return 400
		}
		return 204
	})
	f("one is refused", time.Hour, 2, "b")
	c = restart() // forgets nothing but its pauses
	f("after a restart, still refused", 0, 1, "b")
	r.will(always(200))
	f("at last", time.Hour, 1, "a", "b")
	f("nothing is left", time.Minute, 0, "a", "b")
	c = restart()
	f("nothing is told again after a restart", 0, 0, "a", "b")
	leave(4, "c")
	f("one more", time.Minute, 1, "a", "b", "c")
	if len(r.ids) != 3 {
		t.Errorf("%d names of calls, want 3", len(r.ids))
	}
	server.Close()
	leave(5, "d")
	f("the receiver is away", time.Minute, 0, "a", "b", "c")
	shop.UnsubscribeHook = "http://shop.example/hook"
	f("an address in the clear is not called", time.Minute, 0, "a", "b", "c")
	if said := log.String(); strings.Contains(said, "hidden") || strings.Contains(said, "weekly") || !strings.Contains(said, "the receiver answered 500") {
		t.Errorf("the log tells too much, or too little: %s", said)
	}
}

// TestPolicy_7_7_SenderLearnsThatTheSiteEnded: once, when the wind-down is done and
// all who left were told, past a failure and a restart.
func TestPolicy_7_7_SenderLearnsThatTheSiteEnded(t *testing.T) {
	db, err := store.Open(store.Options{Dial: enginetest.Start(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"events", "touches", "sales", "visitor_days", "campaign_day", "campaign_keeping", "keeping_days", "consents", "refusals", "notices", "mail_consents", "mail_sent", "mail_told", "ad_costs", "rates", "console_state"} {
		if err := db.SQL(t.Context(), io.Discard, "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 0", "tsv", true); err != nil {
			t.Fatal(err)
		}
	}
	status := 200
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		stamp, signature, _ := strings.Cut(strings.TrimPrefix(req.Header.Get("Kunji-Signature"), "t="), ",v1=")
		if err != nil || signature != Sign(secret, stamp, body) || req.Header.Get("Kunji-Delivery") == "" {
			t.Errorf("%s: signature %q, %v", body, signature, err)
		}
		calls = append(calls, req.Header.Get("Kunji-Event")+" "+string(body))
		w.WriteHeader(status)
	}))
	defer server.Close()
	shop, blog := &site.Site{ID: "shop", UnsubscribeHook: server.URL}, &site.Site{ID: "blog", UnsubscribeHook: server.URL, Status: site.Stopped}
	now := time.Now()
	round := func() {
		t.Helper()
		c, err := New(Options{
			Queue: db, Sites: func() []*site.Site { return nil }, Secret: func(string) string { return secret },
			Open: func(_, _ string) (string, string, error) { return "", "", nil }, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.round(t.Context(), shop)
		c.round(t.Context(), blog)
	}
	begun := store.WindDown{Site: "shop", Begun: now, By: "shell anna", Reason: "ticket 9"}
	if err := db.BeginWindDown(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	shop.Status = site.Stopped
	round()
	if len(calls) != 0 {
		t.Fatalf("before the end the sender is told %q", calls)
	}
	var done []store.WindDown
	for deadline := time.Now().Add(time.Minute); len(done) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the wind-down does not end")
		}
		done, err = db.WindDown(t.Context(), store.WindDownOptions{Signer: ended{}, Drained: func(time.Time) bool { return true }})
		if err != nil {
			t.Fatal(err)
		}
	}
	status = 500
	round()
	status = 204
	round()
	round()
	want, err := json.Marshal(map[string]any{
		"event": "site_ended", "site": "shop", "begun": done[0].Begun, "ended": done[0].Finished, "receipt": done[0].Signature,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] != calls[1] {
		t.Fatalf("the sender is told %q", calls)
	}
	event, body, _ := strings.Cut(calls[0], " ")
	var got, wanted any
	if json.Unmarshal([]byte(body), &got) != nil || json.Unmarshal(want, &wanted) != nil || !reflect.DeepEqual(got, wanted) || event != siteEnded {
		t.Errorf("%s: %s, want %s", event, body, want)
	}
}

// ended signs receipts.
type ended struct{}

func (ended) Sign(site string, message []byte) []byte {
	return []byte(Sign(secret, site, message))
}

func TestAllowed(t *testing.T) {
	f := func(address string, want bool) {
		t.Helper()
		if err := Allowed(address); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %t", address, err, want)
		}
	}
	f("https://shop.example/hook", true)
	f("http://127.0.0.1:8000/hook", true)
	f("http://[::1]/hook", true)
	f("http://localhost/hook", true)
	f("http://shop.example/hook", false)
	f("http://localhost.shop.example/hook", false)
	f("http://10.0.0.1/hook", false)
	f("https://user:secret@shop.example/hook", false)
	f("ftp://shop.example/hook", false)
	f("shop.example/hook", false)
	f("", false)
	if _, err := New(Options{}); err == nil {
		t.Error("a caller without its parts is made")
	}
}
