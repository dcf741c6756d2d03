package ship

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

var day = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func pageView(n int) *event.Event {
	e := &event.Event{
		Time: day.Add(time.Duration(n) * time.Millisecond), LocalDay: int32(day.Unix() / 86400), Site: "shop", Kind: event.PageView,
		Visitor: uint64(n + 1), Basis: event.BasisRecord, Attributed: true, Campaign: event.Campaign{Source: "s"},
		Path: fmt.Sprintf("/%d", n), KeepUntil: int32(day.Unix()/86400) + 400,
	}
	if n%2 == 0 {
		e.Kind = event.Visit
	}
	return e
}

func encode(t testing.TB, r event.Record) []byte {
	t.Helper()
	b, err := event.Append(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bench is one spool and one database.
type bench struct {
	*testing.T
	dir   string
	spool *spool.Spool
	store *store.Store
}

func (b *bench) openSpool() {
	b.Helper()
	s, err := spool.Open(spool.Options{Dir: b.dir, MinFree: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.spool = s
}

// append puts events from..to-1 into the spool, in groups of 100.
func (b *bench) append(from, to int) {
	b.Helper()
	for n := from; n < to; n += 100 {
		var all [][]byte
		for i := n; i < min(n+100, to); i++ {
			all = append(all, encode(b, event.Record{Event: pageView(i)}))
		}
		b.put(all...)
	}
}

func (b *bench) put(all ...[]byte) {
	b.Helper()
	if err := b.spool.Append(all...); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) shipper(target Store, change func(*Options)) *Shipper {
	b.Helper()
	o := Options{Spool: b.spool, Store: target, MaxAge: 20 * time.Millisecond, RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bench) drain(s *Shipper) {
	b.Helper()
	if err := s.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	if st := b.spool.Stats(); st.Depth != 0 {
		b.Errorf("%d records left after a drain", st.Depth)
	}
}

// wantOnce proves that events 0..n-1 are there once, and in both views.
func (b *bench) wantOnce(n int) {
	b.Helper()
	want := fmt.Sprintf("%d\t%d\t%d\t%d", n, n, (n+1)/2, n)
	if got := b.one("SELECT (SELECT count() FROM events), (SELECT uniqExact(path) FROM events), (SELECT count() FROM touches), " +
		"(SELECT sum(visits) + sum(page_views) FROM campaign_day)"); got != want {
		b.Errorf("events, different ones, touches, rollup: %s, want %s", got, want)
	}
}

func (b *bench) one(sql string) string {
	b.Helper()
	var out strings.Builder
	if err := b.store.SQL(b.Context(), &out, sql, "tsv", false); err != nil {
		b.Fatal(err)
	}
	_, value, _ := strings.Cut(out.String(), "\n")
	return strings.TrimSuffix(value, "\n")
}

// faulty passes inserts on and fails before or after them as told.
type faulty struct {
	to Store

	mu     sync.Mutex
	before []error // one a try; nil lets it through
	after  []error // after the insert was done: the answer is lost
	tokens []string
	sizes  []int
}

func (f *faulty) Insert(ctx context.Context, token string, b store.Batch) error {
	f.mu.Lock()
	f.tokens, f.sizes = append(f.tokens, token), append(f.sizes, b.Len())
	before, after := shift(&f.before), shift(&f.after)
	f.mu.Unlock()
	if before != nil {
		return before
	}
	if err := f.to.Insert(ctx, token, b); err != nil {
		return err
	}
	return after
}

func shift(list *[]error) (first error) {
	if len(*list) > 0 {
		first, *list = (*list)[0], (*list)[1:]
	}
	return first
}

var errLost = errors.New("the connection was lost")

func TestShip(t *testing.T) {
	dial := enginetest.Start(t)
	for name, run := range map[string]func(*bench){
		"every_type": shipsEveryType, "run": runs, "answers_lost": answersLost, "killed": killedBetweenInsertAndAck,
		"changed": changedAfterFirstTry, "unreachable": unreachableAndBack, "refused": refusedForGood, "unfit": unfitRecords, "limits": limits, "months": months,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(store.Options{Dial: dial, Database: name})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			b := &bench{T: t, dir: filepath.Join(t.TempDir(), "spool"), store: s}
			b.openSpool()
			run(b)
			if err := errors.Join(b.spool.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

func shipsEveryType(b *bench) {
	b.put(
		encode(b, event.Record{Consent: &event.Consent{ID: [16]byte{1}, Subject: 1, Site: "shop", Time: day, KeepUntil: 30_000}}),
		encode(b, event.Record{Event: pageView(0)}),
		encode(b, event.Record{Refusal: &event.Refusal{Site: "shop", Hour: day, Reason: event.GPC, Count: 3}}),
		encode(b, event.Record{Notice: &event.Notice{Site: "shop", Day: int32(day.Unix() / 86400), Outcome: event.Shown, Count: 4}}),
	)
	s := b.shipper(b.store, nil)
	b.drain(s)
	b.wantOnce(1)
	if got := b.one("SELECT (SELECT count() FROM consents), (SELECT sum(count) FROM refusals), (SELECT sum(count) FROM notices)"); got != "1\t3\t4" {
		b.Errorf("consents, refusals, notices: %s", got)
	}
	if st := s.Stats(); st.Records != 4 || st.Batches != 1 || st.Retries != 0 || st.LastSuccess.IsZero() || st.Lag != 0 {
		b.Errorf("stats %+v", st)
	}
	b.drain(s) // nothing there: returns at once
}

// runs checks that records which come while Run is at work arrive.
func runs(b *bench) {
	s := b.shipper(b.store, nil)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.append(0, 250)
	for b.spool.Stats().Depth > 0 {
		time.Sleep(time.Millisecond)
	}
	b.append(250, 500)
	if err := s.Drain(ctx); err == nil {
		b.Error("a drain beside Run")
	}
	cancel()
	if err := <-ended; err != nil {
		b.Errorf("Run ended with %v", err)
	}
	b.drain(s) // as at SIGTERM: what Run left
	b.wantOnce(500)
}

func answersLost(b *bench) {
	b.append(0, 1000)
	f := &faulty{to: b.store, after: []error{errLost, errLost, nil, errLost}}
	s := b.shipper(f, func(o *Options) { o.MaxRows = 300 })
	b.drain(s)
	b.wantOnce(1000)
	if st := s.Stats(); st.Retries != 3 || st.Batches != 4 || st.LastError != "" || !st.Failing.IsZero() {
		b.Errorf("stats %+v", st)
	}
}

// killedBetweenInsertAndAck leaves the batch stored and unacknowledged; the
// next program cuts other batches, but not this one.
func killedBetweenInsertAndAck(b *bench) {
	b.append(0, 500)
	ctx, kill := context.WithCancel(b.Context())
	f := &faulty{to: b.store, after: []error{errLost}}
	s := b.shipper(stop{f, kill}, func(o *Options) { o.MaxRows = 150 })
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		b.Fatalf("got %v", err)
	}
	if b.spool.Cursor() != 0 {
		b.Fatal("acknowledged")
	}
	if err := b.spool.Close(); err != nil {
		b.Fatal(err)
	}
	b.openSpool()
	b.append(500, 700)
	again := &faulty{to: b.store}
	b.drain(b.shipper(again, func(o *Options) { o.MaxRows = 1000 }))
	b.wantOnce(700)
	if again.tokens[0] != f.tokens[0] || again.sizes[0] != f.sizes[0] {
		b.Errorf("repeated %s with %d rows, was %s with %d", again.tokens[0], again.sizes[0], f.tokens[0], f.sizes[0])
	}
}

// stop ends the process's context after an insert.
type stop struct {
	to   Store
	kill func()
}

func (s stop) Insert(ctx context.Context, token string, b store.Batch) error {
	defer s.kill()
	return s.to.Insert(ctx, token, b)
}

// changedAfterFirstTry: a hash that does not agree must not be sent under the
// old token, nor under a new one.
func changedAfterFirstTry(b *bench) {
	b.append(0, 300)
	records, err := b.spool.Read(b.Context(), 1, 100)
	if err != nil {
		b.Fatal(err)
	}
	m := manifestOf(b.spool.ID(), records)
	m.hash[0]++
	if err := b.spool.PutManifest(m.encode()); err != nil {
		b.Fatal(err)
	}
	f := &faulty{to: b.store}
	s := b.shipper(f, nil)
	b.drain(s)
	if got := b.one("SELECT count(), min(toUInt32(substring(path, 2))) FROM events"); got != "200\t100" {
		b.Errorf("count and first of the rest: %s", got)
	}
	if aside, err := b.spool.Asides(); err != nil || len(aside) != 1 || aside[0].Records != 100 || !strings.Contains(aside[0].Reason, "differ") {
		b.Errorf("set aside: %+v, %v", aside, err)
	}
	if st := s.Stats(); st.SetAside != 100 {
		b.Errorf("stats %+v", st)
	}
}

func unreachableAndBack(b *bench) {
	// A real store on a port where nobody listens, until it is swapped.
	var d net.Dialer
	var mu sync.Mutex
	away := true
	gone, err := store.Open(store.Options{Dial: func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", "127.0.0.1:1") }})
	if err != nil {
		b.Fatal(err)
	}
	defer gone.Close()
	target := insertFunc(func(ctx context.Context, token string, rows store.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return gone.Insert(ctx, token, rows)
		}
		return b.store.Insert(ctx, token, rows)
	})
	b.append(0, 300)
	s := b.shipper(target, nil)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for s.Stats().Retries < 5 {
		time.Sleep(time.Millisecond)
	}
	if st := s.Stats(); st.Failing.IsZero() || st.LastError == "" || st.SetAside != 0 || st.Lag <= 0 {
		b.Errorf("stats while it is away: %+v", st)
	}
	mu.Lock()
	away = false
	mu.Unlock()
	b.append(300, 400)
	for b.spool.Stats().Depth > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.wantOnce(400)
}

type insertFunc func(context.Context, string, store.Batch) error

func (f insertFunc) Insert(ctx context.Context, token string, rows store.Batch) error {
	return f(ctx, token, rows)
}

func refusedForGood(b *bench) {
	if err := b.store.SQL(b.Context(), &strings.Builder{}, "ALTER TABLE events ADD CONSTRAINT no_poison CHECK path != '/150'", "tsv", true); err != nil {
		b.Fatal(err)
	}
	b.append(0, 300)
	s := b.shipper(b.store, func(o *Options) { o.MaxRows = 100 })
	b.drain(s)
	if got := b.one("SELECT count(), countIf(path IN ('/100', '/150', '/199')) FROM events"); got != "200\t0" {
		b.Errorf("rows, of the refused batch: %s", got)
	}
	aside, err := b.spool.Asides()
	if err != nil || len(aside) != 1 || aside[0].Records != 100 || !strings.Contains(aside[0].Reason, "VIOLATED_CONSTRAINT") {
		b.Fatalf("set aside: %+v, %v", aside, err)
	}
	// Mended and replayed, they arrive.
	if err := b.store.SQL(b.Context(), &strings.Builder{}, "ALTER TABLE events DROP CONSTRAINT no_poison", "tsv", true); err != nil {
		b.Fatal(err)
	}
	if n, err := b.spool.Replay(aside[0].Batch); err != nil || n != 100 {
		b.Fatalf("replayed %d, %v", n, err)
	}
	b.drain(s)
	b.wantOnce(300)
}

func unfitRecords(b *bench) {
	huge := pageView(9999)
	huge.Value = 1 << 62
	b.put(encode(b, event.Record{Event: huge}))
	b.append(0, 150)
	b.put([]byte("not a record"), encode(b, event.Record{Event: huge}))
	b.append(150, 250)
	b.put([]byte("not a record"))
	s := b.shipper(b.store, nil)
	b.drain(s)
	b.wantOnce(250)
	if st := s.Stats(); st.SetAside != 4 || st.Records != 250 || st.Retries != 0 {
		b.Errorf("stats %+v", st)
	}
}

func limits(b *bench) {
	b.append(0, 1000)
	f := &faulty{to: b.store}
	b.drain(b.shipper(f, func(o *Options) { o.MaxRows = 130 })) // inside the groups of 100
	for i, n := range f.sizes {
		if want := min(130, 1000-i*130); n != want {
			b.Errorf("batch %d has %d rows, want %d", i, n, want)
		}
	}
	b.append(1000, 1010)
	f = &faulty{to: b.store}
	b.drain(b.shipper(f, func(o *Options) { o.MaxBytes = 1 })) // one record is always taken
	if len(f.sizes) != 10 || f.sizes[0] != 1 {
		b.Errorf("%d batches, the first of %d rows", len(f.sizes), f.sizes[0])
	}
	b.wantOnce(1010)
}

func months(b *bench) {
	var all [][]byte
	for n := range 40 { // a month each; the next batch begins behind maxMonths
		all = append(all, encode(b, event.Record{Event: inMonth(n)}))
	}
	b.put(all...)
	f := &faulty{to: b.store}
	b.drain(b.shipper(f, nil))
	b.wantOnce(40)
	if len(f.sizes) != 2 {
		b.Errorf("batches of %v rows, want two", f.sizes)
	}
}

// inMonth returns an event of the n-th month, late enough in it that its day in
// the site's zone lies in the next one.
func inMonth(n int) *event.Event {
	e := pageView(n)
	e.Time = time.Date(2017, time.Month(1+n), 28, 23, 0, 0, 0, time.UTC)
	e.LocalDay = int32(e.Time.AddDate(0, 0, 5).Unix() / 86400)
	return e
}

// TestBatchKeepsFewMonths: ClickHouse refuses more than 100 partitions in one
// insert, for good.
func TestBatchKeepsFewMonths(t *testing.T) {
	b := &batch{}
	taken := 0
	for n := range 500 {
		if b.add(spool.Record{}, event.Record{Event: inMonth(n)}) {
			taken++
		}
	}
	if len(b.months) > maxMonths || taken < maxMonths/2 || taken != len(b.records) {
		t.Errorf("%d events of %d months", taken, len(b.months))
	}
	// What lies in the months it has is taken still.
	for n := range 100 {
		if !b.add(spool.Record{}, event.Record{Event: inMonth(n % 3)}) {
			t.Fatal("an event of a month that the batch has was left out")
		}
	}
}

func TestManifest(t *testing.T) {
	m := manifestOf([16]byte{1, 2}, []spool.Record{{Seq: 7, Payload: []byte("a")}, {Seq: 9, Payload: []byte("bc")}})
	got, err := decodeManifest(m.encode())
	if err != nil || got != m || m.first != 7 || m.last != 9 || m.records != 2 {
		t.Errorf("%+v came back as %+v, %v", m, got, err)
	}
	if m.token() != "01020000000000000000000000000000-7-9" {
		t.Errorf("token %s", m.token())
	}
	for name, other := range map[string][]spool.Record{
		"cut elsewhere in the bytes": {{Seq: 7, Payload: []byte("ab")}, {Seq: 9, Payload: []byte("c")}},
		"another position":           {{Seq: 8, Payload: []byte("a")}, {Seq: 9, Payload: []byte("bc")}},
		"one less":                   {{Seq: 7, Payload: []byte("a")}},
	} {
		if manifestOf(m.spool, other).hash == m.hash {
			t.Errorf("%s has the same hash", name)
		}
	}
	for _, b := range [][]byte{nil, {2}, m.encode()[:20]} {
		if _, err := decodeManifest(b); err == nil {
			t.Errorf("decoded %x", b)
		}
	}
}

func TestBackoff(t *testing.T) {
	s, err := New(Options{Spool: new(spool.Spool), Store: insertFunc(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for try := range 100 {
		want := min(30*time.Second, 100*time.Millisecond<<min(try, 20))
		for range 20 {
			if d := s.backoff(try); d < want/2 || d > want {
				t.Fatalf("try %d waits %v, want %v to %v", try, d, want/2, want)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a shipper of nothing to nowhere")
	}
}

// BenchmarkDrain ships 100,000 events; rows/s is the figure.
func BenchmarkDrain(b *testing.B) {
	const size = 100_000
	s, err := store.Open(store.Options{Dial: enginetest.Start(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	q, err := spool.Open(spool.Options{Dir: filepath.Join(b.TempDir(), "spool"), MinFree: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	shipper, err := New(Options{Spool: q, Store: s})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		for n := 0; n < size; n += 500 {
			var all [][]byte
			for i := n; i < n+500; i++ {
				all = append(all, encode(b, event.Record{Event: pageView(i)}))
			}
			if err := q.Append(all...); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := shipper.Drain(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "rows/s")
}
