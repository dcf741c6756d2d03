package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/analytics/webhook"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

const (
	letter     = `<html><body><a href="https://shop.example/tea">Tea</a></body></html>`
	consentsAt = "/api/v1/mail/consents"
	makeAt     = "/api/v1/mail/instrument"
)

// TestPolicy_3_2_2_OldConsentsMakePlainMail: what was granted before a material
// version puts neither pixel nor links into a mail, each purpose by its own time.
func TestPolicy_3_2_2_OldConsentsMakePlainMail(t *testing.T) {
	day := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	s := &site.Site{ID: "shop", Zone: time.UTC, Policy: &site.Policy{Versions: []site.PolicyVersion{
		{Number: 1}, {Number: 2, Date: day, Material: []site.Material{site.MaterialControl}},
	}}}
	m := &mailer{now: time.Now}
	before, since := day.Add(-time.Second), day
	for _, c := range []struct {
		open, click       time.Time
		mayOpen, mayClick bool
	}{{before, before, false, false}, {since, before, true, false}, {before, since, false, true}, {since, since, true, true}} {
		o := m.options(s, console.MailWanted{}, prepared{}, store.MailState{
			Open: event.Granted, OpenAt: c.open, Click: event.Granted, ClickAt: c.click, All: event.Denied,
		})
		if o.MayOpen != c.mayOpen || o.MayClick != c.mayClick || !o.Unsubscribed {
			t.Errorf("open said %v, click %v: %v, %v, unsubscribed %v", c.open, c.click, o.MayOpen, o.MayClick, o.Unsubscribed)
		}
	}
}

// TestConsoleAPI runs the program and uses the console as senders, shops and
// marketers do. Each answer is compared with the console's description.
func TestConsoleAPI(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	in.withTokens()
	hook, letters := newHook(t), newPost(t)
	host, port, _ := strings.Cut(letters.addr, ":")
	in.env = append(in.env, "KUNJI_SMTP_HOST="+host, "KUNJI_SMTP_PORT="+port, "KUNJI_SMTP_FROM=privacy@shop.example")
	in.edit("    timezone:", "    mail: { unsubscribe_webhook: \""+hook.server.URL+"\" }\n    timezone:")
	r := in.start("serve")
	in.eventually("ClickHouse is ready", func() error { return in.partOK("clickhouse") })
	a := &api{t: t, in: in, d: describe(t, in.console)}

	// Each goes on from what the one before has stored.
	consentsCount(a)
	batchesAnswerEach(a)
	leavingIsHeard(a, hook)
	sendersSend(a)
	rightsGoByMail(a, letters)
	eventsAreKept(a)
	peopleAreServed(a)
	wholeAPI(a)

	if secret := strings.TrimSpace(in.kunji("mail", "secret", "--site", "shop")); len(secret) != 64 {
		t.Errorf("the webhook's secret: %q", secret)
	}

	// The command asks the service, and without one what ClickHouse knows.
	command := []string{"mail", "instrument", "--site", "shop", "--campaign", "spring"}
	mail := filepath.Join(in.dir, "letter.html")
	if err := os.WriteFile(mail, []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"beside the service", "alone"} {
		if out := in.kunji(append(command, "--recipient", "both@example.org", mail)...); strings.Count(out, "<img") != 1 || !strings.Contains(out, "/c/") {
			t.Errorf("%s: %s", state, out)
		}
		in.fails(exitFailed, "has unsubscribed", append(command, "--recipient", "left@example.org", mail)...)
		if state == "beside the service" {
			recipientByCommand(in, "open@example.org", true)
			r.end()
		} else {
			recipientByCommand(in, "both@example.org", false)
		}
	}
	if said := r.said(); strings.Contains(said, "example.org") {
		t.Errorf("an address was logged: %s", said)
	}
}

// letterFor is a request for one mail.
func letterFor(recipient string) string {
	return fmt.Sprintf(`{"site":"shop","campaign":"spring","recipient":%q,"ref":"42","list":"weekly","html":%q}`, recipient, letter)
}

