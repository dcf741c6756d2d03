package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/link"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// mailer joins the edge's mail to what the store knows of recipients, for the
// console and for kunji mail. A mail address lives in it for as long as a call
// does.
type mailer struct {
	ring      *identity.Ring
	store     *store.Store
	withdrawn *withdrawal.Set // what this node's edge heard at once; nil without one
	sent      *sentCounts
	now       func() time.Time
}

func newMailer(ring *identity.Ring, s *store.Store, withdrawn *withdrawal.Set, now func() time.Time) *mailer {
	return &mailer{ring: ring, store: s, withdrawn: withdrawn, sent: newSentCounts(s.AddMailSent), now: now}
}

// prepared is a mail that is known whom it is for.
type prepared struct {
	campaign  event.Campaign
	recipient uint64
}

// Instrument makes mails of one site for their recipients, as far as each
// agreed, and counts them. What ClickHouse cannot say is not guessed: while it
// is away no mail is made.
func (m *mailer) Instrument(ctx context.Context, s *site.Site, mails []console.MailWanted) ([]console.MailResult, error) {
	results, ready := make([]console.MailResult, len(mails)), make([]prepared, len(mails))
	var recipients []uint64
	for i, w := range mails {
		if ready[i], results[i].Err = m.prepare(s, w); results[i].Err == nil {
			recipients = append(recipients, ready[i].recipient)
		}
	}
	said, err := m.store.MailConsent(ctx, s.ID, recipients)
	if err != nil {
		return nil, fmt.Errorf("look up what recipients said: %w", err)
	}
	var counts []store.MailSent
	for i, w := range mails {
		if results[i].Err != nil {
			continue
		}
		o := m.options(s, w, ready[i], said[ready[i].recipient])
		if results[i].Made, results[i].Err = makeMail(o, w); results[i].Err == nil && !w.Test {
			c := ready[i].campaign
			counts = append(counts, store.MailSent{
				Site: s.ID, Day: s.LocalDay(m.now()), Source: c.Source, Medium: c.Medium, Campaign: c.Name, Content: c.Content,
				Pixel: o.MayOpen, Links: o.MayClick, Mails: 1,
			})
		}
	}
	if err := m.sent.add(counts); err != nil {
		return nil, fmt.Errorf("count mails: %w", err)
	}
	return results, nil
}

// prepare checks a mail and finds its recipient.
func (m *mailer) prepare(s *site.Site, w console.MailWanted) (prepared, error) {
	if (w.HTML == "") == (w.Message == "") {
		return prepared{}, &report.Error{Parameter: "html", Problem: "must be there, or message, and not both", Fix: "send the mail's page as html, or all of it as message"}
	}
	address, err := mail.ParseAddress(w.Recipient)
	if err != nil {
		return prepared{}, &report.Error{Parameter: "recipient", Problem: "is not a mail address", Fix: "write it as name@example.org"}
	}
	c := event.Campaign{Source: w.Source, Medium: w.Medium, Name: w.Campaign, Content: w.Content, Term: w.Term, ID: w.ID}
	if c.Source == "" {
		c.Source = "newsletter"
	}
	if c.Medium == "" {
		c.Medium = "email"
	}
	if c, err = link.CheckCampaign(c); err != nil {
		return prepared{}, asAsked(err)
	}
	for name, text := range map[string]string{"ref": w.Ref, "list": w.List} {
		if len(text) > 255 {
			return prepared{}, &report.Error{Parameter: name, Problem: fmt.Sprintf("has %d bytes", len(text)), Fix: "write at most 255"}
		}
	}
	return prepared{c, address.Recipient(m.ring, s.ID)}, nil
}

// options say what the recipient agreed to: a no of either the store or this
// node's edge is a no, and a yes from before a material policy version is none.
func (m *mailer) options(s *site.Site, w console.MailWanted, p prepared, said store.MailState) mail.Options {
	o := mail.Options{
		Site: s.ID, Ring: m.ring, Campaign: p.campaign, Recipient: p.recipient, Sent: m.now(),
		MayOpen:      consent.MailChoice(s, said.Open, said.OpenAt) == event.Granted,
		MayClick:     consent.MailChoice(s, said.Click, said.ClickAt) == event.Granted,
		Unsubscribed: said.Unsubscribed(),
		Ref:          w.Ref, List: w.List, Exclude: w.Exclude, Trap: w.Trap, Test: w.Test,
	}
	for i, e := range s.Endpoints {
		if i == 0 {
			o.Endpoint = e.String()
			continue
		}
		o.Endpoints = append(o.Endpoints, e.String())
	}
	if m.withdrawn != nil {
		heard := m.withdrawn.Recipient(s.ID, p.recipient)
		o.MayOpen = o.MayOpen && heard.Open != withdrawal.Denied
		o.MayClick = o.MayClick && heard.Click != withdrawal.Denied
		o.Unsubscribed = o.Unsubscribed || heard.Unsubscribed()
	}
	if s.Status == site.Stopped { // nothing is collected: policy 7.7
		o.MayOpen, o.MayClick = false, false
	}
	return o
}

