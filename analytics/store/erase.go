package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// An erasure goes through these steps, each written to the table erasures when
// it is reached, so that a job that died goes on where it was. Whatever a step
// does can be done twice.
//
//	requested ──▶ listed ──▶ deleted ──▶ masked ──▶ done
//
//	listed   what there is was counted; the days to rebuild are on disk
//	deleted  the rows answer no query: events and what views made of them for
//	         this visitor (touches, sales, visitor_days); the person's records in
//	         the ledger are blank; the days of the rollup, whose sketches hold
//	         hashes of ids, were made anew from the events that are left; and
//	         nothing of the person was found after that
//	masked   the parts were rewritten without those rows
//	done     the parts that still had them are gone from disk, the sealed id
//	         from the table; the receipt is signed
//
// The sender's name on an unsubscription that the sender was not told of stays
// beyond that, for 30 days at most (erase_mail.go).
//
// Requests are worked off together: one DELETE for all that wait.
const (
	stepRequested = iota
	stepListed
	stepDeleted
	stepMasked
	stepDone
)

// maxErasing bounds how many people one round erases.
const maxErasing = 10_000

// EraseOptions are what the erasing job needs of its caller.
type EraseOptions struct {
	// Unseal opens the subject of a tombstone: a visitor, or a mail recipient; the
	// other one is 0.
	Unseal func(site, sealed string) (visitor, recipient uint64, err error)
	Signer Signer
	// Settle is how long after ClickHouse took a tombstone its work begins: as long
	// as inserts of other nodes that have not heard of it may take. With one node,
	// whose records arrive in order, zero.
	Settle time.Duration
}

// ErasureReceipt says what an erasure did. It does not speak for the sender's sealed
// name on an unsubscription that the sender was not told of.
type ErasureReceipt struct {
	Site                string
	Hash                [16]byte // of the person, keyed: identity.Ring.SubjectHash, RecipientHash
	Requested, Finished time.Time
	By                  string
	// Events and Touches are rows deleted; Consents are rows blanked of a visitor, and
	// deleted or blanked of a recipient.
	Events, Touches, Consents uint64
	Signature                 []byte // over all of the above
}

// Message is what the signature is over.
func (r *ErasureReceipt) Message() []byte {
	b := appendText([]byte("kunji/erasure/1\x00"), r.Site)
	b = append(b, r.Hash[:]...)
	for _, n := range []uint64{uint64(r.Requested.UnixMilli()), uint64(r.Finished.UnixMilli()), r.Events, r.Touches, r.Consents} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return appendText(b, r.By)
}

// erasure is a row of the table erasures.
type erasure struct {
	ErasureReceipt
	step    uint8
	subject string // sealed
	stepped time.Time
	// visitor or recipient, the other one is 0
	visitor, recipient uint64
}

// split parts visitors from mail recipients.
func split(all []*erasure) (visitors, recipients []*person) {
	for _, e := range all {
		if e.recipient != 0 {
			recipients = append(recipients, &person{e.Site, e.recipient})
		} else {
			visitors = append(visitors, &person{e.Site, e.visitor})
		}
	}
	return visitors, recipients
}

// Erase goes on with the erasures that were asked for, as far as it can now,
// and returns the receipts of those that came to their end. Those under way are
// waiting for ClickHouse to remove old parts (eight minutes unless the tables
// say otherwise), or for a batch of this node that was tried and is repeated.
// One job per store calls it, every few seconds.
func (s *Store) Erase(ctx context.Context, o EraseOptions) ([]ErasureReceipt, error) {
	untidy := errors.Join(s.tidyErasures(ctx), s.eraseNamesSometimes(ctx))
	waiting, err := s.erasures(ctx, o.Settle)
	if err != nil || len(waiting) == 0 {
		return nil, errors.Join(untidy, err)
	}
	if err := s.mutationsDone(ctx, eraseTables); err != nil {
		return nil, err
	}
	round := map[uint8][]*erasure{}
	var unreadable []error
	for _, e := range waiting {
		if e.step < stepDeleted {
			if e.visitor, e.recipient, err = o.Unseal(e.Site, e.subject); err != nil {
				unreadable = append(unreadable, fmt.Errorf("store: an erasure at site %s, requested %s, names nobody that this key ring can read: %w", e.Site, e.Requested.UTC().Format(time.RFC3339), err))
				continue
			}
		}
		round[e.step] = append(round[e.step], e)
	}
	err = s.eraseRows(ctx, round[stepRequested], round[stepListed])
	if err == nil {
		err = s.eraseBytes(ctx, round[stepDeleted])
	}
	var done []ErasureReceipt
	if err == nil {
		done, err = s.finishErasures(ctx, round[stepMasked], o.Signer)
	}
	return done, errors.Join(append(unreadable, untidy, err)...)
}

