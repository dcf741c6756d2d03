package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/kunjicloud/kunji/edge/identity"
)

// post is an SMTP server that keeps what it is given.
type post struct {
	addr string
	mu   sync.Mutex
	mail [][]byte
	to   []string
}

func newPost(t testing.TB) *post {
	t.Helper()
	p := &post{}
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = ln.Addr().String()
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

// take returns what came since the last time, and to whom.
func (p *post) take() (mail [][]byte, to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	mail, to = p.mail, strings.Join(p.to, " ")
	p.mail, p.to = nil, nil
	return mail, to
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return postSession{p}, nil }

type postSession struct{ *post }

func (postSession) Reset()                               {}
func (postSession) Logout() error                        { return nil }
func (postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = append(s.to, to)
	return nil
}

func (s postSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, b)
	return err
}

const (
	greeting    = "Grüße & more"
	senderPage  = `<html><body><p>Grüße <a href="https://shop.example/tea?a=1&amp;b=2">Tea</a></p></body></html>`
	senderToken = "secret-mailer"
)

// sendersSend: the programs under deploy/snippets send through the running
// console what the ring can open, nothing to who left, and nothing where the
// console does not answer or does not know them.
func sendersSend(a *api) {
	keeps := newPost(a.t)
	ring, err := identity.OpenRing(filepath.Join(a.in.dir, "data", "keys.json"), time.Now())
	if err != nil {
		a.t.Fatal(err)
	}
	sender := filepath.Join(a.t.(*testing.T).TempDir(), "go-sender")
	if out, err := exec.Command("go", "build", "-o", sender, "../../deploy/snippets/go-sender").CombinedOutput(); err != nil {
		a.t.Fatalf("%v: %s", err, out)
	}
	for name, command := range map[string][]string{"Go": {sender}, "Python": {"python3", "-B", "../../deploy/snippets/python-sender/send.py"}} {
		send := func(console, token, to string) (string, error) {
			cmd := exec.Command(command[0], append(command[1:], "--console", console, "--smtp", keeps.addr, "--site", "shop", "--campaign", "spring",
				"--from", "News <news@shop.example>", "--to", to, "--ref", "42", "--list", "weekly", "--subject", greeting)...)
			cmd.Env = append(os.Environ(), "KUNJI_TOKEN="+token)
			cmd.Stdin = strings.NewReader(senderPage)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		at := "http://" + a.in.console
		out, err := send(at, senderToken, "Both <both@example.org>")
		mail, to := keeps.take()
		if err != nil || len(mail) != 1 || to != "both@example.org" {
			a.t.Errorf("%s: %v, %d mails to %s: %s", name, err, len(mail), to, out)
			continue
		}
		opensWithRing(a, name, ring, mail[0], "42")
		for what, c := range map[string]struct{ console, token, to, want string }{
			"to who left":       {at, senderToken, "left@example.org", "unsubscribed"},
			"with no token":     {at, "none", "both@example.org", "401"},
			"without a console": {"http://127.0.0.1:1", senderToken, "both@example.org", "refused"},
		} {
			out, err := send(c.console, c.token, c.to)
			var exit *exec.ExitError
			mail, _ := keeps.take()
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(mail) != 0 || !strings.Contains(out, c.want) || strings.Contains(out, "Traceback") {
				a.t.Errorf("%s %s: %v, %d mails: %s", name, what, err, len(mail), out)
			}
		}
	}
	listmonkSends(a, sender, keeps, ring)
}

// listmonkSends pushes messages to the messenger as listmonk does.
func listmonkSends(a *api, sender string, keeps *post, ring *identity.Ring) {
	at := freePort(a.t)
	cmd := exec.Command(sender, "--listen", at, "--console", "http://"+a.in.console, "--smtp", keeps.addr, "--site", "shop", "--from", "News <news@shop.example>", "--list", "weekly")
	cmd.Env = append(os.Environ(), "KUNJI_TOKEN="+senderToken, "LISTMONK_PASSWORD=open sesame")
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	push := func(email, kind, campaign, password string) (int, string, error) {
		body, err := json.Marshal(map[string]any{
			"subject": greeting, "body": senderPage, "content_type": kind,
			"recipients": []any{map[string]any{"uuid": "e44b4135", "email": email, "name": "Both", "attribs": map[string]any{"city": "Anxi"}, "status": "enabled"}},
			"campaign":   map[string]any{"uuid": "2e7e4b51", "name": campaign, "tags": []string{"tea"}},
		})
		if err != nil {
			return 0, "", err
		}
		req, err := http.NewRequest("POST", "http://"+at, bytes.NewReader(body))
		if err != nil {
			return 0, "", err
		}
		req.SetBasicAuth("listmonk", password)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(said), err
	}
	a.in.eventually("the messenger answers", func() error {
		_, _, err := push("both@example.org", "richtext", "spring", "wrong")
		return err
	})
	for _, c := range []struct {
		email, kind, campaign, password string
		status, mails                   int
	}{
		{"both@example.org", "richtext", "spring", "open sesame", 200, 1},
		{"left@example.org", "html", "spring", "open sesame", 200, 0},
		{"both@example.org", "plain", "spring", "open sesame", 400, 0},
		{"both@example.org", "html", " ", "open sesame", 400, 0},
		{"both@example.org", "html", "spring", "wrong", 401, 0},
		{"nobody", "html", "spring", "open sesame", 502, 0},
	} {
		status, said, err := push(c.email, c.kind, c.campaign, c.password)
		mail, _ := keeps.take()
		if err != nil || status != c.status || len(mail) != c.mails || strings.Contains(said, "@") {
			a.t.Errorf("listmonk's push %v: %d %q, %d mails, %v", c, status, said, len(mail), err)
		}
		for _, m := range mail {
			opensWithRing(a, "listmonk", ring, m, "e44b4135")
		}
	}
}

// opensWithRing reads a mail that arrived: its words, its headers, and whose its
// links and its image are.
func opensWithRing(a *api, name string, ring *identity.Ring, raw []byte, ref string) {
	a.t.Helper()
	m, text := readMail(a.t, raw)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if _, err2 := m.Header.Date(); err != nil || err2 != nil || subject != greeting || m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		a.t.Errorf("%s: %v, %v, subject %q, header %v", name, err, err2, subject, m.Header)
	}
	base := "http://" + a.in.edge
	leave, err1 := ring.OpenLink(identity.Unsubscribe, inside(m.Header.Get("List-Unsubscribe"), base+"/u/", ">"))
	click, err2 := ring.OpenLink(identity.Click, inside(text, base+"/c/", `"`))
	_, err3 := ring.OpenLink(identity.Open, inside(text, base+"/o/", ".gif"))
	if err := errors.Join(err1, err2, err3); err != nil || leave.Ref != ref || leave.List != "weekly" || click.Campaign.Name != "spring" ||
		!strings.HasPrefix(click.Destination, "https://shop.example/tea?a=1&b=2&utm_source=newsletter") || strings.Count(text, "<img") != 1 || !strings.Contains(text, "Grüße") {
		a.t.Errorf("%s: %v, %+v, %+v\n%s", name, err, leave, click, raw)
	}
}

