package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/edge/event"
)

const today = 20_782 // 2026-11-25

// sample returns a made event; n varies it, the same n gives the same event.
func sample(n int) *event.Event {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	kinds := []event.Kind{event.PageView, event.PageView, event.Visit, event.Click, event.Custom, event.Conversion}
	e := &event.Event{
		Time:     time.Date(2026, 11, 24, 0, 0, n%80_000, n%1000*1e6, time.UTC),
		LocalDay: today - 1, Site: "shop", Kind: kinds[n%len(kinds)],
		Visitor: r.Uint64N(50_000) + 1, Session: r.Uint64(), Basis: event.BasisRecord, Attributed: true,
		Campaign: event.Campaign{
			Source: fmt.Sprintf("source%d", n%7), Medium: "cpc", Name: fmt.Sprintf("campaign%d", n%23),
			Content: "banner", Term: fmt.Sprintf("term%d", n%11), Channel: "Paid Search", ReferrerHost: "www.example.com",
		},
		Host: "shop.example", Path: fmt.Sprintf("/products/%d", r.IntN(2000)),
		Place:    event.Place{Country: "CN", Region: "CN-SH", ISP: "Example Telecom"},
		Language: "zh-CN", Agent: event.Agent{Browser: "Firefox", OS: "Linux", Device: "desktop"},
		KeepUntil: today + 395,
	}
	for i := range e.ID {
		e.ID[i], e.Record[i] = byte(r.Uint32()), byte(e.Visitor>>(i%8))
	}
	if e.Kind == event.Conversion {
		e.Value, e.Currency, e.Order = event.Amount(r.Int64N(1e7)), "CNY", fmt.Sprintf("order-%d", n)
	}
	return e
}

func samples(from, n int) []*event.Event {
	all := make([]*event.Event, n)
	for i := range all {
		all[i] = sample(from + i)
	}
	return all
}

// testInsertAgain repeats batches as a shipper does whose answers
// were lost, mixed with other batches of the very same content.
func testInsertAgain(t *testing.T, s *Store) {
	a, b := Batch{Events: samples(0, 3000)}, Batch{Events: samples(3000, 3000)}
	b.Events[0].Time = b.Events[0].Time.AddDate(0, -2, 0) // two partitions
	for _, step := range []struct {
		token string
		batch Batch
	}{{"a", a}, {"a", a}, {"b", b}, {"a", a}, {"b", b}, {"c", a}, {"c", a}} {
		if err := s.Insert(t.Context(), step.token, step.batch); err != nil {
			t.Fatal(err)
		}
	}
	visits := 0
	for _, batch := range []Batch{a, b, a} {
		for _, e := range batch.Events {
			if e.Kind == event.Visit {
				visits++
			}
		}
	}
	for sql, want := range map[string]int{
		"SELECT count() FROM events":               9000,
		"SELECT count() FROM touches":              visits,
		"SELECT sum(visits) FROM campaign_day":     visits,
		"SELECT sum(clicks) FROM campaign_day":     1500,
		"SELECT sum(page_views) FROM campaign_day": 3000,
	} {
		if got := one(t, s, sql); got != fmt.Sprint(want) {
			t.Errorf("%s: %s, want %d", sql, got, want)
		}
	}
	exact := one(t, s, "SELECT uniqExact(visitor) FROM events WHERE kind IN ('visit', 'page_view', 'custom', 'conversion')")
	rolled := one(t, s, "SELECT uniqCombined64Merge(14)(visitors) FROM campaign_day")
	direct := one(t, s, "SELECT uniqCombined64(14)(visitor) FROM events WHERE kind IN ('visit', 'page_view', 'custom', 'conversion')")
	if rolled != direct {
		t.Errorf("the rollup counts %s visitors, the events %s (exactly %s)", rolled, direct, exact)
	}
}

