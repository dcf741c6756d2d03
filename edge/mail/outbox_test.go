package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/kunjicloud/kunji/edge/identity"
)

// mailServer is a real SMTP server that refuses so many letters first.
type mailServer struct {
	mu     sync.Mutex
	refuse int
	got    []string // "to\n" and the message
	plain  int      // sessions without TLS
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &mailSession{mailServer: m, secure: secure}, nil
}

type mailSession struct {
	*mailServer
	secure bool
	to     string
}

func (*mailSession) Reset()                               {}
func (*mailSession) Logout() error                        { return nil }
func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.secure {
		s.plain++
	}
	if s.refuse > 0 {
		s.refuse--
		return &smtp.SMTPError{Code: 451, Message: "try later, " + s.to}
	}
	s.got = append(s.got, s.to+"\n"+string(b))
	return err
}

func (m *mailServer) letters() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.got...)
}

// TestOutbox: a letter goes out over STARTTLS, over refusals and a restart, once;
// neither disk nor log names who gets it; what is over is not sent.
func TestOutbox(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	post := &mailServer{refuse: 3}
	server := smtp.NewServer(post)
	server.Domain, server.TLSConfig = "localhost", &tls.Config{Certificates: web.TLS.Certificates}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()

	ring, err := identity.NewRing(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	relay := Relay{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, From: "privacy@shop.example", TLS: &tls.Config{RootCAs: roots}, Now: time.Now}
	dir := filepath.Join(t.TempDir(), "outbox")
	open := func() *Outbox {
		t.Helper()
		b, err := OpenOutbox(OutboxOptions{
			Dir: dir, Retry: time.Millisecond, Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)), Send: relay.Send,
			Seal: func(plain []byte) string { return ring.Seal(identity.Letter, plain) },
			Open: func(sealed string) ([]byte, error) { return ring.Unseal(identity.Letter, sealed) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	run := func(b *Outbox, until func() bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.Run(ctx) }()
		for deadline := time.Now().Add(30 * time.Second); !until(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Error("it never came")
				break
			}
		}
		cancel()
		<-done
	}
	anna, err := ParseAddress("anna@shop.example")
	if err != nil {
		t.Fatal(err)
	}
	first := open()
	if err := first.Post(anna, Letter{Subject: "数据", Text: "Look here:\nhttps://t.shop.example/r/secret\n", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := first.Post(anna, Letter{Subject: "over", Until: time.Now().Add(-time.Second)}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), "anna") || strings.Contains(string(b), "secret") {
			t.Errorf("the disk says %s, %v", b, err)
		}
	}
	run(first, func() bool { post.mu.Lock(); defer post.mu.Unlock(); return post.refuse == 1 })
	second := open() // the process was started again
	run(second, func() bool { return second.Waiting() == 0 })
	got := post.letters()
	if len(got) != 1 || !strings.HasPrefix(got[0], "anna@shop.example\n") || !strings.Contains(got[0], "https://t.shop.example/r/secret") ||
		!strings.Contains(got[0], "Auto-Submitted: auto-replied") || !strings.Contains(got[0], "Subject: =?utf-8?q?") {
		t.Errorf("the server got %q", got)
	}
	if post.plain != 0 {
		t.Errorf("%d letters travelled without TLS", post.plain)
	}
	if strings.Contains(log.String(), "anna") || !strings.Contains(log.String(), "was not sent") {
		t.Errorf("the log says %s", log.String())
	}
}
