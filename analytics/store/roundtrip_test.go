package store

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// hostile text: quotes, escapes, a zero byte, what is not UTF-8, emoji, bidi.
const hostile = "a'b\"c\\d\te\nf\x00g\xff{x:String}<中文>\U0001F9F5\u202Eend"

func campaign(source, medium, name, content, term, id, clickID, channel, referrer string) event.Campaign {
	return event.Campaign{
		Source: source, Medium: medium, Name: name, Content: content, Term: term, ID: id,
		ClickIDKind: clickID, Channel: channel, ReferrerHost: referrer,
	}
}

func testRoundTripEvent(t *testing.T, s *Store) {
	full := &event.Event{
		Time: time.Date(2026, 11, 24, 23, 59, 59, 999e6, time.UTC), LocalDay: today, Site: "shöp", Kind: event.MailClick,
		ID: mustID(t, "00112233445566778899aabbccddeeff"), Visitor: 1<<64 - 1, Session: 1 << 63, Basis: event.BasisOptOut,
		Record: mustID(t, "ffeeddccbbaa99887766554433221100"), Attributed: true,
		Campaign: campaign("s"+hostile, "m", "n", "c", "t", "i", "gclid", "ch", "www.x.example"),
		First:    campaign("S", "M", "N", "C", "T", "I", "fbclid", "CH", "www.y.example"),
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
	// A batch that is prepared while it grows, in memory that another one used.
	b := Batch{Events: []*event.Event{full, full, &cents}}
	s.Prepare(&b)
	b.Reset()
	for i, e := range want {
		b.Add(event.Record{Event: e})
		if i != 1 {
			s.Prepare(&b)
		}
	}
	if err := s.Insert(t.Context(), "1", b); err != nil {
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
		Purposes:      []event.PurposeDecision{{Purpose: "marketing", Version: 3, Granted: true}, {Purpose: "analytics", Version: 1}, {Purpose: hostile, Version: 1<<32 - 1, Granted: true}},
		Services:      []event.ServiceDecision{{Service: "ga4", Granted: true}, {Service: hostile}},
		NoticeVersion: "7", NoticeHash: [32]byte{0, 1, 2, 31: 255}, NoticeLanguage: "zh-CN", PolicyVersion: 12, Regime: "opt_out",
		Country: "US", Region: "US-CA", Signal: true, Age: "minor", Guardian: true, KeepUntil: lastDay, Withdraws: true, Salt: [16]byte{3, 15: 4},
	}
	none := &event.Consent{Site: "shop", Time: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Method: "reject_all", KeepUntil: today + 3650}
	refusal := &event.Refusal{Site: "shop", Hour: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Kind: event.Visit, Reason: event.GPC, Country: "CN", Device: "phone", Count: 1<<32 - 1}
	nameless := *refusal
	nameless.Kind, nameless.Count = 0, 2
	notice := &event.Notice{Site: "shop", Day: today, Outcome: event.Signalled, Country: "CN", Device: "phone", Language: "zh-CN", Version: "3", Count: 5}
	wording := &event.Wording{Site: "shop", Hash: [32]byte{7, 31: 255}, Language: "zh-CN", Version: "7", Text: hostile}
	erasure := &event.Erasure{Site: "shop", Hash: [16]byte{5, 15: 255}, Subject: "sealed", Requested: full.Time, By: event.ByVisitor}
	var b Batch
	for _, r := range []event.Record{{Consent: full}, {Consent: none}, {Refusal: refusal}, {Refusal: &nameless}, {Notice: notice}, {Wording: wording}, {Erasure: erasure}} {
		if err := Check(r); err != nil {
			t.Fatal(err)
		}
		b.Add(r)
	}
	if b.Len() != 7 {
		t.Fatalf("batch of %d records", b.Len())
	}
	b.Chain([16]byte{1, 15: 2}, map[string]Head{"shop": {Seq: 8, Hash: [32]byte{9}}})
	for range 2 { // the second time without effect
		if err := s.Insert(t.Context(), "1", b); err != nil {
			t.Fatal(err)
		}
	}
	got := readConsents(t, s)
	if want := b.Consents; !reflect.DeepEqual(got, want) {
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
	if got := one(t, s, "SELECT groupArray((site, hex(hash), toString(requested), requested_by, step, subject)) FROM erasures"); got !=
		`[["shop","050000000000000000000000000000FF","2026-11-24 08:00:00.001","visitor",0,"sealed"]]` {
		t.Errorf("erasures: %s", got)
	}
	if got, err := s.Wording(t.Context(), "shop", wording.Hash); err != nil || got != hostile {
		t.Errorf("wording %q, %v", got, err)
	}
	if got, err := s.Wording(t.Context(), "other", wording.Hash); err != nil || got != "" {
		t.Errorf("another site's wording %q, %v", got, err)
	}
	if got, err := s.Receipt(t.Context(), "shop", full.ID); err != nil || !reflect.DeepEqual(got, *full) {
		t.Errorf("receipt %+v, %v", got, err)
	}
	if got, err := s.Receipt(t.Context(), "other", full.ID); err != nil || !reflect.DeepEqual(got, event.Consent{}) {
		t.Errorf("another site's receipt %+v, %v", got, err)
	}
}

func readConsents(t *testing.T, s *Store) (all []*Entry) {
	t.Helper()
	rows, err := s.Query(t.Context(), "SELECT "+entryColumns+" FROM consents ORDER BY time", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
