// Command go-sender sends one HTML mail by SMTP, with links and pixel as far as
// its recipient agreed. It needs the standard library alone.
//
//	KUNJI_TOKEN=… SMTP_PASSWORD=… go run . -console https://kunji.example:9080 \
//	    -site shop -campaign spring -smtp mail.example:587 -user news \
//	    -from news@shop.example -to anna@example.org -ref 42 -list spring \
//	    -subject "Spring offers" < mail.html
//
// With -listen it is a messenger of listmonk: see listmonk.go.
//
// It exits with 1 where the recipient has unsubscribed, and sends nothing then,
// nor where the console does not answer: a mail without its unsubscribe link
// must not go out.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "go-sender:", err)
		os.Exit(1)
	}
}

// instrumented is the console's answer.
type instrumented struct {
	HTML    string            `json:"html"`
	Headers map[string]string `json:"headers"`
}

// sender is where mails are made and handed over.
type sender struct {
	console, site, server string
	from                  *mail.Address
	auth                  smtp.Auth
}

// letter is what one recipient is to get.
type letter struct {
	to                                 *mail.Address
	campaign, ref, list, subject, page string
}

func run(args []string, stdin io.Reader) error {
	flags := flag.NewFlagSet("go-sender", flag.ContinueOnError)
	var s sender
	var l letter
	flags.StringVar(&s.console, "console", "http://127.0.0.1:9080", "address of the Kunji console")
	flags.StringVar(&s.site, "site", "", "site")
	flags.StringVar(&s.server, "smtp", "127.0.0.1:25", "SMTP server")
	flags.StringVar(&l.campaign, "campaign", "", "campaign")
	flags.StringVar(&l.ref, "ref", "", "your own name for the recipient")
	flags.StringVar(&l.list, "list", "", "your own name for the list")
	flags.StringVar(&l.subject, "subject", "", "subject")
	user := flags.String("user", "", "SMTP user; the password is SMTP_PASSWORD")
	from := flags.String("from", "", "sender")
	to := flags.String("to", "", "recipient")
	listen := flags.String("listen", "", "address to be a messenger of listmonk at, instead of sending one mail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *user != "" {
		host, _, _ := net.SplitHostPort(s.server)
		s.auth = smtp.PlainAuth("", *user, os.Getenv("SMTP_PASSWORD"), host)
	}
	var err error
	if s.from, err = mail.ParseAddress(*from); err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	if *listen != "" {
		return serve(*listen, s, l.list)
	}
	if l.to, err = mail.ParseAddress(*to); err != nil {
		return fmt.Errorf("-to: %w", err)
	}
	page, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	l.page = string(page)
	return s.send(l)
}

// errUnsubscribed is returned where nothing was sent because nothing may be.
var errUnsubscribed = errors.New("the recipient has unsubscribed; nothing was sent")

// send makes a mail as its recipient may get it, and hands it over.
func (s sender) send(l letter) error {
	made, err := instrument(s.console, map[string]string{
		"site": s.site, "campaign": l.campaign, "recipient": l.to.Address, "ref": l.ref, "list": l.list, "html": l.page,
	})
	if err != nil {
		return err
	}
	return smtp.SendMail(s.server, s.auth, s.from.Address, []string{l.to.Address}, message(s.from, l.to, l.subject, made))
}

// instrument asks the console for the mail as this recipient may get it.
func instrument(console string, request map[string]string) (made instrumented, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return made, err
	}
	r, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(console, "/")+"/api/v1/mail/instrument", bytes.NewReader(body))
	if err != nil {
		return made, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+os.Getenv("KUNJI_TOKEN"))
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		return made, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return made, json.NewDecoder(answer.Body).Decode(&made)
	case http.StatusConflict:
		return made, errUnsubscribed
	}
	problem, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return made, fmt.Errorf("the console answered %s: %s", answer.Status, bytes.TrimSpace(problem))
}

func message(from, to *mail.Address, subject string, made instrumented) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\n", from, to, mime.QEncoding.Encode("utf-8", subject))
	fmt.Fprintf(&b, "Date: %s\r\nMIME-Version: 1.0\r\n", time.Now().Format(time.RFC1123Z))
	names := make([]string, 0, len(made.Headers))
	for name := range made.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", name, made.Headers[name])
	}
	b.WriteString("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, made.HTML) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
