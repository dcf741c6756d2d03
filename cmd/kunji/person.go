package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
)

// person is whom a command is about: one of the two.
type person struct {
	Site      string `required:"" help:"The site's id."`
	Visitor   string `required:"" xor:"person" placeholder:"ID" help:"A visitor's number, as /v1/me and exports show it, or the handle that a page gave to its server."`
	Recipient string `required:"" xor:"person" placeholder:"ADDRESS" help:"A mail address; - reads it from standard input, which no shell's history keeps."`
}

// somebody is a visitor or a mail recipient of a site; the other one is 0. A mail
// address never comes this far: it is hashed where it is read.
type somebody struct {
	Site      string `json:"site"`
	Visitor   uint64 `json:"visitor,string,omitempty"`
	Recipient uint64 `json:"recipient,string,omitempty"`
}

// hash names a person for good: in tombstones, receipts and the audit log.
func (p somebody) hash(ring *identity.Ring) [16]byte {
	if p.Recipient != 0 {
		return ring.RecipientHash(p.Site, p.Recipient)
	}
	return ring.SubjectHash(p.Site, p.Visitor)
}

// subject is the hash as it is written.
func (p somebody) subject(ring *identity.Ring) string { return identity.FormatID(p.hash(ring)) }

// asked is a person of a site, and a reason, checked.
type asked struct {
	somebody
	of     *site.Site
	reason string
}

// asked reads whom a command is about, with the ring that is there.
func (a *app) asked(p person, r reason) (cfg *Config, ring *identity.Ring, q asked, err error) {
	if cfg, err = a.load(); err != nil {
		return nil, nil, q, err
	}
	if q.of, err = cfg.siteNamed(p.Site); err != nil {
		return nil, nil, q, err
	}
	if q.reason, err = checkReason(r.Reason); err != nil {
		return nil, nil, q, usagef("--reason: %v", err)
	}
	if ring, _, err = a.ring(); err != nil {
		return nil, nil, q, err
	}
	q.Site = q.of.ID
	if p.Recipient == "" {
		if q.Visitor, err = parseVisitor(ring, q.Site, p.Visitor); err != nil {
			return nil, nil, q, usagef("--visitor: %v", err)
		}
		return cfg, ring, q, nil
	}
	if p.Recipient, err = a.orRead(p.Recipient, "the mail address"); err != nil {
		return nil, nil, q, err
	}
	if q.Recipient, err = parseRecipient(ring, q.Site, p.Recipient); err != nil {
		return nil, nil, q, usagef("--recipient: %v", err)
	}
	return cfg, ring, q, nil
}

// maxLine bounds a line of standard input.
const maxLine = 4 << 10

// maxHandle bounds what is read as a person.
const maxHandle = 1 << 10

// orRead returns what an option says, or where that is - a line of standard
// input: the command line is seen by the machine's other users and by its
// history.
func (a *app) orRead(option, what string) (string, error) {
	if option != "-" {
		return option, nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", usagef("%s did not come from standard input: write it there, in one line", what)
	}
	return line, nil
}

var errVisitor = errors.New("write the visitor's number, such as 8117043560932261377, or a handle of this site")

// parseVisitor reads a visitor's number, or a handle. No error repeats it.
func parseVisitor(ring *identity.Ring, siteID, text string) (uint64, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n != 0 {
		return n, nil
	}
	if len(text) <= maxHandle {
		if of, visitor, err := ring.OpenHandle(text); err == nil && of == siteID {
			return visitor, nil
		}
	}
	return 0, errVisitor
}

// parseRecipient reads a mail address as the site knows it. No error repeats it.
func parseRecipient(ring *identity.Ring, siteID, text string) (uint64, error) {
	address, err := mail.ParseAddress(text)
	if err != nil {
		return 0, errors.New("write the mail address as name@example.org")
	}
	return address.Recipient(ring, siteID), nil
}