func readMail(t testing.TB, raw []byte) (*netmail.Message, string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m, string(body)
}

func inside(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

var formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// rightsGoByMail: who asks by mail address gets the address of their data by
// mail, and who is not known gets the same answer and no mail.
func rightsGoByMail(a *api, keeps *post) {
	ask := "http://" + a.in.edge + "/rights/shop"
	fetch := func(req *http.Request, err error) string {
		a.t.Helper()
		if err != nil {
			a.t.Fatal(err)
		}
		req.Header.Set("Origin", "http://"+a.in.edge)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			a.t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			a.t.Fatalf("%s %s: %s, %v", req.Method, req.URL.Path[:3], resp.Status, err)
		}
		return string(body)
	}
	token := formToken.FindStringSubmatch(fetch(http.NewRequest("GET", ask, nil)))
	if token == nil {
		a.t.Fatal("the page has no form")
	}
	var said [2]string
	for i, email := range []string{"unknown@example.org", "both@example.org"} {
		form := url.Values{"csrf": {html.UnescapeString(token[1])}, "email": {email}}
		said[i] = fetch(http.NewRequest("POST", ask, strings.NewReader(form.Encode())))
	}
	if said[0] != said[1] {
		a.t.Errorf("the answer tells whether an address is known")
	}
	var mail [][]byte
	a.in.eventually("the mail arrives", func() error {
		got, to := keeps.take()
		if mail = append(mail, got...); len(mail) == 0 {
			return errors.New("not yet")
		}
		if to != "both@example.org" {
			return fmt.Errorf("it went to %s", to)
		}
		return nil
	})
	_, text := readMail(a.t, mail[0])
	right := "http://" + a.in.edge + "/r/" + inside(text, "http://"+a.in.edge+"/r/", "\r\n")
	if kept := fetch(http.NewRequest("GET", right, nil)); !strings.Contains(kept, "mail_consents") {
		a.t.Errorf("the rights address shows %s", kept)
	}
}
