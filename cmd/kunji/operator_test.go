package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/export"
)

// consented is a visitor who said yes and saw a page.
func (in *installation) consented(t *testing.T, name string) (*visitor, string) {
	t.Helper()
	v := &visitor{in: in, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	if got := v.view(t, name); got != "recorded" {
		t.Fatalf("a page view was %q", got)
	}
	in.shipped()
	var me struct {
		Cookies []struct {
			Name string
			Rows [][]string
		}
	}
	if err := json.Unmarshal([]byte(v.see(t)), &me); err != nil {
		t.Fatal(err)
	}
	for _, c := range me.Cookies {
		if c.Name == "kj_vid_shop" {
			return v, c.Rows[0][0]
		}
	}
	t.Fatal("/v1/me shows no visitor")
	return nil, ""
}

// view sends a page view and returns what became of it.
func (v *visitor) view(t *testing.T, id string) string {
	t.Helper()
	_, result, err := v.do("GET", fmt.Sprintf("/p.gif?s=shop&k=page_view&u=http://%s/shop/&i=%s", v.in.edge, id), "")
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestPolicy_5_1_5_3_Operator: what an operator does for a person who writes a
// letter: hands out what is kept, makes a rights address, erases; the audit log
// tells why, and names nobody.
func TestPolicy_5_1_5_3_Operator(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	one, id := in.consented(t, "one")
	_, other := in.consented(t, "other")

	who := []string{"--site", "shop", "--visitor", id, "--reason", "letter 17"}
	out := in.kunji(append([]string{"export"}, who...)...)
	if !strings.Contains(out, `"page_view"`) || !strings.Contains(out, "accept_all") || !json.Valid([]byte(out)) || strings.Contains(out, other) {
		t.Errorf("export says %s", out)
	}
	link := strings.TrimSpace(in.kunji(append([]string{"rights-link"}, who...)...))
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || strings.Contains(link, id) {
		t.Errorf("%s answers %d", link, resp.StatusCode)
	}

	subject := regexp.MustCompile(`subject +(\S{22})\n`).FindStringSubmatch(in.kunji(append([]string{"erase"}, who...)...))
	if subject == nil {
		t.Fatal("erase names no subject")
	}
	if got := one.view(t, "after"); got != "refused; reason=withdrawn" {
		t.Errorf("after the erasure a page view was %q", got)
	}
	in.eventually("the rows are gone", func() error {
		if got := in.column("SELECT concat(toString(countIf(visitor = " + id + ")), ' ', toString(countIf(visitor = " + other + "))) FROM events WHERE kind = 'page_view'"); got[0] != "0 1" {
			return fmt.Errorf("page views of the one and the other: %s; %s", got[0], r.said())
		}
		return nil
	})
	in.eventually("the audit log is whole", func() error {
		got := strings.Join(in.column("SELECT concat(action, ' ', site, ' ', detail) FROM audit WHERE action != 'signed_in' ORDER BY time"), "\n")
		want := "person_exported shop subject " + subject[1] + ": letter 17\n" +
			"rights_link_made shop subject " + subject[1] + ", 30 days: letter 17\n" +
			"erasure_requested shop subject " + subject[1] + ": letter 17"
		if got != want {
			return fmt.Errorf("it says\n%s\nwant\n%s", got, want)
		}
		return nil
	})
	in.fails(exitUsage, "--reason: a mail address does not belong into the audit log", "erase", "--site", "shop", "--visitor", id, "--reason", "a@b.example")
	in.fails(exitUsage, "--visitor: write the visitor's number", "erase", "--site", "shop", "--visitor", "0", "--reason", "x")
	r.end()

	// Without a service here the request waits in ClickHouse for the node with jobs.
	in.kunji("erase", "--site", "shop", "--visitor", other, "--reason", "letter 18")
	r = in.start("serve")
	in.eventually("the other's rows are gone", func() error {
		if got := in.column("SELECT count() FROM events"); got[0] != "0" {
			return fmt.Errorf("%s rows are left", got[0])
		}
		return nil
	})
	if out := in.kunji("consent", "verify"); !strings.Contains(out, ": whole\n") {
		t.Errorf("verify says %s", out)
	}
	in.windDown(t, r)
}

// dateExport changes when an export says it was begun, and returns what it said.
func (in *installation) dateExport(dir string, change func(time.Time) time.Time) (said time.Time) {
	in.t.Helper()
	path := filepath.Join(in.dir, dir, export.ManifestFile)
	var m export.Manifest
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		in.t.Fatal(err)
	}
	said, m.Time = m.Time, change(m.Time)
	if text, err = json.Marshal(m); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		in.t.Fatal(err)
	}
	return said
}

