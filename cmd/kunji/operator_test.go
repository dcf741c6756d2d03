package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	v := in.agreed(t)
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
	two, other := in.consented(t, "other")

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
	in.withdrawn(t, two)

	// A rights address may be used on another device.
	three, id := in.consented(t, "three")
	in.eraseElsewhere(t, strings.TrimSpace(in.kunji("rights-link", "--site", "shop", "--visitor", id, "--reason", "letter 19")))
	in.withdrawn(t, three)
	if out := in.kunji("consent", "verify"); !strings.Contains(out, ": whole\n") {
		t.Errorf("verify says %s", out)
	}
	in.windDown(t, r)
}

// withdrawn waits until a visitor's cookie is a no.
func (in *installation) withdrawn(t *testing.T, v *visitor) {
	t.Helper()
	in.eventually("what they granted is withdrawn", func() error {
		if got := v.view(t, "cookie"); got != "refused; reason=withdrawn" {
			return fmt.Errorf("a page view is %q", got)
		}
		return nil
	})
}

// eraseElsewhere sends the form behind a rights address from a browser without
// cookies.
func (in *installation) eraseElsewhere(t *testing.T, link string) {
	t.Helper()
	send := func(method, body string) string {
		req, err := http.NewRequest(method, link, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Origin", "http://"+in.edge)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= http.StatusBadRequest {
			t.Fatalf("the rights page answers %d: %s, %v", resp.StatusCode, page, err)
		}
		return string(page)
	}
	token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(send("GET", ""))
	if token == nil {
		t.Fatal("the rights page has no form")
	}
	send("POST", url.Values{"action": {"erase"}, "csrf": {token[1]}}.Encode())
}

// TestPolicy_5_3_OperatorsErasureTakesConsentBack whatever state the record is in:
// where it waits on this node's disk, the erasure waits for it, or is refused and
// leaves nothing behind; one that ClickHouse refused is withdrawn from where it is
// set aside; and where none is found, none is said to be withdrawn.
func TestPolicy_5_3_OperatorsErasureTakesConsentBack(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	network := newFaultyStore(t, startServer(t, in, library).Dial)
	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=http://"+network.addr+"/kunji")
	in.start("serve")
	in.consented(t, "first") // the tables are there

	who := func(v *visitor) []string {
		return []string{"--site", "shop", "--visitor", in.handle(t, v), "--reason", "letter 20"}
	}
	network.goAway()
	waits := in.agreed(t)
	in.fails(exitFailed, "nobody was erased and nothing is withdrawn", append([]string{"erase"}, who(waits)...)...)
	network.comeBack()
	if out := in.kunji(append([]string{"erase"}, who(waits)...)...); !strings.Contains(out, "What they granted (1 record) is withdrawn.") {
		t.Errorf("erase says %s", out)
	}
	if got := waits.view(t, "waits"); got != "refused; reason=withdrawn" {
		t.Errorf("after the erasure a page view is %q", got)
	}
	in.shipped()
	if got := in.column("SELECT count() FROM erasures FINAL"); got[0] != "1" {
		t.Errorf("%s erasures are stored, want 1", got[0])
	}

	network.meet(refusing, 1)
	aside := in.agreed(t)
	in.eventually("the record is set aside", func() error {
		if list := in.kunji("spool", "list"); !strings.Contains(list, "349") {
			return fmt.Errorf("kunji spool list: %s", list)
		}
		return nil
	})
	if out := in.kunji(append([]string{"erase"}, who(aside)...)...); !strings.Contains(out, "No consent record of theirs was found") || strings.Contains(out, "is withdrawn.") {
		t.Errorf("erase says %s", out)
	}
	in.withdrawn(t, aside)
	in.shipped()
	if got := in.column("SELECT count() FROM consents WHERE withdraws"); got[0] != "2" {
		t.Errorf("the ledger tells other nodes of %s withdrawals, want 2", got[0])
	}
}

// agreed is a visitor who said yes.
func (in *installation) agreed(t *testing.T) *visitor {
	t.Helper()
	v := &visitor{in: in, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	return v
}

// handle is what the page of a visitor gives to its server.
func (in *installation) handle(t *testing.T, v *visitor) string {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+in.edge+"/v1/consent?site=shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://"+in.edge)
	req.Header.Set("Cookie", strings.Join(v.cookies, "; "))
	resp, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct{ Handle string }
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || state.Handle == "" {
		t.Fatalf("handle %q, %v", state.Handle, err)
	}
	return state.Handle
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
