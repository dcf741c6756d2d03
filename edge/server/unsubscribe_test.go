package server

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// statements returns what recipients said since the last call.
func (w *world) statements() (all []event.Statement) {
	for _, r := range w.records() {
		if r.Statement != nil {
			all = append(all, *r.Statement)
		}
	}
	return all
}

// TestPolicy_6_4_OneClick: RFC 8058 in every encoding and without any, from
// anywhere, without cookie, redirect or question; GET changes nothing; the same
// answer each time; and mail that was already sent is measured no more.
func TestPolicy_6_4_OneClick(t *testing.T) {
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if err := parts.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	w := newMailWorld(t)
	for n, c := range []struct{ kind, body string }{
		{"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"},
		{parts.FormDataContentType(), form.String()},
		{"multipart/form-data; boundary=none", "broken"},
		{"application/json", "{"},
		{"", ""},
	} {
		recipient := uint64(n) + 1
		w.says(withdrawal.Entry{Recipient: recipient, Open: withdrawal.Granted, Click: withdrawal.Granted})
		l := newsletter(recipient)
		sent, click := w.path(identity.Open, l), w.path(identity.Click, l)
		l.Ref, l.List = "anna@example.org", "weekly"
		path := w.path(identity.Unsubscribe, l)
		b := w.reader()
		b.header.Set("Origin", "https://mail.example")
		b.header.Set("User-Agent", "Python-urllib/3.11") // never filtered by it
		for range 2 {
			if a := b.get(path); a.status != 200 || !strings.Contains(a.body, "<form") || len(a.set) != 0 {
				t.Fatalf("GET: %d %s", a.status, a.body)
			}
		}
		if a := b.touch(identity.Open, sent); a.result() != "recorded" || len(w.statements()) != 0 {
			t.Fatalf("GET unsubscribed: %q", a.result())
		}
		w.wait(time.Second)
		w.heard()
		for range 3 {
			b.header.Set("Content-Type", c.kind)
			a := b.do("POST", path, c.body)
			if a.status != 200 || len(a.set) != 0 || a.header.Get("Location") != "" || !strings.Contains(a.body, "You are unsubscribed.") {
				t.Fatalf("%q: %d %s", c.kind, a.status, a.body)
			}
		}
		said := w.statements()
		if len(said) != 1 || said[0].All != event.Denied || said[0].Recipient != recipient || said[0].By != event.ByThemselves || !said[0].Time.Equal(w.now()) {
			t.Fatalf("%q: %+v", c.kind, said)
		}
		if ref, list, err := w.srv.opts.Ring.OpenRef("shop", said[0].Sealed); ref != l.Ref || list != l.List || err != nil {
			t.Errorf("the sender learns %q, %q, %v", ref, list, err)
		}
		for use, path := range map[identity.Use]string{identity.Open: sent, identity.Click: click} {
			if a := b.touch(use, path); a.result() != "refused; reason=unsubscribed" {
				t.Errorf("mail already sent, %s: %q", use, a.result())
			}
		}
	}
	if log := w.log.String(); strings.Contains(log, "anna") || strings.Contains(log, "/u/") {
		t.Errorf("the log tells who left: %s", log)
	}
}

// TestUnsubscribeAgain: an unsubscription that was taken back since is said again,
// one that found no room even in the reserve is not answered as done, one of a mail that was only tried
// out is nobody's, and a revoked key's link still works.
func TestUnsubscribeAgain(t *testing.T) {
	w := newMailWorld(t)
	path := w.path(identity.Unsubscribe, newsletter(1))
	b := w.reader()
	b.do("POST", path, "")
	w.wait(time.Second)
	w.says(withdrawal.Entry{Recipient: 1, Mail: withdrawal.Granted, Proven: true})
	if w.srv.opts.Withdrawn.Recipient("shop", 1).Unsubscribed() {
		t.Fatal("a later proven yes does not count")
	}
	b.do("POST", path, "")
	if !w.srv.opts.Withdrawn.Recipient("shop", 1).Unsubscribed() || len(w.statements()) != 2 {
		t.Error("who left again is still there")
	}
	tried := newsletter(2)
	tried.Test = true
	if a := b.do("POST", w.path(identity.Unsubscribe, tried), ""); a.status != 200 || len(w.statements()) != 0 {
		t.Errorf("a mail to be tried out: %d", a.status)
	}
	w.srv.opts.Spool = fullSpool{}
	if a := b.do("POST", w.path(identity.Unsubscribe, newsletter(3)), ""); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("into a used up reserve: %d", a.status)
	}
	if w.srv.opts.Withdrawn.Recipient("shop", 3).Unsubscribed() {
		t.Error("it counts although it is not on disk")
	}
	for _, method := range []string{"PUT", "DELETE"} {
		if a := b.do(method, path, ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.status)
		}
	}
}

// TestPolicy_2_4_MailChoices: a switch for each purpose, by a form of our own alone.
func TestPolicy_2_4_MailChoices(t *testing.T) {
	w := newMailWorld(t)
	l := newsletter(1)
	l.Ref = "42"
	path := w.path(identity.MailChoices, l)
	b := w.reader()
	b.page()
	if page := b.get(path); page.status != 200 || strings.Contains(page.body, " checked") || strings.Contains(page.body, "<script") || page.header.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("the page: %d %s", page.status, page.body)
	}
	said := b.follow(path, b.submit(path, "action=save&mail_open=1"))
	if !strings.Contains(said, "Your choice was saved.") || strings.Count(said, " checked") != 1 {
		t.Errorf("after saving: %s", said)
	}
	w.wait(time.Minute)
	b.submit(path, "action=save&mail_click=1")
	got := w.statements()
	if len(got) != 2 || got[0].Open != event.Granted || got[0].Click != event.Denied || got[1].Open != event.Denied || got[1].Click != event.Granted || got[0].Proof == "" || got[0].All != event.Unset {
		t.Fatalf("%+v", got)
	}
	if a := b.submit(path, "action=unsubscribe"); a.status != 200 || !strings.Contains(a.body, "You are unsubscribed.") {
		t.Errorf("unsubscribing: %d %s", a.status, a.body)
	}
	w.wait(time.Minute)
	b.submit(path, "action=save&mail_open=1") // no way back in but a proven one
	if got := w.srv.opts.Withdrawn.Recipient("shop", 1); !got.Unsubscribed() || got.Open != withdrawal.Granted {
		t.Errorf("after all: %+v", got)
	}
	w.records()
	for name, a := range map[string]answer{
		"no token":       b.send(path, "action=save&mail_open=1"),
		"another's":      b.send(w.path(identity.MailChoices, newsletter(2)), "action=save&csrf="+csrfField.FindStringSubmatch(b.get(path).body)[1]),
		"no such action": b.submit(path, "action=x"),
	} {
		if a.status != 403 && a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if got := w.statements(); len(got) != 0 {
		t.Errorf("statements %+v", got)
	}
}