// windDown winds the site down: nothing changes until that is said, then nothing is
// collected from one moment to the next, over a restart, visitors are told, what is
// kept goes, and a receipt says so (policy 7.7).
func (in *installation) windDown(t *testing.T, r *running) {
	v, id := in.consented(t, "before")
	r.end()
	who, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	setHitsAside(t, filepath.Join(in.dir, "data", "spool"), who)
	r = in.start("serve")
	for _, table := range []string{"events", "touches", "sales", "visitor_days", "campaign_day", "campaign_keeping", "keeping_days", "consents", "refusals", "notices", "mail_consents", "mail_sent", "mail_told", "ad_costs", "rates", "console_state"} {
		in.kunji("sql", "--write", "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 0")
	}
	if out := in.kunji("site", "wind-down", "shop"); !regexp.MustCompile(`(?m)^events +[1-9]\d* +deleted$`).MatchString(out) || !strings.Contains(out, "Nothing has changed") {
		t.Errorf("it would do: %s", out)
	}
	if got := v.view(t, "still"); got != "recorded" {
		t.Errorf("before it is said, a page view was %q", got)
	}
	in.shipped()
	in.kunji("site", "export", "shop", "--to", "copy")
	in.fails(exitUsage, "say --exported DIR", "site", "wind-down", "shop", "--yes", "--reason", "the shop closes")
	in.fails(exitUsage, "--reason: write why", "site", "wind-down", "shop", "--yes", "--exported", "copy")
	began := in.dateExport("copy", func(began time.Time) time.Time { return began.Add(-time.Hour) })
	in.fails(exitUsage, "copy was begun at "+began.Add(-time.Hour).Format(time.RFC3339)+", and events of shop go on to ",
		"site", "wind-down", "shop", "--yes", "--exported", "copy", "--reason", "the shop closes")
	in.dateExport("copy", func(time.Time) time.Time { return began })
	if out := in.kunji("site", "wind-down", "shop", "--yes", "--exported", "copy", "--reason", "the shop closes"); !strings.Contains(out, "by shell ") || !strings.Contains(out, ": the shop closes\n") {
		t.Errorf("it says %s", out)
	}
	if got := v.view(t, "after"); got != "refused; reason=site_stopped" {
		t.Errorf("after it a page view was %q", got)
	}
	in.eventually("it is done", func() error {
		if out := in.kunji("site", "wind-down", "shop"); !strings.Contains(out, "state     done\n") || !strings.Contains(out, ", signed by this key ring\n") {
			return fmt.Errorf("it says %s; %s", out, r.said())
		}
		return nil
	})
	in.eventually("the node says that its disk is clean", func() error {
		out := in.kunji("site", "wind-down", "shop")
		if !regexp.MustCompile(`(?m)^node +[0-9a-f]{32} cleaned \S+: 2 set aside, 0 statements of recipients; \S+, signed by this key ring$`).MatchString(out) || strings.Contains(out, "has not said") {
			return fmt.Errorf("it says %s; %s", out, r.said())
		}
		return nil
	})
	in.kunji("sql", "--write", "ALTER TABLE wind_down_nodes UPDATE aside = 1 WHERE true SETTINGS mutations_sync = 2")
	in.fails(exitFailed, "", "site", "wind-down", "shop") // whoever alters what a node said is found out
	r.end()
	r = in.start("serve")
	if got := v.view(t, "restarted"); got != "refused; reason=site_stopped" {
		t.Errorf("after a restart a page view was %q", got)
	}
	resp, err := http.Get("http://" + in.edge + "/choices/shop?lang=en")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(page), "has ended: what was collected is deleted") {
		t.Errorf("visitors are told %s, %v", page, err)
	}
	in.shipped()
	if got := in.column("SELECT (SELECT count() FROM events) + (SELECT count() FROM touches) + (SELECT count() FROM sales) + (SELECT count() FROM visitor_days) + (SELECT count() FROM refusals WHERE site = 'shop') + (SELECT countIf(subject != 0) FROM consents)"); got[0] != "0" {
		t.Errorf("%s rows are left", got[0])
	}
	if out := in.kunji("consent", "verify"); !strings.Contains(out, ": whole\n") {
		t.Errorf("verify says %s", out)
	}
	r.end()
}
