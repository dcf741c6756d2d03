package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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

// hostile text: quotes, escapes, a zero byte, what is not UTF-8, emoji, bidi.
const hostile = "a'b\"c\\d\te\nf\x00g\xff{x:String}<中文>\U0001F9F5\u202Eend"

func testRoundTripEvent(t *testing.T, s *Store) {
	full := &event.Event{
		Time: time.Date(2026, 11, 24, 23, 59, 59, 999e6, time.UTC), LocalDay: today, Site: "shöp", Kind: event.MailClick,
		ID: mustID(t, "00112233445566778899aabbccddeeff"), Visitor: 1<<64 - 1, Session: 1 << 63, Basis: event.BasisOptOut,
		Record: mustID(t, "ffeeddccbbaa99887766554433221100"), Attributed: true,
		Campaign: event.Campaign{"s" + hostile, "m", "n", "c", "t", "i", "gclid", "ch", "www.x.example"},
		First:    event.Campaign{"S", "M", "N", "C", "T", "I", "fbclid", "CH", "www.y.example"},
		Host:     "h", Path: "/" + hostile + strings.Repeat("长", 5000), Name: hostile,
		Props: map[string]string{"": "", "k'": hostile, "键": "值"},
		Value: -maxAmount, Currency: "CNY", Order: hostile,
		Place: event.Place{Country: "US", Region: "US-CA", ISP: hostile}, Language: "l",
		Agent:     event.Agent{Browser: "b", OS: "o", Device: "d", Machine: true, MachineReason: "r"},
		Recipient: 1<<64 - 1, KeepUntil: lastDay,
	}
	empty := &event.Event{Time: time.UnixMilli(0).UTC(), Kind: event.PageView, Basis: event.BasisRecord, KeepUntil: lastDay}
	cents := *empty
	cents.Time, cents.Value, cents.Kind = time.UnixMilli(1).UTC(), -1, event.Refund
	large := cents
	large.Time, large.Value, large.LocalDay = lastHour.UTC(), maxAmount, lastDay
	want := []*event.Event{empty, &cents, full, &large} // in the order of time
	for _, e := range want {
		if err := Check(event.Record{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Insert(t.Context(), "1", Batch{Events: want}); err != nil {
		t.Fatal(err)
	}
	got := readEvents(t, s)
	if len(got) != len(want) {
		t.Fatalf("%d events came back, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("event %d came back as\n%+v\nwant\n%+v", i, got[i], want[i])
		}
	}
}

// readEvents reads every field back, in the order of time.
func readEvents(t *testing.T, s *Store) (all []*event.Event) {
	t.Helper()
	c := "source, medium, campaign, content, term, campaign_id, click_id_kind, channel, referrer_host"
	rows, err := s.Query(t.Context(), "SELECT time, toInt32(local_day), site, kind, event_id, visitor, session, basis, consent_record, attributed, "+
		c+", first_"+strings.ReplaceAll(c, ", ", ", first_")+
		", host, path, name, props, toInt64(toDecimal128(value, 4) * 10000), currency, order_id, country, region, isp, language, browser, os, device, "+
		"machine, machine_reason, recipient, toInt32(keep_until) FROM events ORDER BY time", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e event.Event
		var id, record uuid.UUID
		var kind, basis string
		var machine uint8
		var value int64
		a, f := &e.Campaign, &e.First
		err := rows.Scan(&e.Time, &e.LocalDay, &e.Site, &kind, &id, &e.Visitor, &e.Session, &basis, &record, &e.Attributed,
			&a.Source, &a.Medium, &a.Name, &a.Content, &a.Term, &a.ID, &a.ClickIDKind, &a.Channel, &a.ReferrerHost,
			&f.Source, &f.Medium, &f.Name, &f.Content, &f.Term, &f.ID, &f.ClickIDKind, &f.Channel, &f.ReferrerHost,
			&e.Host, &e.Path, &e.Name, &e.Props, &value, &e.Currency, &e.Order,
			&e.Place.Country, &e.Place.Region, &e.Place.ISP, &e.Language, &e.Agent.Browser, &e.Agent.OS, &e.Agent.Device,
			&machine, &e.Agent.MachineReason, &e.Recipient, &e.KeepUntil)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind, err = event.ParseKind(kind); err != nil {
			t.Error(err)
		}
		for _, b := range []event.Basis{event.BasisRecord, event.BasisMail, event.BasisOptOut} {
			if b.String() == basis {
				e.Basis = b
			}
		}
		e.Time, e.ID, e.Record, e.Value, e.Agent.Machine = e.Time.UTC(), id, record, event.Amount(value), machine == 1
		if len(e.Props) == 0 {
			e.Props = nil
		}
		all = append(all, &e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func testRoundTripLedger(t *testing.T, s *Store) {
	full := &event.Consent{
		ID: mustID(t, "00112233445566778899aabbccddeeff"), Previous: mustID(t, "ff112233445566778899aabbccddeeff"),
		Subject: 1<<64 - 1, Site: "shop", Time: time.Date(2026, 11, 24, 8, 0, 0, 1e6, time.UTC), Method: "save", Surface: "preferences",
		Purposes:      []event.PurposeDecision{{"marketing", 3, true}, {"analytics", 1, false}, {hostile, 1<<32 - 1, true}},
		Services:      []event.ServiceDecision{{"ga4", true}, {hostile, false}},
		NoticeVersion: "7", NoticeHash: [32]byte{0, 1, 2, 31: 255}, NoticeLanguage: "zh-CN", PolicyVersion: 12, Regime: "opt_out",
		Country: "US", Region: "US-CA", Signal: true, Age: "minor", Guardian: true, KeepUntil: lastDay,
	}
	none := &event.Consent{Site: "shop", Time: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Method: "reject_all", KeepUntil: today + 1}
	refusal := &event.Refusal{Site: "shop", Hour: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Kind: event.Visit, Reason: event.GPC, Country: "CN", Device: "phone", Count: 1<<32 - 1}
	nameless := *refusal
	nameless.Kind, nameless.Count = 0, 2
	notice := &event.Notice{Site: "shop", Day: today, Outcome: event.Signalled, Country: "CN", Device: "phone", Language: "zh-CN", Version: "3", Count: 5}
	var b Batch
	for _, r := range []event.Record{{Consent: full}, {Consent: none}, {Refusal: refusal}, {Refusal: &nameless}, {Notice: notice}} {
		if err := Check(r); err != nil {
			t.Fatal(err)
		}
		b.Add(r)
	}
	if b.Len() != 5 {
		t.Fatalf("batch of %d records", b.Len())
	}
	for range 2 { // the second time without effect
		if err := s.Insert(t.Context(), "1", b); err != nil {
			t.Fatal(err)
		}
	}
	got := readConsents(t, s)
	if want := []*event.Consent{full, none}; !reflect.DeepEqual(got, want) {
		t.Errorf("consents came back as\n%+v\nwant\n%+v", got, want)
	}
	if got := one(t, s, "SELECT groupArray((site, toString(hour), kind, reason, country, device, count)) FROM (SELECT * FROM refusals ORDER BY count)"); got !=
		`[["shop","2026-11-24 09:00:00","","gpc","CN","phone",2],["shop","2026-11-24 09:00:00","visit","gpc","CN","phone",4294967295]]` {
		t.Errorf("refusals: %s", got)
	}
	if got := one(t, s, "SELECT groupArray((site, toString(day), outcome, country, device, language, version, count)) FROM notices"); got !=
		`[["shop","2026-11-25","gpc","CN","phone","zh-CN","3",5]]` {
		t.Errorf("notices: %s", got)
	}
}

func readConsents(t *testing.T, s *Store) (all []*event.Consent) {
	t.Helper()
	rows, err := s.Query(t.Context(), "SELECT id, previous, subject, site, time, method, surface, purposes.name, purposes.version, purposes.granted, "+
		"services.name, services.granted, notice_version, notice_hash, notice_language, policy_version, regime, country, region, "+
		"signal, age, guardian, toInt32(keep_until) FROM consents ORDER BY time", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c event.Consent
		var id, previous uuid.UUID
		var names, services []string
		var versions []uint32
		var granted, allowed []bool
		var hash string
		var policy uint32
		if err := rows.Scan(&id, &previous, &c.Subject, &c.Site, &c.Time, &c.Method, &c.Surface, &names, &versions, &granted,
			&services, &allowed, &c.NoticeVersion, &hash, &c.NoticeLanguage, &policy, &c.Regime, &c.Country, &c.Region,
			&c.Signal, &c.Age, &c.Guardian, &c.KeepUntil); err != nil {
			t.Fatal(err)
		}
		for i := range names {
			c.Purposes = append(c.Purposes, event.PurposeDecision{Purpose: names[i], Version: int(versions[i]), Granted: granted[i]})
		}
		for i := range services {
			c.Services = append(c.Services, event.ServiceDecision{Service: services[i], Granted: allowed[i]})
		}
		copy(c.NoticeHash[:], hash)
		c.ID, c.Previous, c.PolicyVersion, c.Time = id, previous, int(policy), c.Time.UTC()
		all = append(all, &c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
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
		if err := s.SQL(t.Context(), &strings.Builder{}, "OPTIMIZE TABLE "+table+" FINAL", "tsv", true); err != nil {
			t.Fatal(err)
		}
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
	if err := s.SQL(t.Context(), &strings.Builder{}, "ALTER TABLE events ADD CONSTRAINT no_poison CHECK path != '/poison-secret'", "tsv", true); err != nil {
		t.Fatal(err)
	}
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
	var reused buffers
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		reused.block = eventTable.appendBlock(reused.block[:0], rows, &reused.dictionary)
	}
	b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(len(reused.block))/size, "bytes/row")
}
