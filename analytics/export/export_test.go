package export

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// signer signs as a key ring does, and another one otherwise.
type signer byte

func (s signer) Sign(site string, message []byte) []byte {
	return append([]byte{byte(s)}, site+fmt.Sprint(len(message))...)
}

var start = time.Date(2026, 10, 30, 22, 0, 0, 0, time.UTC)

// traffic is what a site keeps: a consent and events of each visitor in a day and
// a half, a refusal, a view of the banner, what a recipient said, a wording.
func traffic(id string, visitors int) (b store.Batch) {
	for v := range visitors {
		visitor, record := uint64(v+1), [16]byte{1, 15: byte(v)}
		b.Add(event.Record{Consent: &event.Consent{
			Site: id, ID: record, Subject: visitor, Salt: [16]byte{3, byte(v)}, Time: start, Method: "accept_all", KeepUntil: 30000,
			Purposes: []event.PurposeDecision{{Purpose: "analytics", Version: 1, Granted: true}}, Services: []event.ServiceDecision{{Service: "ga4", Granted: true}},
		}})
		for n, kind := range []event.Kind{event.Visit, event.PageView, event.PageView} {
			at := start.Add(time.Duration(v) * time.Hour)
			b.Add(event.Record{Event: &event.Event{
				Site: id, Kind: kind, ID: [16]byte{byte(v), byte(n)}, Time: at, LocalDay: int32(at.Unix() / 86400), Visitor: visitor, Session: visitor,
				Basis: event.BasisRecord, Record: record, Attributed: true, Campaign: event.Campaign{Source: "news of " + id, Channel: "Email"}, Path: "/", KeepUntil: 30000,
				Props: map[string]string{"query": "tea"},
			}})
		}
	}
	b.Add(event.Record{Refusal: &event.Refusal{Site: id, Hour: start, Kind: event.PageView, Reason: event.NoConsent, Count: 3}})
	b.Add(event.Record{Notice: &event.Notice{Site: id, Day: int32(start.Unix() / 86400), Outcome: event.Shown, Count: 4}})
	b.Add(event.Record{Statement: &event.Statement{Site: id, Recipient: 77, Time: start, Open: event.Granted, By: "token crm", Proof: "form"}})
	b.Add(event.Record{Wording: &event.Wording{Site: id, Hash: [32]byte{0xab}, Language: "en", Version: "1", Text: "Accept all of " + id}})
	return b
}

