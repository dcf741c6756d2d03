package server

import (
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// EraseVisitor is an operator's erasure of one visitor (policy 5.3), asked for
// by the person by mail or telephone. What they granted is taken back with it,
// or the cookie in their browser would begin anew: records are their consent
// records. Tombstone, withdrawals and their proof are on disk when it returns nil.
func (s *Server) EraseVisitor(siteID string, visitor uint64, records [][16]byte) error {
	st := s.site([]byte(siteID))
	if st == nil || visitor == 0 {
		return fmt.Errorf("edge: erase: site %q or its visitor is not known", siteID)
	}
	tomb := s.tombstone(st.ID, visitor, s.opts.Now())
	tomb.By = event.ByOperator
	return s.withdraw(st, records, event.Record{Erasure: tomb})
}

// Withdraw takes consent records of a site back. It is on disk, and on its way to
// other nodes, when it returns nil.
func (s *Server) Withdraw(siteID string, records [][16]byte) error {
	st := s.site([]byte(siteID))
	if st == nil {
		return fmt.Errorf("edge: withdraw: site %q is not known", siteID)
	}
	return s.withdraw(st, records)
}

// withdraw keeps, in one sync, others, and of each record that it never counts
// again: a mark for this node, and an entry of the ledger, from which other nodes
// hear of it.
func (s *Server) withdraw(st *site.Site, records [][16]byte, others ...event.Record) error {
	now := s.opts.Now()
	kept := others
	var marks []withdrawal.Mark
	var back []withdrawal.Entry
	for _, id := range records {
		e := s.opts.Withdrawn.Act(withdrawal.Entry{Site: st.ID, Record: id})
		m, err := s.opts.Withdrawn.Marks(e)
		if err != nil {
			return err //nolint:wrapcheck // it says what and where already
		}
		marks, back = append(marks, m...), append(back, e)
		kept = append(kept, event.Record{Consent: WithdrawalEntry(st, id, now)})
	}
	if err := s.keep(marks, kept...); err != nil {
		return err
	}
	s.opts.Withdrawn.Apply(back...)
	return nil
}

// EraseRecipient is an operator's erasure of one mail recipient: what was measured
// goes, nothing more is, and who had unsubscribed stays so. Both are on disk when it
// returns nil.
func (s *Server) EraseRecipient(siteID string, recipient uint64) error {
	st := s.site([]byte(siteID))
	if st == nil || recipient == 0 {
		return fmt.Errorf("edge: erase: site %q or its recipient is not known", siteID)
	}
	// A rights address that was made in this second ends too.
	next := s.opts.Now().Truncate(time.Second).Add(time.Second)
	return s.eraseRecipient(st, recipient, next, event.ByOperator)
}

// eraseRecipient keeps a recipient's tombstone, with a no to all that their mail
// measures; earliest is the first moment that the no may be dated at. One sync puts
// both on disk.
func (s *Server) eraseRecipient(st *site.Site, recipient uint64, earliest time.Time, by event.Requester) error {
	denied := withdrawal.Entry{Site: st.ID, Recipient: recipient, Open: withdrawal.Denied, Click: withdrawal.Denied, Time: earliest}
	return s.state(denied, event.Statement{By: string(by)}, event.Record{Erasure: &event.Erasure{
		Site: st.ID, Hash: s.opts.Ring.RecipientHash(st.ID, recipient), Subject: s.opts.Ring.SealRecipient(st.ID, recipient),
		Requested: s.opts.Now().UTC().Truncate(time.Millisecond), By: by,
	}})
}

// WithdrawalEntry is the ledger's proof of a withdrawal that an operator wrote
// down. Like every decision that grants nothing it names nobody and no minute;
// no notice was shown.
func WithdrawalEntry(st *site.Site, record [16]byte, now time.Time) *event.Consent {
	var denied consent.Record
	for _, use := range st.Purposes {
		denied.Choices[use.ID] = consent.Choice{Decision: consent.Denied, Version: use.Version}
	}
	e := &event.Consent{
		Site: st.ID, Time: now.UTC().Truncate(time.Hour), Method: "withdraw", Surface: "api",
		PolicyVersion: st.Policy.Current().Number, Previous: record, Withdraws: true,
		KeepUntil: st.LocalDay(now) + int32(st.RetainConsents/(24*time.Hour)),
	}
	e.Purposes, _ = denied.Ledger()
	return e
}