func testRollup(t *testing.T, s *Store) {
	human, machine, past := sample(0), sample(0), sample(0)
	machine.Agent.Machine = true
	past.KeepUntil, past.LocalDay, past.Campaign.Source = 18_000, 17_000, "old"
	past.Time = time.Unix(17_000*86400, 0)
	if err := s.Insert(t.Context(), "1", Batch{Events: []*event.Event{human, machine, past}}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"campaign_day", "events"} {
		exec(t, s, "OPTIMIZE TABLE "+table+" FINAL")
	}
	if got := one(t, s, "SELECT groupArray((source, views, people)) FROM (SELECT source, sum(page_views) AS views, uniqCombined64Merge(14)(visitors) AS people FROM campaign_day GROUP BY source ORDER BY source)"); got !=
		`[["old",1,0],["source0",1,1]]` {
		t.Errorf("campaign_day holds %s", got)
	}
	if got := one(t, s, "SELECT groupArray(source) FROM (SELECT source FROM events ORDER BY machine)"); got != `["source0","source0"]` {
		t.Errorf("events hold %s: a row past keep_until stays", got)
	}
}

func testPermanent(t *testing.T, s *Store) {
	exec(t, s, "ALTER TABLE events ADD CONSTRAINT no_poison CHECK path != '/poison-secret'")
	poison := sample(1)
	poison.Path = "/poison-secret"
	err := s.Insert(t.Context(), "1", Batch{Events: []*event.Event{poison}})
	var e *Error
	if !errors.As(err, &e) || e.Code != 469 || !Permanent(err) {
		t.Errorf("a violated constraint: %v, permanent %v", err, Permanent(err))
	}
	if err != nil && strings.Contains(err.Error(), "poison-secret") {
		t.Errorf("the error quotes the row: %v", err)
	}
	if err := s.SQL(t.Context(), &strings.Builder{}, "RENAME TABLE events TO away", "tsv", true); err != nil {
		t.Fatal(err)
	}
	err = s.Insert(t.Context(), "2", Batch{Events: samples(0, 1)})
	if !errors.As(err, &e) || e.Name != "UNKNOWN_TABLE" || Permanent(err) {
		t.Errorf("a missing table: %v, permanent %v; a migration mends it", err, Permanent(err))
	}
	if err := s.Insert(t.Context(), "", Batch{Events: samples(0, 1)}); err == nil {
		t.Error("inserted without a token")
	}
}

func TestCheckRefuses(t *testing.T) {
	f := func(r event.Record) {
		t.Helper()
		if err := Check(r); err == nil || !Permanent(err) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	change := func(do func(*event.Event)) event.Record {
		e := sample(1)
		do(e)
		return event.Record{Event: e}
	}
	f(event.Record{})
	f(change(func(e *event.Event) { e.Value = maxAmount + 1 }))
	f(change(func(e *event.Event) { e.Value = -1 << 63 }))
	f(change(func(e *event.Event) { e.Time = time.Unix(-1, 0) }))
	f(change(func(e *event.Event) { e.Time = lastHour.Add(time.Second) }))
	f(change(func(e *event.Event) { e.LocalDay = -1 }))
	f(change(func(e *event.Event) { e.KeepUntil = lastDay + 1 }))
	f(event.Record{Consent: &event.Consent{Time: time.Unix(0, 0), KeepUntil: -1}})
	f(event.Record{Refusal: &event.Refusal{}}) // the zero time is year 1
	f(event.Record{Notice: &event.Notice{Day: lastDay + 1}})
}

func TestDecimal(t *testing.T) {
	for a, want := range map[event.Amount]string{
		0: "0", 1: "0.0001", -1: "-0.0001", 9999: "0.9999", 10_000: "1.0000", -125_000: "-12.5000",
		maxAmount: "99999999999999.9999", -1 << 63: "-922337203685477.5808",
	} {
		if got := decimal(a); got != want {
			t.Errorf("decimal(%d) = %s, want %s", a, got, want)
		}
	}
}

// BenchmarkInsert inserts batches of 50,000 events; rows/s is the figure.
func BenchmarkInsert(b *testing.B) {
	s := openOn(b, enginetest.Start(b), "")
	const size = 50_000
	batch := Batch{Events: samples(0, size)}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		n++
		if err := s.Insert(b.Context(), fmt.Sprint("b", n), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEncode writes the block of 50,000 events, without an engine.
func BenchmarkEncode(b *testing.B) {
	const size = 50_000
	rows := samples(0, size)
	block := eventTable.block()
	var bytes []byte
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		block.reset()
		block.add(rows)
		bytes = block.append(bytes[:0])
	}
	b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(len(bytes))/size, "bytes/row")
}
