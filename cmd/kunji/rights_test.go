package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

// see fetches what is kept about a visitor, as JSON.
func (v *visitor) see(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+v.in.edge+"/v1/me?site=shop&format=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", strings.Join(v.cookies, "; "))
	resp, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/v1/me answered %d: %s, %v", resp.StatusCode, b, err)
	}
	return string(b)
}

// visitorBy returns the id of a visitor, by a function of ClickHouse over them all.
func visitorBy(t *testing.T, in *installation, function string) uint64 {
	t.Helper()
	v, err := strconv.ParseUint(in.column("SELECT " + function + " FROM events WHERE kind = 'page_view'")[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// setHitsAside puts two hits of each visitor into the spool of a service at rest
// and sets them aside.
func setHitsAside(t *testing.T, dir string, visitors ...uint64) {
	t.Helper()
	var hits []event.Record
	for _, v := range append(visitors, visitors...) {
		hits = append(hits, event.Record{Event: &event.Event{
			Time: time.Now().UTC(), Site: "shop", Kind: event.PageView, Visitor: v, Basis: event.BasisRecord, Path: "/refused",
		}})
	}
	setAside(t, dir, hits...)
}

// setAside puts records into the spool of a service at rest and sets them aside.
func setAside(t *testing.T, dir string, records ...event.Record) {
	t.Helper()
	s, err := spool.Open(spool.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ack(s.Stats().Stored); err != nil {
		t.Fatal(err)
	}
	first := s.Stats().Stored + 1
	for _, r := range records {
		b, err := event.Append(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetAside(first, s.Stats().Stored, "refused: code 349"); err != nil {
		t.Fatal(err)
	}
}

// spooled returns in which files of a spool a visitor's id lies.
func spooled(t *testing.T, dir string, visitor uint64) (files []string) {
	t.Helper()
	id := binary.LittleEndian.AppendUint64(nil, visitor) // fixed64 in the record
	err := spool.Everything(dir, func(file string, content []byte) {
		if bytes.Contains(content, id) {
			files = append(files, file)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPolicy_5_1_5_3_SeeAndErase runs the whole service: visitors consent and
// leave a trace, one sees it and has it erased, the ledger stays whole and
// counts the blank, and whoever then alters it is found out.
func TestPolicy_5_1_5_3_SeeAndErase(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	visitors := make([]*visitor, 3)
	for i := range visitors {
		v := &visitor{in: in, client: &http.Client{Timeout: 5 * time.Second}}
		visitors[i] = v
		if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
			t.Fatalf("consent: %d, %v", status, err)
		}
		for n := range 3 {
			if _, result, err := v.do("GET", fmt.Sprintf("/p.gif?s=shop&k=page_view&u=http://%s/shop/%d&i=v%d-%d", in.edge, n, i, n), ""); err != nil || result != "recorded" {
				t.Fatalf("a page view was %s, %v", result, err)
			}
		}
	}
	in.shipped()
	if me := visitors[0].see(t); !strings.Contains(me, `"page_view"`) || !strings.Contains(me, "accept_all") {
		t.Errorf("what is kept: %s", me)
	}
	// The first visitor and the last also have hits that ClickHouse once refused.
	r.end()
	erased, control := visitorBy(t, in, "argMin(visitor, time)"), visitorBy(t, in, "argMax(visitor, time)")
	spoolDir := filepath.Join(in.dir, "data", "spool")
	setHitsAside(t, spoolDir, erased, control)
	for _, v := range []uint64{erased, control} {
		if len(spooled(t, spoolDir, v)) == 0 {
			t.Fatalf("visitor %d is not found in the spool: the search does not see", v)
		}
	}
	r = in.start("serve")
	// Old parts stay eight minutes by default, longer than a test should take.
	for _, table := range []string{"events", "touches", "sales", "visitor_days", "consents", "campaign_day"} {
		in.kunji("sql", "--write", "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 0")
	}
	if status, _, err := visitors[0].do("DELETE", "/v1/me?site=shop", ""); err != nil || status != http.StatusAccepted {
		t.Fatalf("erase: %d, %v", status, err)
	}
	in.eventually("the erasure is done", func() error {
		if got := in.column("SELECT countIf(step = 4 AND receipt != '' AND subject = '') FROM erasures FINAL"); got[0] != "1" {
			return fmt.Errorf("%s are done; %s", got, r.said())
		}
		return nil
	})
	in.eventually("the spool has nothing of them", func() error {
		if left := spooled(t, spoolDir, erased); len(left) > 0 {
			return fmt.Errorf("their id is in %v", left)
		}
		return nil
	})
	if len(spooled(t, spoolDir, control)) == 0 {
		t.Error("the hits of who was not erased are not set aside any more")
	}
	if out := in.kunji("spool", "list"); !strings.Contains(out, "refused: code 349") {
		t.Errorf("set aside is %s", out)
	}
	if got := in.column("SELECT concat(toString(uniqExact(visitor)), ' ', toString(count())) FROM events WHERE visitor != 0 AND kind = 'page_view'"); got[0] != "2 6" {
		t.Errorf("visitors, page views: %s, want 2 6", got)
	}
	in.shipped()
	// Three grants and a withdrawal, one of them blank.
	if out := in.kunji("consent", "verify"); !strings.Contains(out, "4 records, 1 blank by erasure, 0 gone by retention") || !strings.Contains(out, ": whole\n") {
		t.Errorf("verify says %s", out)
	}
	in.kunji("site", "export", "shop", "--to", "copy", "--reason", "ticket 4")
	if out := in.kunji("consent", "verify", "--export", "copy"); !strings.Contains(out, "4 records, 1 blank by erasure, 0 gone by retention") || !strings.Contains(out, ": whole\n") || strings.Contains(out, "not checked") {
		t.Errorf("the export's ledger: %s", out)
	}
	in.fails(exitUsage, "is there already", "site", "export", "shop", "--to", "copy")
	in.kunji("sql", "--write", "ALTER TABLE consents UPDATE method = 'save' WHERE chain_seq = 2 SETTINGS mutations_sync = 2")
	in.fails(exitFailed, "BROKEN at record 2: it was altered", "consent", "verify", "--site", "shop")
	in.kunji("sql", "--write", "ALTER TABLE consents UPDATE method = 'accept_all' WHERE chain_seq = 2 SETTINGS mutations_sync = 2")
	in.kunji("consent", "verify")
	in.kunji("sql", "--write", "DELETE FROM consents WHERE chain_seq = 4")
	in.fails(exitFailed, "BROKEN at record 4: it is missing", "consent", "verify") // only the node knows that there was one
	r.end()
	in.fails(exitFailed, "BROKEN at record 4: it is missing", "consent", "verify") // also while no service runs
}
