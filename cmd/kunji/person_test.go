package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
)

// A person is named by a number, a handle of this site, or a mail address; no
// error repeats what was written.
func TestParsePerson(t *testing.T) {
	ring, err := identity.OpenRing(filepath.Join(t.TempDir(), "keys.json"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	handle := func(site string) string {
		return ring.Seal(identity.Handle, append(identity.AppendVisitor(nil, site, 77), "~record"...))
	}
	f := func(text string, want uint64) {
		t.Helper()
		got, err := parseVisitor(ring, "shop", text)
		if got != want || (err != nil) != (want == 0) || err != nil && len(text) > 2 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	f("8117043560932261377", 8117043560932261377)
	f(handle("shop"), 77)
	f(handle("blog"), 0)
	f("0", 0)
	f("-1", 0)
	f("", 0)
	f("anna@shop.example", 0)
	f(strings.Repeat("9", 2*maxHandle), 0)

	one, err := parseRecipient(ring, "shop", "Anna <Anna@Shop.example>")
	other, err2 := parseRecipient(ring, "shop", "anna@shop.example")
	if one == 0 || one != other || err != nil || err2 != nil {
		t.Errorf("one address: %d and %d, %v, %v", one, other, err, err2)
	}
	if n, err := parseRecipient(ring, "shop", "anna.shop.example"); n != 0 || err == nil || strings.Contains(err.Error(), "anna") {
		t.Errorf("no address: %d, %v", n, err)
	}
	if who := (somebody{Site: "shop", Recipient: 77}).subject(ring); who == (somebody{Site: "shop", Visitor: 77}).subject(ring) {
		t.Error("a visitor and a recipient of one number are one subject")
	}
}

// given runs a command with something on its standard input.
func (in *installation) given(text string, args ...string) string {
	in.t.Helper()
	cmd := exec.Command(in.exe, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = in.dir, in.env, strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("kunji %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// peopleAreServed: an operator's program has a person's data handed out and
// erased, and learns how far that is.
func peopleAreServed(a *api) {
	ask := func(person, reason string) string {
		return fmt.Sprintf(`{"site":"shop",%s,"reason":%q}`, person, reason)
	}
	const late = `"recipient":"late@example.org"`
	for _, path := range []string{"/api/v1/erasures", "/api/v1/exports"} {
		a.post("mailer", path, ask(late, "ticket 1"), 403, nil)
		a.post("operator", path, strings.Replace(ask(late, "ticket 1"), `"shop"`, `"blog"`, 1), 403, nil)
		for _, wrong := range []string{
			ask(late, ""), ask(late, "she is late@example.org"), ask(late+`,"visitor":"7"`, "ticket 1"), `{"site":"shop","reason":"ticket 1"}`,
			ask(`"recipient":"late at example.org"`, "ticket 1"), ask(`"visitor":"late@example.org"`, "ticket 1"),
		} {
			if got := a.call("operator", "POST", path, "application/json", wrong, 400); strings.Contains(string(got), "example.org") && !strings.Contains(string(got), "name@example.org") {
				a.t.Errorf("%s repeats an address: %s", path, got)
			}
		}
	}
	var export struct{ Path string }
	a.post("operator", "/api/v1/exports", ask(late, "ticket 2"), 201, &export)
	if strings.Contains(export.Path, "late") {
		a.t.Errorf("the path %s names somebody", export.Path)
	}
	a.call("admin", "GET", export.Path, "", "", 404) // another account's
	a.call("operator", "GET", export.Path+"A", "", "", 404)
	if got := string(a.call("operator", "GET", export.Path, "", "", 200)); !strings.Contains(got, "mail_consents") || !strings.Contains(got, "granted") {
		a.t.Errorf("the export: %s", got)
	}

	var begun struct{ Subject, State string }
	a.post("operator", "/api/v1/erasures", ask(late, "ticket 3"), 202, &begun)
	at := "/api/v1/erasures/" + begun.Subject + "?site=shop"
	a.in.eventually("the rows are gone", func() error {
		var now struct {
			State, Receipt string
			Consents       int
		}
		req, err := http.NewRequest("GET", "http://"+a.in.console+at, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer secret-operator")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&now); err != nil {
			return err
		}
		if resp.StatusCode != 200 || now.State == "requested" || now.State == "listed" || now.Consents != 3 {
			return fmt.Errorf("%s: %+v", resp.Status, now)
		}
		return nil
	})
	a.call("operator", "GET", at, "", "", 200)
	a.call("operator", "GET", "/api/v1/erasures/"+identity.FormatID([16]byte{1})+"?site=shop", "", "", 404)
	a.call("operator", "GET", "/api/v1/erasures/somebody?site=shop", "", "", 400)
	if got := a.in.column("SELECT concat(action, ' ', actor, ' ', detail) FROM audit WHERE actor = 'token operator' ORDER BY time"); strings.Join(got, "\n") !=
		"person_exported token operator subject "+begun.Subject+": ticket 2\nerasure_requested token operator subject "+begun.Subject+": ticket 3" {
		a.t.Errorf("the audit log says %q", got)
	}
}

var subjectLine = regexp.MustCompile(`subject +(\S{22})\n`)

// recipientByCommand: an operator serves a mail recipient, whose address comes on
// standard input, beside the service or without one.
func recipientByCommand(in *installation, address string, serves bool) {
	in.t.Helper()
	who := []string{"--site", "shop", "--recipient", "-", "--reason", "letter 19"}
	if out := in.given(address+"\n", append([]string{"export"}, who...)...); !strings.Contains(out, "mail_consents") || strings.Contains(out, address) {
		in.t.Errorf("export says %s", out)
	}
	link := strings.TrimSpace(in.given(address, append([]string{"rights-link"}, who...)...))
	if serves {
		if err := in.ok(link); err != nil {
			in.t.Error(err)
		}
	}
	in.fails(exitUsage, "--days: a recipient's address works 30 minutes", "rights-link", "--site", "shop", "--recipient", address, "--reason", "x", "--days", "3")
	in.fails(exitUsage, "--recipient: write the mail address as", "erase", "--site", "shop", "--recipient", "nobody", "--reason", "x")
	subject := subjectLine.FindStringSubmatch(in.given(address, append([]string{"erase"}, who...)...))
	if subject == nil {
		in.t.Fatal("erase names no subject")
	}
	if serves {
		if err := in.ok(link); err == nil {
			in.t.Error("the rights address works on after the erasure")
		}
	}
	if got := in.column("SELECT concat(action, ' ', detail) FROM audit WHERE detail LIKE 'subject " + subject[1] + "%letter 19' ORDER BY time"); strings.Join(got, "\n") !=
		"person_exported subject "+subject[1]+": letter 19\nrights_link_made subject "+subject[1]+", 30 minutes: letter 19\nerasure_requested subject "+subject[1]+": letter 19" {
		in.t.Errorf("the audit log says %q", got)
	}
	in.eventually("what they agreed to is gone", func() error {
		made := in.given(letter, "mail", "instrument", "--site", "shop", "--campaign", "spring", "--recipient", address)
		if strings.Contains(made, "<img") || strings.Contains(made, "/c/") {
			return fmt.Errorf("mail is made as %s", made)
		}
		return nil
	})
}
