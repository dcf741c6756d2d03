package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
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

func open(t *testing.T) *store.Store {
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

func newRing(t *testing.T) *identity.Ring {
	t.Helper()
	ring, err := identity.NewRing(start)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

var start = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// TestPolicy_6_4_SenderLearnsWhoLeft: each unsubscription reaches the sender,
// past failures and restarts, and none that was taken is told again.
func TestPolicy_6_4_SenderLearnsWhoLeft(t *testing.T) {
	db := open(t)
	ring := newRing(t)
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

// TestPolicy_6_4_RefusedOnesDelayNobody: more than a round of them wait by themselves,
// and who leaves later is told at once.
func TestPolicy_6_4_RefusedOnesDelayNobody(t *testing.T) {
	const gone = roundSize + 5 // subscribers whom the receiver has deleted
	db, ring := open(t), newRing(t)
	leave := func(first uint64, refs ...string) {
		t.Helper()
		var all []*event.Statement
		for i, ref := range refs {
			all = append(all, &event.Statement{
				Site: "shop", Recipient: first + uint64(i), Time: start, All: event.Denied, By: event.ByThemselves, Sealed: ring.SealRef("shop", ref, "weekly"),
			})
		}
		if err := db.Insert(t.Context(), "leave-"+refs[0], store.Batch{Statements: all}); err != nil {
			t.Fatal(err)
		}
	}
	r := &receiver{t: t, ids: map[string]bool{}}
	server := httptest.NewServer(r)
	defer server.Close()
	shop := &site.Site{ID: "shop", UnsubscribeHook: server.URL}
	now, log := time.Now(), &bytes.Buffer{}
	c, err := New(Options{
		Queue: db, Sites: func() []*site.Site { return nil }, Open: ring.OpenRef, Secret: func(string) string { return secret },
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	// f makes a round a while later and wants so many calls, and who has been told by
	// then, in that order.
	f := func(what string, later time.Duration, calls int, want ...string) {
		t.Helper()
		_, before := r.state()
		now = now.Add(later)
		c.round(t.Context(), shop)
		if _, after := r.state(); !slices.Equal(r.took, want) || after-before != calls {
			t.Errorf("%s: told %v by %d calls, want %v by %d", what, r.took, after-before, want, calls)
		}
	}
	refuse := func(ref string) int {
		if strings.HasPrefix(ref, "gone") {
			return 404
		}
		return 200
	}
	r.will(refuse)
	var refs []string
	for i := range gone {
		refs = append(refs, fmt.Sprint("gone-", i))
	}
	leave(1000, refs...)
	leave(1, "a")
	f("the oldest are refused", 0, roundSize)
	f("the next come at once", 0, gone-roundSize+1, "a")
	leave(2, "b")
	f("the site has no pause", 0, 1, "a", "b")
	leave(3, "c")
	r.will(func(ref string) int {
		if ref != "c" && !slices.Contains(r.took, "c") {
			t.Errorf("%s is tried again before c is told", ref)
		}
		return refuse(ref)
	})
	f("new ones come before those that are tried again", 6*time.Second, roundSize, "a", "b", "c")
	f("the rest is tried again", 0, gone-roundSize+1, "a", "b", "c")
	f("their pause has doubled", 6*time.Second, 0, "a", "b", "c")
	leave(4, "d")
	r.will(func(string) int { return 408 })
	f("a timeout holds the site", 0, 1, "a", "b", "c")
	f("too soon", time.Second, 0, "a", "b", "c")
	r.will(func(string) int { return 200 })
	now = now.Add(time.Hour)
	c.round(t.Context(), shop)
	c.round(t.Context(), shop)
	if took, _ := r.state(); len(took) != gone+4 || len(r.ids) != gone+4 {
		t.Errorf("in the end %d are told by %d names, want %d", len(took), len(r.ids), gone+4)
	}
	f("nothing is left", time.Hour, 0, r.took...)
	if said := log.String(); !strings.Contains(said, "refused=200") || !strings.Contains(said, "with 404") {
		t.Errorf("the log does not say what was refused: %s", said)
	}
}

// TestAllRefusedFit: a statement carries as many keys as a caller remembers.
func TestAllRefusedFit(t *testing.T) {
	db := open(t)
	keys := make([]uint64, maxRefused)
	for i := range keys {
		keys[i] = math.MaxUint64 - uint64(i)
	}
	for _, page := range []store.UntoldPage{{Most: 1, Wait: keys}, {Most: 1, Again: keys}} {
		if list, err := db.MailUntold(t.Context(), "shop", page); err != nil || len(list) != 0 {
			t.Errorf("with %d keys: %v, %v", len(keys), list, err)
		}
	}
}

// oneUntold is a queue of one who left.
type oneUntold struct{ Queue }

func (oneUntold) MailUntold(context.Context, string, store.UntoldPage) ([]store.Untold, error) {
	return []store.Untold{{Key: 1}}, nil
}

// TestTooManyRefused: a receiver that refuses more than can be remembered is left
// alone like one that fails.
func TestTooManyRefused(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(404)
	}))
	defer server.Close()
	log := &bytes.Buffer{}
	c, err := New(Options{
		Queue: oneUntold{}, Sites: func() []*site.Site { return nil }, Secret: func(string) string { return secret },
		Open: func(_, _ string) (string, string, error) { return "", "", nil }, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	shop, full := &site.Site{ID: "shop", UnsubscribeHook: server.URL}, map[uint64]pause{}
	for i := range maxRefused {
		full[uint64(i)+2] = pause{1, time.Now().Add(time.Hour)}
	}
	c.sites["shop"] = &progress{address: server.URL, refused: full}
	c.round(t.Context(), shop)
	c.round(t.Context(), shop)
	if calls != 1 || len(full) != maxRefused || !strings.Contains(log.String(), "see whether the address is right") {
		t.Errorf("%d calls, %d remembered, log %s", calls, len(full), log)
	}
}

// endedQueue has a wind-down that is done, and those who left all the same.
type endedQueue struct {
	*store.Store
	told bool
}

func (q *endedQueue) EndsUntold(context.Context) ([]store.WindDown, error) {
	if q.told {
		return nil, nil
	}
	return []store.WindDown{{Site: "shop", Begun: start, Finished: start.Add(time.Hour)}}, nil
}

func (q *endedQueue) EndTold(context.Context, store.WindDown) error {
	q.told = true
	return nil
}

// TestRefusedOnesDoNotHideTheEnd: the sender learns that the site has ended whoever
// is refused, and who left while that is refused.
func TestRefusedOnesDoNotHideTheEnd(t *testing.T) {
	q, ring := &endedQueue{Store: open(t)}, newRing(t)
	answer := map[string]int{"gone": 404, "site_ended": 410}
	var took []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var told struct{ Event, Ref string }
		if err := json.NewDecoder(req.Body).Decode(&told); err != nil {
			t.Error(err)
		}
		took = append(took, told.Event+told.Ref)
		w.WriteHeader(max(200, answer[told.Event+told.Ref]))
	}))
	defer server.Close()
	shop := &site.Site{ID: "shop", UnsubscribeHook: server.URL, Status: site.Stopped}
	now := time.Now()
	c, err := New(Options{
		Queue: q, Sites: func() []*site.Site { return nil }, Open: ring.OpenRef, Secret: func(string) string { return secret },
		Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	// f makes a round a while later, after somebody has left, and wants these calls.
	f := func(recipient uint64, leaves string, later time.Duration, want ...string) {
		t.Helper()
		if leaves != "" {
			st := event.Statement{Site: "shop", Recipient: recipient, Time: start, All: event.Denied, By: event.ByThemselves, Sealed: ring.SealRef("shop", leaves, "weekly")}
			if err := q.Insert(t.Context(), "leave-"+leaves, store.Batch{Statements: []*event.Statement{&st}}); err != nil {
				t.Fatal(err)
			}
		}
		took, now = nil, now.Add(later)
		c.round(t.Context(), shop)
		if !slices.Equal(took, want) {
			t.Errorf("after %q left: calls %q, want %q", leaves, took, want)
		}
	}
	f(1, "gone", 0, "gone", "site_ended")
	f(2, "late", 0, "late")
	f(0, "", 6*time.Second, "gone", "site_ended")
	delete(answer, "site_ended")
	f(0, "", time.Hour, "gone", "site_ended")
	f(0, "", time.Hour, "gone")
}

// TestPolicy_7_7_SenderLearnsThatTheSiteEnded: once, when the wind-down is done and
// all who left were told, past a failure and a restart.
func TestPolicy_7_7_SenderLearnsThatTheSiteEnded(t *testing.T) {
	db := open(t)
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
	var err error
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