// makeMail makes one mail of a page or of a whole message.
func makeMail(o mail.Options, w console.MailWanted) (*console.MailMade, error) {
	made := &console.MailMade{Headers: map[string]string{}, Links: []console.MailLink{}, Tracked: o.MayClick}
	var headers []mail.Header
	var links []mail.Link
	if w.HTML != "" {
		result, err := mail.Instrument(o, []byte(w.HTML))
		if err != nil {
			return nil, instrumentError(err)
		}
		made.HTML, made.Pixel, made.Leave, made.Choices = string(result.HTML), result.Pixel, result.Unsubscribe, result.Choices
		headers, links = result.Headers, result.Links
	} else {
		result, err := mail.InstrumentMessage(o, []byte(w.Message))
		if err != nil {
			return nil, instrumentError(err)
		}
		made.Message, made.Pixel, made.Leave, made.Choices = string(result.Message), result.Pixel, result.Unsubscribe, result.Choices
		headers, links = result.Headers, result.Links
	}
	for _, h := range headers {
		made.Headers[h.Name] = h.Value
	}
	for _, l := range links {
		made.Links = append(made.Links, console.MailLink{Address: l.Address, Decision: l.Decision.String()})
	}
	return made, nil
}

// tried is nobody: a mail that is tried out needs a recipient, and its hits are
// not kept.
const tried = 1

// Preview makes a mail as for somebody who agreed to all.
func (m *mailer) Preview(s *site.Site, w console.MailWanted) (*console.MailMade, error) {
	w.Test, w.Recipient = true, "nobody@example.org"
	p, err := m.prepare(s, w)
	if err != nil {
		return nil, err
	}
	p.recipient = tried
	o := m.options(s, w, p, store.MailState{})
	o.MayOpen, o.MayClick, o.Unsubscribed = true, true, false
	return makeMail(o, w)
}

func instrumentError(err error) error {
	if errors.Is(err, mail.ErrUnsubscribed) {
		return console.ErrUnsubscribed
	}
	return &report.Error{Parameter: "html", Problem: "cannot be instrumented: " + err.Error(), Fix: "correct it and send it again"}
}

// Consents stores what recipients said.
func (m *mailer) Consents(ctx context.Context, by string, list []console.MailConsent) error {
	wrong := &report.FileError{}
	fault := func(c console.MailConsent, column, problem, fix string) {
		if len(wrong.Faults) < 20 {
			wrong.Faults = append(wrong.Faults, report.Fault{Line: c.Line, Column: column, Problem: problem, Fix: fix})
		} else {
			wrong.More = true
		}
	}
	now, out := m.now(), make([]event.Statement, 0, len(list))
	for _, c := range list {
		address, err := mail.ParseAddress(c.Recipient)
		if err != nil {
			fault(c, "recipient", "is not a mail address", "write it as name@example.org")
		}
		if c.Time.Before(time.Unix(0, 0)) || c.Time.Sub(now) > 4*time.Minute {
			fault(c, "time", "is before 1970 or still to come", "write when it was said")
		}
		out = append(out, event.Statement{
			Site: c.Site.ID, Recipient: address.Recipient(m.ring, c.Site.ID), Time: c.Time,
			Open: choice(c.Open), Click: choice(c.Click), All: choice(c.Mail), By: by, Proof: c.Proof,
		})
	}
	if len(wrong.Faults) > 0 {
		return wrong
	}
	return m.store.PutMailConsents(ctx, out)
}

func choice(s console.Said) event.Choice {
	switch s {
	case console.SaidYes:
		return event.Granted
	case console.SaidNo:
		return event.Denied
	}
	return event.Unset
}

// unsubscribeOverlap is by how much a list of who left reaches back the next
// time: an insert may become visible after a later one.
const unsubscribeOverlap = 5 * time.Minute

// Unsubscribes lists who left from since on, and where to go on.
func (m *mailer) Unsubscribes(ctx context.Context, s *site.Site, since time.Time) ([]console.MailLeft, time.Time, error) {
	const page = 10_000
	since = later(since, time.Unix(0, 0))
	all, err := m.store.Unsubscribes(ctx, s.ID, since)
	if err != nil {
		return nil, time.Time{}, err
	}
	left := make([]console.MailLeft, 0, len(all))
	for _, u := range all {
		ref, list, err := m.ring.OpenRef(s.ID, u.Sealed)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("read the names of who left %s: %w", s.ID, err)
		}
		left = append(left, console.MailLeft{Ref: ref, List: list, Time: u.Time})
	}
	next := since
	if len(all) > 0 {
		next = all[len(all)-1].Taken
	}
	if len(all) < page {
		next = later(since, next.Add(-unsubscribeOverlap))
	}
	return left, next, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
