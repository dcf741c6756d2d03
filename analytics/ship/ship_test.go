package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
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

func TestShip(t *testing.T) {
	dial := enginetest.StartOrServer(t)
	for name, run := range map[string]func(*bench){
		"every_type": shipsEveryType, "run": runs, "answers_lost": answersLost, "killed": killedBetweenInsertAndAck,
		"changed": changedAfterFirstTry, "unreachable": unreachableAndBack, "refused": refusedForGood, "unfit": unfitRecords, "ledger_killed": ledgerKilled,
		"ledger_aside": ledgerSetAside, "ledger_lost": ledgerMarksLost, "ledger_upgrade": ledgerUpgrade, "limits": limits, "months": months,
	} {
		t.Run(name, func(t *testing.T) {
			where := store.Options{Dial: dial, Database: name}
			if dial == nil {
				where = store.Options{DSN: enginetest.Server(t, name)}
			}
			s, err := store.Open(where)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			b := &bench{T: t, dir: filepath.Join(t.TempDir(), "spool"), store: s}
			b.openSpool()
			run(b)
			if dial == nil {
				if err := s.SQL(t.Context(), io.Discard, "DROP DATABASE "+s.Database(), "tsv", true); err != nil {
					t.Error(err)
				}
			}
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
		encode(b, event.Record{Wording: &event.Wording{Site: "shop", Hash: [32]byte{1}, Text: "May we?"}}),
		encode(b, event.Record{Erasure: &event.Erasure{Site: "shop", Hash: [16]byte{1}, Requested: day, By: event.ByVisitor}}),
		encode(b, event.Record{Notice: &event.Notice{Site: "shop", Day: int32(day.Unix() / 86400), Outcome: event.Shown, Count: 4}}),
	)
	s := b.shipper(b.store, nil)
	b.drain(s)
	b.wantOnce(1)
	if got := b.one("SELECT (SELECT count() FROM consents), (SELECT sum(count) FROM refusals), (SELECT sum(count) FROM notices), (SELECT count() FROM notice_texts), (SELECT count() FROM erasures)"); got != "1\t3\t4\t1\t1" {
		b.Errorf("consents, refusals, notices, wordings, erasures: %s", got)
	}
	if st := s.Stats(); st.Records != 6 || st.Batches != 1 || st.Retries != 0 || st.LastSuccess.IsZero() || st.Lag != 0 {
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

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a shipper of nothing to nowhere")
	}
}