// consentsCount: the newest time wins whatever comes first, nothing is lifted
// without proof, and each choice stands alone.
func consentsCount(a *api) {
	f := func(recipient string, pixel, tracked bool) {
		a.t.Helper()
		var made console.MailMade
		a.post("mailer", makeAt, letterFor(recipient), 200, &made)
		if made.Pixel != pixel || strings.Contains(made.HTML, "<img") != pixel || made.Tracked != tracked || strings.Contains(made.HTML, "/c/") != tracked {
			a.t.Errorf("%s: pixel %t, tracked %t: %s", recipient, made.Pixel, made.Tracked, made.HTML)
		}
		if !strings.Contains(made.HTML, "utm_campaign=spring") && !tracked || made.Headers["List-Unsubscribe"] != "<"+made.Leave+">" || made.Headers["List-Unsubscribe-Post"] == "" {
			a.t.Errorf("%s: tags or headers are missing: %+v", recipient, made)
		}
	}
	f("stranger@example.org", false, false) // unknown is no
	a.post("mailer", consentsAt, `[
		{"site":"shop","recipient":"Both@Example.org","mail_open":true,"mail_click":true,"time":"2026-03-01T10:00:00Z","proof":"form 1"},
		{"site":"shop","recipient":"open@example.org","mail_open":true,"time":"2026-03-01T10:00:00Z"},
		{"site":"shop","recipient":"late@example.org","mail_open":false,"mail_click":true,"time":"2026-03-02T10:00:00+08:00"},
		{"site":"shop","recipient":"late@example.org","mail_open":true,"time":"2026-03-01T10:00:00Z"},
		{"site":"shop","recipient":"left@example.org","mail":false,"mail_open":true,"time":"2026-03-02T10:00:00Z"}]`, 200, nil)
	f("both@example.org", true, true)
	f("open@example.org", true, false)
	f("late@example.org", false, true)
	a.post("mailer", makeAt, letterFor("left@example.org"), 409, nil)

	// CSV: later consents to tracking do not lift an unsubscription, nor does an
	// earlier proof; a later proof does.
	csv := func(body string, want int) { a.call("mailer", "POST", consentsAt+"?site=shop", "text/csv", body, want) }
	csv("recipient,mail_open,mail,time,proof\nleft@example.org,true,,2026-04-01T00:00:00Z,form 2\nleft@example.org,,true,2026-03-01T00:00:00Z,form 0\n", 200)
	a.post("mailer", makeAt, letterFor("left@example.org"), 409, nil)
	csv("recipient,mail,time,proof\nback@example.org,false,2026-03-01T00:00:00Z,\n", 200)
	a.post("mailer", makeAt, letterFor("back@example.org"), 409, nil)
	csv("recipient,mail,time,proof\nback@example.org,true,2026-03-02T00:00:00Z,\"asked again, by phone\"\n", 200)
	// An edge that heard of the no hears of the yes some seconds later.
	a.in.eventually("what was taken back counts", func() error {
		if got := a.status("mailer", makeAt, letterFor("back@example.org")); got != 200 {
			return fmt.Errorf("it is answered %d", got)
		}
		return nil
	})
	f("back@example.org", false, false)

	// All or none, and no fault repeats an address.
	csv("recipient,mail_open,time\nhalf@example.org,true,2026-03-01T00:00:00Z\nnobody,true,2026-03-01T00:00:00Z\n", 422)
	f("half@example.org", false, false)
	for _, body := range []string{
		"recipient,mail_open\na@example.org,true\n", "recipient,mail_open,time,colour\n", "", "recipient,time\n",
		"recipient,mail_open,time\na@example.org,maybe,2026-03-01T00:00:00Z\n", "recipient,mail_open,time\na@example.org,true,yesterday\n",
		"recipient,mail_open,time\na@example.org,,2026-03-01T00:00:00Z\n", "recipient,mail,time\na@example.org,true,2026-03-01T00:00:00Z\n",
		"recipient,mail_open,time\na@example.org,true,2099-03-01T00:00:00Z\n", "recipient,mail_open,time\n\"a@example.org,true\n",
	} {
		csv(body, 422)
	}
	a.post("mailer", consentsAt, `{"site":"shop"}`, 422, nil)
	a.post("marketer", consentsAt, `[]`, 403, nil)
	a.call("mailer", "POST", consentsAt+"?site=blog", "text/csv", "recipient,mail_open,time\na@example.org,true,2026-03-01T00:00:00Z\n", 403)

	// Who said so is kept; addresses are not.
	if got := a.in.column("SELECT DISTINCT said_by FROM mail_consents"); len(got) != 1 || got[0] != "token mailer" {
		a.t.Errorf("said by %v", got)
	}
	if got := a.in.column("SELECT count() FROM audit WHERE action = 'mail_consents_stored' AND actor = 'token mailer'"); got[0] != "4" {
		a.t.Errorf("%v lines of the audit log", got)
	}
}

