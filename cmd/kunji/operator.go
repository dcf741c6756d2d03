package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// What operators do for people who ask by mail or telephone (policy 5.1 to 5.3).
// Each act stands in the audit log with its reason, and without whom it
// concerned: a person is named there by the keyed hash that receipts have too.

type (
	eraseCmd struct {
		person
		reason
	}
	exportCmd struct {
		person
		reason
	}
	rightsLinkCmd struct {
		person
		reason
		Days int `help:"How many days a visitor's address works, at most 365; 30 without it. A recipient's works 30 minutes, until something is changed with it."`
	}
)

type reason struct {
	Reason string `required:"" help:"Why, for the audit log, such as a ticket's number. Nothing that names a person."`
}

// maxReason bounds a reason in the audit log, in bytes.
const maxReason = 500

// checkReason refuses what the audit log cannot use, or must not hold.
func checkReason(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || len(text) > maxReason:
		return "", fmt.Errorf("write why, in at most %d bytes", maxReason)
	case strings.Contains(text, "@"):
		return "", errors.New("a mail address does not belong into the audit log: write the ticket's number")
	}
	return text, nil
}

// actor names whoever runs a command in the audit log.
func actor() string {
	if u, err := user.Current(); err == nil {
		return "shell " + u.Username
	}
	return "shell"
}

// operatorWait is how long an operator's act waits for ClickHouse.
const operatorWait = 20 * time.Second

// audit writes a line of the audit log, into the service's own where that fails.
func (s *service) audit(ctx context.Context, line store.Action) {
	if err := s.store.Audit(ctx, line); err != nil {
		s.log.Error("kunji: audit line is not stored", "actor", line.Actor, "action", line.Action, "site", line.Site, "detail", line.Detail, "error", err)
	}
}

// Run prints everything that is kept about a person, as JSON.
func (c *exportCmd) Run(ctx context.Context, a *app) error {
	_, ring, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		e, err := exportPerson(ctx, s, ring, q, actor(), a.now())
		if err != nil {
			return err
		}
		out := json.NewEncoder(a.stdout)
		out.SetIndent("", "  ")
		return out.Encode(e)
	})
}

// personExport is what is kept about a person, to be handed out (policy 5.1).
type personExport struct {
	Site       string             `json:"site"`
	Subject    string             `json:"subject"`
	At         time.Time          `json:"at"`
	Controller site.Controller    `json:"controller"`
	Kept       []banner.KeptTable `json:"kept"`
}

// exportPerson makes an export. When it returns, the audit log tells of it:
// nothing is handed out that it does not know.
func exportPerson(ctx context.Context, s *store.Store, ring *identity.Ring, q asked, who string, now time.Time) (e personExport, err error) {
	e = personExport{
		Site: q.Site, Subject: q.subject(ring), At: now.UTC().Truncate(time.Second), Controller: q.of.Controller, Kept: []banner.KeptTable{},
	}
	var tables []store.Kept
	if q.Recipient != 0 {
		tables, err = s.EverythingOfRecipient(ctx, q.Site, q.Recipient)
	} else {
		tables, err = s.Everything(ctx, q.Site, q.Visitor)
	}
	if err != nil {
		return e, err
	}
	for _, t := range tables {
		e.Kept = append(e.Kept, banner.KeptTable(t))
	}
	line := store.Action{Time: now.UTC(), Actor: who, Action: "person_exported", Site: q.Site, Detail: "subject " + e.Subject + ": " + q.reason}
	return e, s.Audit(ctx, line)
}

// defaultRightDays is how long a visitor's address works unless it is said.
const defaultRightDays = 30

// Run prints an address where a person sees, copies and erases what is kept, for
// one whose browser lost the cookie, or who cannot ask by mail, and whose right
// was checked.
func (c *rightsLinkCmd) Run(ctx context.Context, a *app) error {
	_, ring, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	days := c.Days
	switch {
	case q.Recipient != 0 && days != 0:
		return usagef("--days: a recipient's address works %d minutes; leave it out", int(identity.MailRightLifetime/time.Minute))
	case days == 0:
		days = defaultRightDays
	case days < 0 || days > int(identity.RightLifetime/day):
		return usagef("--days %d: write 1 to %d", days, int(identity.RightLifetime/day))
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		now, works := a.now(), count(days, "day")
		token := ""
		if q.Recipient != 0 {
			works = count(int(identity.MailRightLifetime/time.Minute), "minute")
			token = ring.SealRecipientRight(identity.RecipientRight{Site: q.Site, Recipient: q.Recipient, Issued: now})
		} else {
			token = ring.SealRight(identity.VisitorRight{Site: q.Site, Visitor: q.Visitor, Expires: now.Add(time.Duration(days) * day)})
		}
		line := store.Action{
			Time: now.UTC(), Actor: actor(), Action: "rights_link_made", Site: q.Site,
			Detail: fmt.Sprintf("subject %s, %s: %s", q.subject(ring), works, q.reason),
		}
		if err := s.Audit(ctx, line); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, strings.TrimSuffix(q.of.Endpoints[0].String(), "/")+"/r/"+token)
		return nil
	})
}
