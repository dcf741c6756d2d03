package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Relay is the mail server that takes our letters (RFC 6409).
type Relay struct {
	Host           string
	Port           int // 465: TLS from the start (RFC 8314); else STARTTLS
	User, Password string
	From           string
	// TLS is for tests; nil verifies the host by the system's roots.
	TLS *tls.Config
	Now func() time.Time
}

// sendTimeout bounds one letter.
const sendTimeout = time.Minute

// Send sends a letter. Passwords and letters travel only over TLS, except to a
// server on this very machine that offers none. Its errors may quote the address:
// show them to nobody.
func (r Relay) Send(ctx context.Context, to string, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	client, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	if r.User != "" {
		if err := client.Auth(sasl.NewPlainClient("", r.User, r.Password)); err != nil {
			return fmt.Errorf("smtp: sign in: %w", err)
		}
	}
	message, err := r.message(to, l)
	if err != nil {
		return err
	}
	if err := client.SendMail(r.From, []string{to}, bytes.NewReader(message)); err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	_ = client.Quit() // it is taken over already
	return nil
}

// dial connects, with TLS unless the server is this machine's own and has none.
func (r Relay) dial(ctx context.Context) (*smtp.Client, error) {
	address := net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.TLS != nil {
		conf = r.TLS.Clone()
	}
	if conf.ServerName == "" {
		conf.ServerName = r.Host
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if r.Port == 465 {
		return smtp.NewClient(tls.Client(conn, conf)), nil
	}
	client, err := smtp.NewClientStartTLS(conn, conf)
	if err == nil {
		return client, nil
	}
	conn.Close()
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() || r.User != "" {
		return nil, fmt.Errorf("smtp: STARTTLS: %w", err)
	}
	if conn, err = d.DialContext(ctx, "tcp", address); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	client = smtp.NewClient(conn)
	if offered, _ := client.Extension("STARTTLS"); offered {
		client.Close()
		return nil, fmt.Errorf("smtp: %s offers STARTTLS and it failed", r.Host)
	}
	return client, nil
}

// message writes a letter as a mail (RFC 5322), automatic and not to be answered
// by machines (RFC 3834).
func (r Relay) message(to string, l Letter) ([]byte, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	_, domain, _ := strings.Cut(r.From, "@")
	var b bytes.Buffer
	for _, field := range [][2]string{
		{"From", r.From}, {"To", to}, {"Subject", mime.QEncoding.Encode("utf-8", l.Subject)},
		{"Date", r.Now().Format(time.RFC1123Z)}, {"Message-ID", "<" + hex.EncodeToString(id[:]) + "@" + domain + ">"},
		{"Auto-Submitted", "auto-replied"}, {"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		if strings.ContainsAny(field[1], "\r\n") {
			return nil, fmt.Errorf("smtp: the %s of a letter has a line break", field[0])
		}
		b.WriteString(field[0] + ": " + field[1] + "\r\n")
	}
	b.WriteString("\r\n")
	text := quotedprintable.NewWriter(&b)
	if _, err := text.Write([]byte(strings.ReplaceAll(l.Text, "\n", "\r\n"))); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if err := text.Close(); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return b.Bytes(), nil
}