// house is a store with two sites in it.
func house(t *testing.T) (*store.Store, func(context.Context) (net.Conn, error)) {
	t.Helper()
	dial := enginetest.Start(t)
	s, err := store.Open(store.Options{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"shop", "blog"} {
		b := traffic(id, 30-20*i)
		b.Chain([16]byte{9, byte(i)}, map[string]store.Head{})
		if err := s.Insert(t.Context(), "traffic "+id, b); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Checkpoint(t.Context(), signer(1), start.AddDate(0, 0, 1)); n != 2 || err != nil {
		t.Fatalf("%d checkpoints, %v", n, err)
	}
	return s, dial
}

func options(s *store.Store, dir string) Options {
	zone, _ := time.LoadLocation("Asia/Shanghai")
	return Options{
		Store: s, Dir: dir, Program: "test", Now: func() time.Time { return start }, MaxRows: 40,
		Site: &site.Site{ID: "shop", Name: "Shop", Zone: zone, Purposes: []site.PurposeUse{{ID: site.Analytics, Version: 2}}, Policy: &site.Policy{Versions: []site.PolicyVersion{
			{Number: 1}, {Number: 2, Material: []site.Material{site.MaterialRisk}, Texts: map[string]site.PolicyText{"en": {Summary: `"New"`, Markdown: []byte("# Two\n")}}},
		}}},
		Unsubscribed: func(_ context.Context, visit func(Unsubscribed) error) error {
			return visit(Unsubscribed{Ref: "customer 42", List: "weekly", Time: start})
		},
	}
}

// TestPolicy_4_1_Export: a site's rows, all of them and nobody else's, in files
// that can be read back and that show when they were altered.
func TestPolicy_4_1_Export(t *testing.T) {
	s, dial := house(t)
	dir := filepath.Join(t.TempDir(), "copy")
	if _, err := Write(t.Context(), options(s, dir)); err != nil {
		t.Fatal(err)
	}
	m, err := Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]uint64{
		"events": 90, "touches": 30, "campaign_day": 3, "refusals": 1, "notices": 1, "mail_consents": 1, "consents": 30, "consent_checkpoints": 1, "unsubscribed": 1, "mail_sent": 0, "erasures": 0,
	} {
		if got := m.Rows(table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
	parts := 0
	for _, f := range m.Files {
		if f.Table == "events" {
			parts++
			readBack(t, dial, filepath.Join(dir, f.Path))
		}
	}
	if parts != 3 { // 13 hours of 3 rows are 39
		t.Errorf("events are in %d files", parts)
	}
	rows, err := s.Query(t.Context(), "SELECT count(), uniqExact(event_id), uniqExact(visitor), any(source), min(time), any(props['query']) FROM back", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n, ids, visitors uint64
	var source, query string
	var first time.Time
	if !rows.Next() || rows.Scan(&n, &ids, &visitors, &source, &first, &query) != nil || n != 90 || ids != 90 || visitors != 30 || source != "news of shop" || !first.Equal(start) || query != "tea" {
		t.Errorf("read back: %d rows, %d ids, %d visitors, %q from %v, %q", n, ids, visitors, source, first, query)
	}
	for name, want := range map[string]string{
		"policies/2.en.md": "---\nmaterial: [risk]\nsummary: \"\\\"New\\\"\"\n---\n# Two\n",
		"unsubscribed.csv": "ref,list,time\ncustomer 42,weekly,2026-10-30T22:00:00Z\n",
		"ledger/wordings/ab" + strings.Repeat("0", 62) + ".txt": "Accept all of shop",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Write(t.Context(), options(s, dir)); err == nil {
		t.Error("an export was written over another")
	}
	ledgerFollows(t, dir)
}

// readBack has ClickHouse read a file into the table back.
func readBack(t *testing.T, dial func(context.Context) (net.Conn, error), path string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS back (time DateTime64(3, 'UTC'), event_id String, visitor UInt64, source String, props Map(String, String)) ENGINE = Memory",
		"INSERT INTO back FORMAT Parquet\n" + string(data),
	} {
		resp, err := client.Post("http://engine/?database=kunji&input_format_skip_unknown_fields=1&input_format_parquet_allow_missing_columns=1", "", strings.NewReader(statement))
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", filepath.Base(path), said)
		}
	}
}

// ledgerFollows: the copy of the ledger proves itself, and whatever is changed in
// it shows.
func ledgerFollows(t *testing.T, dir string) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	records, checkpoints := read(LedgerRecords), read(LedgerCheckpoints)
	lines := strings.SplitAfter(records, "\n")
	f := func(records string, by store.Signer, want string) {
		t.Helper()
		chains, err := store.VerifyCopy(strings.NewReader(records), strings.NewReader(checkpoints), by)
		if err != nil || len(chains) != 1 || chains[0].Site != "shop" {
			t.Fatalf("%+v, %v", chains, err)
		}
		got := "whole"
		if chains[0].Break != nil {
			got = fmt.Sprint(chains[0].Break.Seq, " ", chains[0].Break.What)
		}
		if !strings.Contains(got, want) {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	f(records, signer(1), "whole")
	f(records, nil, "whole")
	f(records, signer(2), "is not signed by this key ring")
	f(strings.Replace(records, "accept_all", "save", 1), nil, "1 it was altered")
	f(strings.Replace(records, `"granted":true`, `"granted":false`, 1), nil, "1 it was altered")
	f(strings.Replace(records, `"subject":"3"`, `"subject":"4"`, 1), nil, "3 its subject, salt or commitment was altered")
	f(strings.Join(lines[:10], "")+strings.Join(lines[11:], ""), nil, "11 it is missing")
	f(strings.Join(lines[:25], ""), nil, "26 records 26 to 30 are missing")
	if _, err := store.VerifyCopy(strings.NewReader(records[:len(records)/2]), strings.NewReader(""), nil); err == nil {
		t.Error("a torn copy is taken for one")
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(LedgerRecords)), []byte(strings.Replace(records, "accept_all", "accept_nil", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(dir); err == nil || !strings.Contains(err.Error(), LedgerRecords) {
		t.Errorf("an altered file: %v", err)
	}
}

// What cannot be finished leaves nothing that looks like an export.
func TestUnfinished(t *testing.T) {
	s, _ := house(t)
	dir := filepath.Join(t.TempDir(), "copy")
	o := options(s, dir)
	o.Unsubscribed = func(context.Context, func(Unsubscribed) error) error { return errors.New("no ring") }
	if _, err := Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no ring") {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestCut(t *testing.T) {
	f := func(most uint64, want string, rows ...uint64) {
		t.Helper()
		var hours []counted
		for i, n := range rows {
			hours = append(hours, counted{int64(i) * 7200, n}) // every other hour
		}
		if got := fmt.Sprint(cut(hours, most)); got != want {
			t.Errorf("%v by %d: %s, want %s", rows, most, got, want)
		}
	}
	f(10, "[]")
	f(10, "[{0 3600}]", 5)
	f(10, "[{0 10800}]", 5, 5)
	f(10, "[{0 3600} {7200 10800}]", 5, 6)
	f(10, "[{0 3600} {7200 18000}]", 50, 6, 4)
}

// The footer of a file that is cut anywhere, or is none, gives no number.
func TestParquetRows(t *testing.T) {
	// {1: i32 2, 2: [{4: "a"}, {4: "b"}], 3: i64 300, 4: [{}]}
	footer := []byte{0x15, 4, 0x19, 0x2c, 0x48, 1, 'a', 0, 0x48, 1, 'b', 0, 0x16, 0xd8, 4, 0x19, 0x1c, 0, 0}
	whole := append([]byte(parquetMagic+"rows"), footer...)
	whole = append(binary.LittleEndian.AppendUint32(whole, uint32(len(footer))), parquetMagic...)
	if n, err := parquetRows(bytes.NewReader(whole)); n != 300 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	for n := range whole {
		if rows, err := parquetRows(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("%d bytes of it have %d rows", n, rows)
		}
	}
	for at := range footer[:12] { // none of these is a number of rows
		torn := bytes.Clone(whole)
		for _, b := range []byte{0, 0x1f, 0x7f, 0xff} {
			torn[8+at] = b
			if rows, err := parquetRows(bytes.NewReader(torn)); err == nil && rows != 300 {
				t.Errorf("with byte %d as %#x: %d rows", at, b, rows)
			}
		}
	}
}
