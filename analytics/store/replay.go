package store

import (
	"context"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// Requests are what people asked for and a restored backup must not undo:
// erasures, what mail recipients said, consent records that were taken back; and
// which sites were wound down.
type Requests struct {
	Withdrawals []Withdrawal
	statements  []event.Statement
	erasures    []*erasure
	windDowns   []WindDown
}

// Erasures returns how many erasures there are, Statements how many of
// recipients.
func (r *Requests) Erasures() int { return len(r.erasures) }

// Statements returns how many statements of mail recipients there are.
func (r *Requests) Statements() int { return len(r.statements) }

// Add takes a record that was still in a spool; those that ask for nothing are
// left out.
func (r *Requests) Add(rec event.Record) {
	switch {
	case rec.Erasure != nil:
		e := rec.Erasure
		r.erasures = append(r.erasures, &erasure{
			ErasureReceipt: ErasureReceipt{Site: e.Site, Hash: e.Hash, Requested: e.Requested, By: string(e.By)}, subject: e.Subject,
		})
	case rec.Statement != nil:
		r.statements = append(r.statements, *rec.Statement)
	case rec.Consent != nil && rec.Consent.Withdraws:
		r.Withdrawals = append(r.Withdrawals, Withdrawal{Site: rec.Consent.Site, Time: rec.Consent.Time, Record: rec.Consent.Previous})
	}
}

// Requests reads everything that people asked for, from a store that a backup is
// about to replace.
func (s *Store) Requests(ctx context.Context) (r Requests, err error) {
	if r.erasures, err = s.allErasures(ctx); err != nil {
		return r, err
	}
	if r.statements, err = s.allStatements(ctx); err != nil {
		return r, err
	}
	if r.windDowns, err = s.WindDowns(ctx); err != nil {
		return r, err
	}
	r.Withdrawals, err = s.allWithdrawn(ctx)
	return r, err
}

func (s *Store) allWithdrawn(ctx context.Context) (all []Withdrawal, err error) {
	for cursor, more := "", true; more; {
		var page []Withdrawal
		if page, cursor, more, err = s.Withdrawn(ctx, cursor); err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	return all, nil
}

// Untold returns those of some withdrawals that this store does not tell of, each
// once.
func (s *Store) Untold(ctx context.Context, some []Withdrawal) (left []Withdrawal, err error) {
	told, err := s.allWithdrawn(ctx)
	if err != nil {
		return nil, err
	}
	known := map[[16]byte]bool{}
	for _, w := range told {
		known[w.Record] = true
	}
	for _, w := range some {
		if !known[w.Record] {
			known[w.Record] = true
			left = append(left, w)
		}
	}
	return left, nil
}

func (s *Store) allErasures(ctx context.Context) (all []*erasure, err error) {
	rows, err := s.query(ctx, "read erasures", "SELECT site, hash, requested, requested_by, step, subject, stepped, events, touches, consents, receipt FROM erasures FINAL", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e := new(erasure)
		var hash, receipt string
		if err := rows.Scan(&e.Site, &hash, &e.Requested, &e.By, &e.step, &e.subject, &e.stepped, &e.Events, &e.Touches, &e.Consents, &receipt); err != nil {
			return nil, err
		}
		copy(e.Hash[:], hash)
		e.Signature = []byte(receipt)
		all = append(all, e)
	}
	return all, rows.Err()
}

func (s *Store) allStatements(ctx context.Context) (all []event.Statement, err error) {
	rows, err := s.query(ctx, "read mail consents", "SELECT site, recipient, time, mail_open, mail_click, mailing, said_by, proof, sealed FROM mail_consents FINAL", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e event.Statement
		var open, click, mail uint8
		if err := rows.Scan(&e.Site, &e.Recipient, &e.Time, &open, &click, &mail, &e.By, &e.Proof, &e.Sealed); err != nil {
			return nil, err
		}
		e.Open, e.Click, e.All = event.Choice(open), event.Choice(click), event.Choice(mail)
		all = append(all, e)
	}
	return all, rows.Err()
}

// ReplayOptions are what Replay needs of the key ring: how tombstones name
// visitors and mail recipients, and how they seal them for the job.
type ReplayOptions struct {
	Subject, Recipient  func(site string, id uint64) [16]byte
	Seal, SealRecipient func(site string, id uint64) string
}

// Replay puts what people asked for since a backup into the store that was made
// of it, and returns how many people have to be erased again: Erase does it. Only
// a keyed hash is left of who was erased, so every visitor and every recipient that
// the backup holds is hashed and looked for. What a recipient said after they were
// erased has to come later, by ReplaySince: their erasure would take it.
func (s *Store) Replay(ctx context.Context, r Requests, o ReplayOptions) (again int, err error) {
	until, _ := r.parted(o.Recipient)
	if err := insertOwn(ctx, s, statementTable, until); err != nil {
		return 0, err
	}
	had, err := s.allErasures(ctx)
	if err != nil {
		return 0, err
	}
	gone := map[erasureKey]bool{} // what there is of the person came after their request
	for _, e := range had {
		gone[e.key()] = e.step >= stepDeleted
	}
	newer := map[string]map[[16]byte][]*erasure{} // by site and person
	var all []*erasure
	for _, e := range r.erasures {
		if gone[e.key()] {
			continue
		}
		if newer[e.Site] == nil {
			newer[e.Site] = map[[16]byte][]*erasure{}
		}
		newer[e.Site][e.Hash] = append(newer[e.Site][e.Hash], e)
		all = append(all, e)
	}
	for site, wanted := range newer {
		for _, sort := range []nameable{{visitorsOf, o.Subject, o.Seal}, {recipientsOf, o.Recipient, o.SealRecipient}} {
			n, err := s.findErased(ctx, site, wanted, sort)
			if err != nil {
				return 0, err
			}
			again += n
		}
	}
	if err := s.windDownAgain(ctx, r.windDowns); err != nil {
		return again, err
	}
	return again, insertOwn(ctx, s, steppedTable, all)
}

// ReplaySince puts into the store what mail recipients said after they were erased,
// once Erased says that nobody is being erased any more.
func (s *Store) ReplaySince(ctx context.Context, r Requests, o ReplayOptions) error {
	_, since := r.parted(o.Recipient)
	return insertOwn(ctx, s, statementTable, s.wound.filter(Batch{Statements: since}).Statements)
}

// parted parts what recipients said until their last erasure from what they said
// since.
func (r *Requests) parted(hash func(site string, id uint64) [16]byte) (until, since []*event.Statement) {
	erased := map[string]map[[16]byte]time.Time{} // by site and person
	for _, e := range r.erasures {
		if erased[e.Site] == nil {
			erased[e.Site] = map[[16]byte]time.Time{}
		}
		if e.Requested.After(erased[e.Site][e.Hash]) {
			erased[e.Site][e.Hash] = e.Requested
		}
	}
	for i := range r.statements {
		said := &r.statements[i]
		if at, ok := erased[said.Site][hash(said.Site, said.Recipient)]; ok && said.Time.After(at) {
			since = append(since, said)
		} else {
			until = append(until, said)
		}
	}
	return until, since
}

// windDownAgain begins the wind-downs anew that were not done in the backup.
func (s *Store) windDownAgain(ctx context.Context, all []WindDown) error {
	had, err := s.WindDowns(ctx)
	if err != nil {
		return err
	}
	finished := map[string]bool{}
	for _, w := range had {
		finished[w.Site] = w.step == stepDone
	}
	var rows []*WindDown
	for i := range all {
		if w := &all[i]; !finished[w.Site] {
			w.step, w.stepped, w.Rows, w.Consents, w.Signature = stepRequested, w.Begun, 0, 0, nil
			rows = append(rows, w)
		}
	}
	return insertOwn(ctx, s, windDownTable, rows)
}

// erasureKey is what tells one request from another.
type erasureKey struct {
	site      string
	hash      [16]byte
	requested int64
}

func (e *erasure) key() erasureKey { return erasureKey{e.Site, e.Hash, e.Requested.UnixMilli()} }

// replayParts is in how many steps the people of a site are read, so that
// telling them apart needs little memory.
const replayParts = 16

// nameable is a sort of people: where their ids stand, and what tombstones make
// of an id.
type nameable struct {
	ids  string // a query of two parameters, site and the remainder that is read
	hash func(site string, id uint64) [16]byte
	seal func(site string, id uint64) string
}

const (
	visitorsOf = "SELECT DISTINCT id FROM (SELECT visitor AS id FROM events WHERE site = {site:String} " +
		"UNION ALL SELECT visitor AS id FROM touches WHERE site = {site:String} " +
		"UNION ALL SELECT visitor AS id FROM sales WHERE site = {site:String} " +
		"UNION ALL SELECT visitor AS id FROM visitor_days WHERE site = {site:String} " +
		"UNION ALL SELECT subject AS id FROM consents WHERE site = {site:String}) WHERE id != 0 AND id % {parts:UInt64} = {part:UInt64}"
	recipientsOf = "SELECT DISTINCT id FROM (SELECT recipient AS id FROM events WHERE site = {site:String} " +
		"UNION ALL SELECT recipient AS id FROM mail_consents WHERE site = {site:String}) WHERE id != 0 AND id % {parts:UInt64} = {part:UInt64}"
)

// findErased begins anew the erasures of those people of a site who are there.
func (s *Store) findErased(ctx context.Context, site string, wanted map[[16]byte][]*erasure, sort nameable) (found int, err error) {
	for part := range replayParts {
		rows, err := s.query(ctx, "look for those who were erased", sort.ids,
			map[string]any{"site": site, "parts": uint64(replayParts), "part": uint64(part)})
		if err != nil {
			return 0, err
		}
		n, err := beginAnew(rows, site, wanted, sort)
		if err != nil {
			return 0, err
		}
		found += n
	}
	return found, nil
}

func beginAnew(rows *Rows, site string, wanted map[[16]byte][]*erasure, sort nameable) (found int, err error) {
	defer rows.Close()
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return found, err
		}
		requests := wanted[sort.hash(site, id)]
		if len(requests) > 0 {
			found++
		}
		for _, e := range requests {
			e.step, e.subject, e.stepped = stepRequested, sort.seal(site, id), time.Time{}
			e.Events, e.Touches, e.Consents, e.Signature = 0, 0, 0, nil
		}
	}
	return found, rows.Err()
}

// Erased reports whether nothing answers any more about those who asked to be
// erased, nor about sites that were wound down, and no part in use has it: what is left is to wait until ClickHouse has
// removed the parts before. A store that was restored serves nobody earlier.
func (s *Store) Erased(ctx context.Context) (bool, error) {
	var open uint64
	err := s.conn.QueryRow(ctx, fmt.Sprintf("SELECT (SELECT countIf(step < %d) FROM erasures FINAL) + (SELECT countIf(step < %d) FROM wind_downs FINAL)", stepMasked, stepMasked)).Scan(&open)
	return open == 0, wrap("count erasures", err)
}
