package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// node is another installation on the same store, with the same key ring.
func (in *installation) node(role string) (*installation, []string) {
	other := *in
	other.edge, other.console, other.ops = freePort(in.t), freePort(in.t), freePort(in.t)
	other.env = append(append([]string{}, in.env...),
		"KUNJI_EDGE_LISTEN="+other.edge, "KUNJI_CONSOLE_LISTEN="+other.console, "KUNJI_OPS_LISTEN="+other.ops,
		"KUNJI_DATA_DIR="+filepath.Join(in.dir, "node-"+role), "KUNJI_KEYS_FILE="+filepath.Join(in.dir, "keys.json"), "KUNJI_JOBS=false",
	)
	return &other, []string{"serve", "--role", role}
}

// mailHit follows a mail's link or loads its image on a node, without a cookie.
func (in *installation) mailHit(method, path string) (result string, err error) {
	req, err := http.NewRequest(method, "http://"+in.edge+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", testAgent)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if method == http.MethodPost && resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %d", path[:3], resp.StatusCode)
	}
	if len(resp.Cookies()) > 0 {
		return "", fmt.Errorf("%s set a cookie", path[:3])
	}
	return resp.Header.Get("Kunji-Result"), nil
}

// TestPolicy_6_4_UnsubscribeReachesSentMail on another node: two edges on one
// store, of which one is told. It still holds after a restart of either, and is
// known there before ClickHouse answers.
func TestPolicy_6_4_UnsubscribeReachesSentMail(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	server := startServer(t, in, library)
	network := newFaultyStore(t, server.Dial)
	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=http://"+network.addr+"/kunji", "KUNJI_KEYS_FILE="+filepath.Join(in.dir, "keys.json"))
	ring, err := identity.OpenRing(filepath.Join(in.dir, "keys.json"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	first := in.start("serve")
	other, args := in.node(roleEdge)
	second := other.start(args...)

	const recipient = 0xfeed
	link := identity.Link{Site: "shop", Recipient: recipient, Campaign: event.Campaign{Source: "newsletter", Medium: "email", Name: "Autumn"}}
	seal := func(use identity.Use, l identity.Link) string {
		t.Helper()
		token, err := ring.SealLink(use, l)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	open := "/o/" + seal(identity.Open, link) + ".gif"
	expect := func(at *installation, want string) {
		t.Helper()
		at.eventually("a mail's hit is "+want, func() error {
			got, err := at.mailHit("GET", open)
			if err == nil && got != want {
				err = fmt.Errorf("it is %q", got)
			}
			return err
		})
	}
	in.kunji("migrate")
	in.eventually("a consent is stored", func() error { // as the console's API stores it
		if got := in.column("SELECT count() FROM mail_consents"); got[0] == "1" {
			return nil
		}
		in.kunji("sql", "--write", fmt.Sprintf("INSERT INTO mail_consents (site, recipient, time, mail_open, mail_click, said_by, proof) SELECT 'shop', %d, now(), 1, 1, 'token crm', 'form'", recipient))
		return fmt.Errorf("not yet")
	})
	expect(in, "recorded")
	expect(other, "recorded")

	link.Ref, link.List = "customer 42", "weekly"
	left := time.Now()
	if _, err := in.mailHit("POST", "/u/"+seal(identity.Unsubscribe, link)); err != nil {
		t.Fatal(err)
	}
	if got, err := in.mailHit("GET", open); err != nil || got != "refused; reason=unsubscribed" {
		t.Errorf("at once, on the node that was told: %q, %v", got, err)
	}
	expect(other, "refused; reason=unsubscribed")
	t.Logf("on the other node after %v", time.Since(left).Round(time.Millisecond))
	if got := in.column("SELECT concat(said_by, ' ', toString(mailing), ' ', toString(position(sealed, '42') = 0 AND sealed != '')) FROM mail_consents WHERE mailing != 0"); strings.Join(got, "; ") != "recipient 2 1" {
		t.Errorf("the store says %q", got)
	}
	if rows := in.column("SELECT concat(kind, ' ', basis, ' ', campaign, ' ', toString(visitor)) FROM events WHERE recipient != 0 GROUP BY ALL"); strings.Join(rows, "; ") != "mail_open mail Autumn 0" {
		t.Errorf("rows of mail: %q", rows)
	}

	// Both are told what they knew by their own disks.
	first.end()
	second.end()
	network.goAway()
	in.start("serve")
	other.start(args...)
	for _, at := range []*installation{in, other} {
		expect(at, "refused; reason=unsubscribed")
		resp, err := http.Get("http://" + at.ops + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(said), "hits of mail are refused meanwhile") {
			t.Errorf("readyz says %s, %v", said, err)
		}
	}
}
