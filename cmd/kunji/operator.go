package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/event"
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
		Days int `default:"30" help:"How many days the address works, at most 365."`
	}
)

// person is whom a command is about.
type person struct {
	Site    string `required:"" help:"The site's id."`
	Visitor string `required:"" help:"The visitor's number, as /v1/me and exports show it." placeholder:"ID"`
}

type reason struct {
	Reason string `required:"" help:"Why, for the audit log, such as a ticket's number. Nothing that names a person."`
}

// maxReason bounds a reason in the audit log, in bytes.
const maxReason = 500

// asked is a person's site and number, and a reason, checked.
type asked struct {
	site    *site.Site
	visitor uint64
	reason  string
}

func (a *app) asked(p person, r reason) (cfg *Config, q asked, err error) {
	if cfg, err = a.load(); err != nil {
		return nil, q, err
	}
	if q.site, err = cfg.siteNamed(p.Site); err != nil {
		return nil, q, err
	}
	if q.visitor, err = parseVisitor(p.Visitor); err != nil {
		return nil, q, usagef("--visitor: %v", err)
	}
	if q.reason, err = checkReason(r.Reason); err != nil {
		return nil, q, usagef("--reason: %v", err)
	}
	return cfg, q, nil
}

// parseVisitor reads a visitor's number.
func parseVisitor(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, errors.New("write the visitor's number, such as 8117043560932261377")
	}
	return n, nil
}

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

// subjectName is how a person is called where the number must not stand.
func subjectName(ring *identity.Ring, siteID string, visitor uint64) string {
	return identity.FormatID(ring.SubjectHash(siteID, visitor))
}

// Run has a visitor erased. A service that runs here is told; else the request
// goes to ClickHouse, where the node that erases finds it.
func (c *eraseCmd) Run(ctx context.Context, a *app) error {
	cfg, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	order := erasureOrder{Site: q.site.ID, Visitor: q.visitor, Reason: q.reason, Actor: actor()}
	var done erasureTaken
	err = askService(ctx, cfg.DataDir, "POST", "/rights/erase", order, &done)
	if errors.Is(err, errNoService) {
		err = a.withRing(ctx, func(_ *Config, s *store.Store, ring *identity.Ring) error {
			done, err = eraseThere(ctx, s, ring, order, a.now())
			return err
		})
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "subject  %s\n%s\n", done.Subject, done.Note)
	return nil
}

// withRing is withStore with the key ring that is there.
func (a *app) withRing(ctx context.Context, f func(*Config, *store.Store, *identity.Ring) error) error {
	ring, _, err := a.ring()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(cfg *Config, s *store.Store) error { return f(cfg, s, ring) })
}

// erasureOrder is an operator's erasure, as it travels over the control socket.
type erasureOrder struct {
	Site    string `json:"site"`
	Visitor uint64 `json:"visitor,string"`
	Reason  string `json:"reason"`
	Actor   string `json:"actor"`
}

// erasureTaken is what becomes of it.
type erasureTaken struct {
	Subject string `json:"subject"`
	Note    string `json:"note"`
}

// eraseThere puts a tombstone into ClickHouse. Nodes that have not heard of it
// leave out late rows once they have, as with another node's.
func eraseThere(ctx context.Context, s *store.Store, ring *identity.Ring, o erasureOrder, now time.Time) (done erasureTaken, err error) {
	done.Subject = subjectName(ring, o.Site, o.Visitor)
	if err := s.Audit(ctx, erasureLine(o, done.Subject, now)); err != nil {
		return done, err
	}
	var b store.Batch
	b.Add(event.Record{Erasure: &event.Erasure{
		Site: o.Site, Hash: ring.SubjectHash(o.Site, o.Visitor), Subject: ring.SealSubject(o.Site, o.Visitor),
		Requested: now.UTC().Truncate(time.Millisecond), By: event.ByOperator,
	}})
	if err := s.Insert(ctx, "operator "+identity.FormatID(identity.NewID()), b); err != nil {
		return done, err
	}
	done.Note = "The node of this store that has jobs erases; `kunji sql \"SELECT step, receipt != '' FROM erasures FINAL\"` shows how far it is. " +
		"A cookie in the person's browser still counts: they withdraw at /choices/" + o.Site + ", or run this where the service runs."
	return done, nil
}

func erasureLine(o erasureOrder, subject string, now time.Time) store.Action {
	return store.Action{Time: now.UTC(), Actor: o.Actor, Action: "erasure_requested", Site: o.Site, Detail: "subject " + subject + ": " + o.Reason}
}

