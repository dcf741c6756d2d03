package snippets_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
)

const (
	endpoint = "https://t.shop.example"
	page     = "<html><body>\n<p>Gr\u00fc\u00dfe <a href=\"https://shop.example/offers?a=1&amp;b=2\">Offers</a></p>\n</body></html>\n"
)

// post is an SMTP server that keeps what it is given.
type post struct {
	mu   sync.Mutex
	mail [][]byte
	to   []string
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &postSession{p}, nil }

type postSession struct{ *post }

func (s *postSession) Reset()                               {}
func (s *postSession) Logout() error                        { return nil }
func (s *postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = append(s.to, to)
	return nil
}

func (s *postSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, b)
	return err
}

func startPost(t *testing.T) (*post, string) {
	t.Helper()
	p := &post{}
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p, listener.Addr().String()
}

// startConsole answers as the console does: POST /api/v1/mail/instrument.
func startConsole(t *testing.T, ring *identity.Ring) string {
	t.Helper()
	console := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Site, Campaign, Recipient, Ref, List, HTML string }
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/mail/instrument" || r.Header.Get("Authorization") != "Bearer token-1" ||
			json.NewDecoder(r.Body).Decode(&in) != nil {
			http.Error(w, "no such thing", http.StatusForbidden)
			return
		}
		address, err := mail.ParseAddress(in.Recipient)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		made, err := mail.Instrument(mail.Options{
			Site: in.Site, Ring: ring, Endpoint: endpoint, Campaign: event.Campaign{Name: in.Campaign}, Recipient: address.Recipient(ring, in.Site),
			MayOpen: true, MayClick: true, Unsubscribed: in.Ref == "left", Ref: in.Ref, List: in.List,
		}, []byte(in.HTML))
		if errors.Is(err, mail.ErrUnsubscribed) {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		headers := map[string]string{}
		for _, h := range made.Headers {
			headers[h.Name] = h.Value
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"html": string(made.HTML), "headers": headers})
	}))
	t.Cleanup(console.Close)
	return console.URL
}

// senders are the programs under test: a command line to which options are
// added, with one or two hyphens.
func senders(t *testing.T) map[string][]string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "go-sender")
	if out, err := exec.Command("go", "build", "-o", program, "./go-sender").CombinedOutput(); err != nil {
		t.Fatalf("build go-sender: %v\n%s", err, out)
	}
	return map[string][]string{"Go": {program}, "Python": {"python3", "-B", "python-sender/send.py"}}
}

func send(command []string, console, server, token string, more ...string) (string, error) {
	args := append([]string{
		"--console", console, "--smtp", server, "--site", "shop", "--campaign", "spring", "--from", "News <news@shop.example>",
		"--to", "Anna <anna@example.org>", "--list", "weekly", "--subject", "Fr\u00fchling & more",
	}, more...)
	cmd := exec.Command(command[0], append(command[1:], args...)...)
	cmd.Env = append(os.Environ(), "KUNJI_TOKEN="+token)
	cmd.Stdin = strings.NewReader(page)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestSenders sends a mail with each sender through a console and an SMTP
// server and reads what arrived.
func TestSenders(t *testing.T) {
	ring, err := identity.NewRing(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	console := startConsole(t, ring)
	for name, command := range senders(t) {
		p, server := startPost(t)
		if out, err := send(command, console, server, "token-1", "--ref", "42"); err != nil || len(p.mail) != 1 || len(p.to) != 1 || p.to[0] != "anna@example.org" {
			t.Errorf("%s: %v, %d mails to %v\n%s", name, err, len(p.mail), p.to, out)
			continue
		}
		checkMail(t, name, ring, p.mail[0])

		for what, c := range map[string]struct{ token, ref, want string }{
			"unsubscribed":  {"token-1", "left", "unsubscribed"},
			"a wrong token": {"token-2", "42", "403"},
		} {
			out, err := send(command, console, server, c.token, "--ref", c.ref)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(p.mail) != 1 || !strings.Contains(out, c.want) {
				t.Errorf("%s, %s: %v, %d mails\n%s", name, what, err, len(p.mail), out)
			}
		}
		if out, err := send(command, "http://127.0.0.1:1", server, "token-1"); err == nil || len(p.mail) != 1 || strings.Contains(out, "Traceback") {
			t.Errorf("%s without a console: %v, %d mails\n%s", name, err, len(p.mail), out)
		}
	}
}

func checkMail(t *testing.T, name string, ring *identity.Ring, raw []byte) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, raw)
	}
	subject, err := new(mimeWords).decode(m.Header.Get("Subject"))
	if err != nil || subject != "Fr\u00fchling & more" || m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("%s: subject %q, %v, header %v", name, subject, err, m.Header)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	leave := strings.TrimSuffix(strings.TrimPrefix(m.Header.Get("List-Unsubscribe"), "<"+endpoint+"/u/"), ">")
	if l, err := ring.OpenLink(identity.Unsubscribe, leave); err != nil || l.Ref != "42" || l.List != "weekly" {
		t.Errorf("%s: List-Unsubscribe %q: %+v, %v", name, m.Header.Get("List-Unsubscribe"), l, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	click := between(text, endpoint+"/c/", `"`)
	if l, err := ring.OpenLink(identity.Click, click); err != nil || !strings.HasPrefix(l.Destination, "https://shop.example/offers?a=1&b=2&utm_") || l.Campaign.Name != "spring" {
		t.Errorf("%s: link %q: %+v, %v", name, click, l, err)
	}
	open := between(text, endpoint+"/o/", ".gif")
	if _, err := ring.OpenLink(identity.Open, open); err != nil || strings.Count(text, "<img") != 1 || !strings.Contains(text, "Gr\u00fc\u00dfe") {
		t.Errorf("%s: pixel %q, %v in %s", name, open, err, text)
	}
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}
