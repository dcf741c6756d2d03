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
// records, newest first. Tombstone, withdrawal and its proof are on disk when it
// returns nil.
func (s *Server) EraseVisitor(siteID string, visitor uint64, records [][16]byte) error {
	st := s.site([]byte(siteID))
	if st == nil || visitor == 0 {
		return fmt.Errorf("edge: erase: site %q or its visitor is not known", siteID)
	}
	now := s.opts.Now()
	tomb := s.tombstone(st.ID, visitor, now)
	tomb.By = event.ByOperator
	kept := []event.Record{{Erasure: tomb}}
	var marks []withdrawal.Mark
	var back []withdrawal.Entry
	for _, id := range records {
		e := s.opts.Withdrawn.Act(withdrawal.Entry{Site: st.ID, Record: id})
		m, err := s.opts.Withdrawn.Marks(e)
		if err != nil {
			return err //nolint:wrapcheck // it says what and where already
		}
		marks, back = append(marks, m...), append(back, e)
	}
	if len(records) > 0 {
		kept = append(kept, event.Record{Consent: operatorEntry(st, records[0], now)})
	}
	if err := s.keep(marks, kept...); err != nil {
		return err
	}
	s.opts.Withdrawn.Apply(back...)
	return nil
}

// operatorEntry is the ledger's proof of a withdrawal that an operator wrote
// down. Like every decision that grants nothing it names nobody and no minute;
// no notice was shown.
func operatorEntry(st *site.Site, record [16]byte, now time.Time) *event.Consent {
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