// batchesAnswerEach: a list is answered mail by mail; what is wrong with one
// keeps no other from being made; all that were made are counted.
func batchesAnswerEach(a *api) {
	const counted = "SELECT sum(mails) FROM mail_sent"
	before := a.in.column(counted)[0]
	var got struct {
		Mails []struct {
			Status int
			Mail   *console.MailMade
			Code   string
		}
	}
	list := []string{letterFor("both@example.org"), letterFor("left@example.org"), letterFor("nobody"), strings.Replace(letterFor("both@example.org"), `"ref"`, `"test":true,"ref"`, 1)}
	a.post("mailer", makeAt, "["+strings.Join(list, ",")+"]", 200, &got)
	for i, want := range []int{200, 409, 400, 200} {
		if len(got.Mails) != 4 || got.Mails[i].Status != want || (got.Mails[i].Mail != nil) != (want == 200) {
			a.t.Fatalf("%+v", got)
		}
	}
	var at sync.WaitGroup
	for range 20 { // at once: they share inserts, and none is lost
		at.Go(func() { a.post("mailer", makeAt, letterFor("both@example.org"), 200, nil) })
	}
	at.Wait()
	var n, m int
	_, err1 := fmt.Sscan(before, &n)
	_, err2 := fmt.Sscan(a.in.column(counted)[0], &m)
	if err := errors.Join(err1, err2); err != nil || m != n+21 {
		a.t.Errorf("%d mails were counted before, %d after 21 more: %v", n, m, err)
	}
	for body, want := range map[string]int{
		"[]": 400, "[" + strings.Repeat(letterFor("a@example.org")+",", 100) + letterFor("a@example.org") + "]": 400,
		strings.Replace(letterFor("a@example.org"), `"shop"`, `"blog"`, 1):               403,
		strings.Replace(letterFor("a@example.org"), `"html"`, `"message":"x","html"`, 1): 400,
		strings.Replace(letterFor("a@example.org"), `"spring"`, `""`, 1):                 400,
		strings.Replace(letterFor("a@example.org"), `"42"`, `42`, 1):                     400,
		`{"site":"shop","html":"` + strings.Repeat("a", 9<<20) + `"}`:                    413,
	} {
		a.post("mailer", makeAt, body, want, nil)
	}
	a.call("mailer", "GET", "/api/v1/mail/unsubscribes?site=shop", "", "", 200)
	a.call("mailer", "GET", "/api/v1/mail/unsubscribes?site=shop&since=x", "", "", 400)
	a.call("marketer", "GET", "/api/v1/mail/unsubscribes?site=shop", "", "", 403)
}

// hook is a sender's server that is told who left.
type hook struct {
	server *httptest.Server
	told   chan string // body and signature, a space between them
}

func newHook(t *testing.T) *hook {
	h := &hook{told: make(chan string, 10)}
	h.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing fails the comparison
		h.told <- string(body) + " " + r.Header.Get("Kunji-Signature")
	}))
	t.Cleanup(h.server.Close)
	return h
}

// leavingIsHeard: one click in a mail's header, and at once nothing is made for
// that recipient any more; the sender hears of it by API and by webhook.
func leavingIsHeard(a *api, h *hook) {
	var made console.MailMade
	a.post("mailer", makeAt, letterFor("leaver@example.org"), 200, &made)
	resp, err := http.Post(made.Leave, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		a.t.Fatalf("unsubscribing: %s", resp.Status)
	}
	a.post("mailer", makeAt, letterFor("leaver@example.org"), 409, nil)
	select {
	case told := <-h.told:
		body, header, _ := strings.Cut(told, " ")
		at, signature, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
		secret := strings.TrimSpace(a.in.kunji("mail", "secret", "--site", "shop"))
		if !strings.HasPrefix(body, `{"ref":"42","list":"weekly","time":"`) || signature != webhook.Sign(secret, at, []byte(body)) {
			a.t.Errorf("the webhook was told %s", told)
		}
	case <-time.After(time.Minute):
		a.t.Error("the webhook was told nothing")
	}
	var list struct{ Unsubscribes []console.MailLeft }
	if err := json.Unmarshal(a.call("mailer", "GET", "/api/v1/mail/unsubscribes?site=shop&since=2026-01-01T00:00:00Z", "", "", 200), &list); err != nil || len(list.Unsubscribes) != 1 || list.Unsubscribes[0].Ref != "42" {
		a.t.Errorf("who left: %+v, %v", list, err)
	}
}
