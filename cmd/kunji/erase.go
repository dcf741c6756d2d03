package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// Run has a person erased. A service that runs here is told; else the request
// goes to ClickHouse, where the node that erases finds it.
func (c *eraseCmd) Run(ctx context.Context, a *app) error {
	cfg, ring, q, err := a.asked(c.person, c.reason)
	if err != nil {
		return err
	}
	order := erasureOrder{somebody: q.somebody, Reason: q.reason, Actor: actor()}
	var done erasureTaken
	err = askService(ctx, cfg.DataDir, "POST", "/rights/erase", order, &done)
	if errors.Is(err, errNoService) {
		err = a.withStore(ctx, func(_ *Config, s *store.Store) error {
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

// erasureOrder is an operator's erasure, as it travels over the control socket.
type erasureOrder struct {
	somebody
	Reason string `json:"reason"`
	Actor  string `json:"actor"`
}

// line is its line of the audit log.
func (o erasureOrder) line(subject string, now time.Time) store.Action {
	return store.Action{Time: now.UTC(), Actor: o.Actor, Action: "erasure_requested", Site: o.Site, Detail: "subject " + subject + ": " + o.Reason}
}

// erasureTaken is what becomes of it.
type erasureTaken struct {
	Subject string `json:"subject"`
	Note    string `json:"note"`
}

// eraseThere puts a tombstone into ClickHouse, and for a mail recipient the no
// that keeps what was erased from beginning anew. Nodes that have not heard of it
// leave out late rows once they have, as with another node's.
func eraseThere(ctx context.Context, s *store.Store, ring *identity.Ring, o erasureOrder, now time.Time) (done erasureTaken, err error) {
	done.Subject = o.subject(ring)
	if err := s.Audit(ctx, o.line(done.Subject, now)); err != nil {
		return done, err
	}
	tomb := &event.Erasure{
		Site: o.Site, Hash: o.hash(ring), Requested: now.UTC().Truncate(time.Millisecond), By: event.ByOperator,
	}
	var b store.Batch
	if o.Recipient != 0 {
		tomb.Subject = ring.SealRecipient(o.Site, o.Recipient)
		b.Add(event.Record{Statement: &event.Statement{
			// It ends a rights address that was made in this second too.
			Site: o.Site, Recipient: o.Recipient, Time: now.UTC().Truncate(time.Second).Add(time.Second), Open: event.Denied, Click: event.Denied, By: string(event.ByOperator),
		}})
	} else {
		tomb.Subject = ring.SealSubject(o.Site, o.Visitor)
	}
	b.Add(event.Record{Erasure: tomb})
	if err := s.Insert(ctx, "operator "+identity.FormatID(identity.NewID()), b); err != nil {
		return done, err
	}
	done.Note = "The node of this store that has jobs erases; `kunji sql \"SELECT step, receipt != '' FROM erasures FINAL\"` shows how far it is."
	if o.Visitor != 0 {
		done.Note += " Then what the person granted is withdrawn; until then the cookie in their browser counts."
	}
	return done, nil
}

// erasePerson is an operator's erasure at a running service. A recipient's works
// while ClickHouse is away; then the log has the audit line.
func (s *service) erasePerson(ctx context.Context, o erasureOrder) (done erasureTaken, err error) {
	if s.edge == nil {
		return eraseThere(ctx, s.store, s.ring, o, time.Now())
	}
	done.Subject = o.subject(s.ring)
	ctx, cancel := context.WithTimeout(ctx, operatorWait)
	defer cancel()
	if o.Recipient != 0 {
		done.Note = "What their mail may measure is withdrawn, and who had unsubscribed stays so. Erasing goes on in steps; the receipt stands in the table erasures."
		err = s.edge.EraseRecipient(o.Site, o.Recipient)
	} else {
		done.Note, err = s.eraseVisitor(ctx, o.somebody)
	}
	if err != nil {
		return done, err
	}
	s.audit(ctx, o.line(done.Subject, time.Now()))
	return done, nil
}

// eraseVisitor erases nobody whose records cannot be looked up: their cookie would
// count until the job comes to them.
func (s *service) eraseVisitor(ctx context.Context, p somebody) (note string, err error) {
	records, err := s.records(ctx, p)
	if err != nil {
		// Not wrapped: a time-out of the console would mean something else to it.
		return "", fmt.Errorf("nobody was erased and nothing is withdrawn, for what the person granted cannot be looked up; run this again when ClickHouse answers and has what this node kept: /readyz and kunji_spool_records of /metrics tell: %v", err) //nolint:errorlint // see above
	}
	note = "No consent record of theirs was found, so none is withdrawn now: one that is on its way is when they are erased."
	if len(records) > 0 {
		note = "What they granted (" + count(len(records), "record") + ") is withdrawn."
	}
	return note + " Erasing goes on in steps; the receipt stands in the table erasures.", s.edge.EraseVisitor(p.Site, p.Visitor, records)
}

// records are a visitor's consent records, also those that this node kept a moment
// ago.
func (s *service) records(ctx context.Context, p somebody) ([][16]byte, error) {
	if err := (history{s.store, s.spool}).Settle(ctx); err != nil {
		return nil, err
	}
	return s.store.Records(ctx, p.Site, p.Visitor)
}