// eraseVisitor is an operator's erasure at a running service. It works while
// ClickHouse is away; then the log has the audit line.
func (s *service) eraseVisitor(ctx context.Context, o erasureOrder) (done erasureTaken, err error) {
	if s.edge == nil {
		return eraseThere(ctx, s.store, s.ring, o, time.Now())
	}
	done.Subject = subjectName(s.ring, o.Site, o.Visitor)
	ctx, cancel := context.WithTimeout(ctx, operatorWait)
	defer cancel()
	records, err := s.store.Records(ctx, o.Site, o.Visitor)
	done.Note = "What they granted is withdrawn. Erasing goes on in steps; the receipt stands in the table erasures."
	if err != nil {
		done.Note = "ClickHouse is away: erased when it is back, and what they granted is not withdrawn. Run this again then."
		s.log.Warn("kunji: the records of a person to be erased were not found", "error", err)
	}
	if err := s.edge.EraseVisitor(o.Site, o.Visitor, records); err != nil {
		return done, err
	}
	s.audit(ctx, erasureLine(o, done.Subject, time.Now()))
	return done, nil
}

// operatorWait is how long an operator's act waits for ClickHouse.
const operatorWait = 20 * time.Second

// audit writes a line of the audit log, into the service's own where that fails.
func (s *service) audit(ctx context.Context, line store.Action) {
	if err := s.store.Audit(ctx, line); err != nil {
		s.log.Error("kunji: audit line is not stored", "actor", line.Actor, "action", line.Action, "site", line.Site, "detail", line.Detail, "error", err)
	}
}

// Run prints everything that is kept about a visitor, as JSON.
func (c *exportCmd) Run(ctx context.Context, a *app) error {
	_, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	return a.withRing(ctx, func(_ *Config, s *store.Store, ring *identity.Ring) error {
		return exportVisitor(ctx, s, ring, q, actor(), a.now(), a.stdout)
	})
}

// visitorExport is what is kept about a visitor, to be handed out (policy 5.1).
type visitorExport struct {
	Site       string             `json:"site"`
	Subject    string             `json:"subject"`
	At         time.Time          `json:"at"`
	Controller site.Controller    `json:"controller"`
	Kept       []banner.KeptTable `json:"kept"`
}

// exportVisitor writes an export. The audit line comes first: nothing is handed
// out that it does not tell of.
func exportVisitor(ctx context.Context, s *store.Store, ring *identity.Ring, q asked, who string, now time.Time, to io.Writer) error {
	e := visitorExport{
		Site: q.site.ID, Subject: subjectName(ring, q.site.ID, q.visitor), At: now.UTC().Truncate(time.Second),
		Controller: q.site.Controller, Kept: []banner.KeptTable{},
	}
	tables, err := s.Everything(ctx, q.site.ID, q.visitor)
	if err != nil {
		return err
	}
	for _, t := range tables {
		e.Kept = append(e.Kept, banner.KeptTable(t))
	}
	line := store.Action{Time: now.UTC(), Actor: who, Action: "person_exported", Site: q.site.ID, Detail: "subject " + e.Subject + ": " + q.reason}
	if err := s.Audit(ctx, line); err != nil {
		return err
	}
	out := json.NewEncoder(to)
	out.SetIndent("", "  ")
	return out.Encode(e)
}

// Run prints an address where a visitor sees, copies and erases what is kept,
// for a person whose browser lost the cookie and whose right was checked.
func (c *rightsLinkCmd) Run(ctx context.Context, a *app) error {
	_, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	if c.Days < 1 || c.Days > int(identity.RightLifetime/day) {
		return usagef("--days %d: write 1 to %d", c.Days, int(identity.RightLifetime/day))
	}
	return a.withRing(ctx, func(_ *Config, s *store.Store, ring *identity.Ring) error {
		right := identity.VisitorRight{Site: q.site.ID, Visitor: q.visitor, Expires: a.now().Add(time.Duration(c.Days) * day)}
		line := store.Action{
			Time: a.now().UTC(), Actor: actor(), Action: "rights_link_made", Site: q.site.ID,
			Detail: fmt.Sprintf("subject %s, %s: %s", subjectName(ring, q.site.ID, q.visitor), count(c.Days, "day"), q.reason),
		}
		if err := s.Audit(ctx, line); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, strings.TrimSuffix(q.site.Endpoints[0].String(), "/")+"/r/"+ring.SealRight(right))
		return nil
	})
}