// eraseRows takes requests to the step deleted.
func (s *Store) eraseRows(ctx context.Context, requested, listed []*erasure) error {
	all := append(requested, listed...)
	if len(all) == 0 {
		return nil
	}
	if len(requested) > 0 {
		if err := s.fillErasing(ctx, requested); err != nil {
			return err
		}
		if err := s.list(ctx, requested); err != nil {
			return err
		}
	}
	if err := s.fillErasing(ctx, all); err != nil {
		return err
	}
	visitors, recipients := split(all)
	if len(visitors) > 0 {
		if err := s.eraseVisitors(ctx); err != nil {
			return err
		}
	}
	if len(recipients) > 0 {
		if err := s.eraseRecipients(ctx); err != nil {
			return err
		}
	}
	if rebuilt, err := s.rebuild(ctx); err != nil || !rebuilt {
		return err
	}
	left, err := s.survivors(ctx)
	if err != nil {
		return err
	}
	if err := s.stillErasing(ctx, all); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("store: %d rows of erased people are still there and are erased again", left)
	}
	if err := s.clearErasing(ctx); err != nil {
		return err
	}
	return s.reach(ctx, stepDeleted, all)
}

// eraseVisitors takes their rows out of every table.
func (s *Store) eraseVisitors(ctx context.Context) error {
	for _, table := range []string{"events", "touches", "sales", "visitor_days"} {
		if err := s.change(ctx, "erase", "DELETE FROM "+s.form.change(table)+" WHERE (site, visitor) IN (SELECT site, visitor FROM erasing)"); err != nil {
			return err
		}
	}
	if err := s.change(ctx, "erase", blankConsents); err != nil {
		return err
	}
	if err := s.catchUp(ctx, "consents"); err != nil { // each replica looks for the blank copies
		return err
	}
	return s.change(ctx, "erase", s.form.deleteConsents())
}

// blankConsents copies the records without their subject, deleteConsents
// deletes those that have such a copy: one that came in between, or an
// interruption, costs no proof. The copies are new to those who ask what is: their
// ids, which cookies still name, never count again (Withdrawn).
const (
	blankConsents = "INSERT INTO consents SELECT * REPLACE (0 AS subject, toFixedString('', 16) AS salt, true AS erased, now64(3) AS taken) FROM " +
		"(SELECT * FROM consents WHERE (site, subject) IN (SELECT site, visitor FROM erasing) AND (" + place + ") NOT IN (SELECT " + place + " FROM consents WHERE erased))"
	place = "site, node, chain_seq, id, time"
)

func (f form) deleteConsents() string {
	return "DELETE FROM " + f.change("consents") + " WHERE (site, subject) IN (SELECT site, visitor FROM erasing) AND (" +
		place + ") IN (SELECT " + place + " FROM " + f.stored("consents") + " WHERE erased)"
}

// list counts what there is and writes down which days are to be rebuilt. Days
// whose events are at the end of their term are left alone: part of them may be
// gone already, and their sketches go with them.
func (s *Store) list(ctx context.Context, all []*erasure) error {
	const days = "INSERT INTO erasing_days SELECT DISTINCT site, local_day FROM events WHERE keep_until > today() AND "
	for _, who := range []string{
		"(site, visitor) IN (SELECT site, visitor FROM erasing)",
		"kind IN ('mail_open', 'mail_click') AND " + erasedOfRecipients,
	} {
		if err := s.change(ctx, "list the days of an erasure", days+who); err != nil {
			return err
		}
	}
	for _, t := range namingPeople {
		counts, err := s.countErasing(ctx, t, "true")
		if err != nil {
			return err
		}
		for _, e := range all {
			if t.count != nil {
				*t.count(e) += counts[t.person(e)]
			}
		}
	}
	if err := s.stillErasing(ctx, all); err != nil {
		return err
	}
	return s.reach(ctx, stepListed, all)
}

// change runs a statement that changes rows and returns when it is done.
func (s *Store) change(ctx context.Context, op, sql string, args ...any) error {
	settings, err := s.ownSettings()
	if err != nil {
		return err
	}
	defer s.rewriting()()
	return wrap(op, s.conn.Exec(clickhouse.Context(ctx, clickhouse.WithSettings(settings)), sql, args...))
}

// ownSettings are for statements and inserts that may be repeated without a
// token: the same days are made anew twice after a crash, and both count.
func (s *Store) ownSettings() (clickhouse.Settings, error) {
	version, err := s.conn.ServerVersion()
	if err != nil {
		return nil, wrap("connect", err)
	}
	settings := clickhouse.Settings{
		"async_insert": 0, "insert_deduplicate": 0, "input_format_native_allow_types_conversion": 1,
		"mutations_sync": 2, "lightweight_deletes_sync": 2, "allow_nondeterministic_mutations": 1,
	}
	s.form.settings(settings)
	if v := version.Version; v.Major > 26 || v.Major == 26 && v.Minor >= 2 {
		settings["deduplicate_insert"], settings["deduplicate_insert_select"] = "disable", "disable"
	}
	return settings, nil
}
