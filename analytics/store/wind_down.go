package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A wind-down takes a site out of the store for good (policy 7.7), by the steps of
// an erasure, which are written to wind_downs when they are reached:
//
//	requested ──▶ listed ──▶ deleted ──▶ masked ──▶ done
//
// From the first on, nothing about the site is stored any more, by any node once
// it has heard of it. What stays is proof: the consents without their subject, in
// their chains and for their term, with their checkpoints and wordings; receipts
// of erasures; the audit log for its own. None of it leads to a person.

// siteTables are those whose rows of a site go, with a partition that no row is in.
// Of consents only the subjects do.
var siteTables = map[string]string{
	"events": "196912", "touches": "196912", "sales": "196912", "visitor_days": "196912",
	"campaign_day": "196912", "campaign_keeping": "ID 'none'", "keeping_days": "ID 'none'", "refusals": "196912", "notices": "196912",
	"mail_consents": "ID 'none'", "mail_sent": "1969", "mail_told": "ID 'none'",
	"ad_costs": "1969", "rates": "ID 'none'", "console_state": "ID 'none'", "consents": "1969",
}

// ErrWoundDown says that a site was wound down.
var ErrWoundDown = errors.New("store: the site was wound down: nothing about it is stored any more")

// WindDown is a site's wind-down and, once it is done, its receipt.
type WindDown struct {
	Site            string
	Begun, Finished time.Time
	By, Reason      string
	Rows            uint64 // deleted, of all tables
	Consents        uint64 // left without their subject
	State           string // of ErasureStates
	Signature       []byte // over all but reason and state
	step            uint8
	stepped         time.Time
}

// Message is what the signature is over.
func (w *WindDown) Message() []byte {
	b := appendText([]byte("kunji/wind-down/1\x00"), w.Site)
	for _, n := range []uint64{uint64(w.Begun.UnixMilli()), uint64(w.Finished.UnixMilli()), w.Rows, w.Consents} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return appendText(b, w.By)
}

var windDownTable = table[WindDown]{"wind_downs", []column[WindDown]{
	term("site", func(w *WindDown) string { return w.Site }),
	moment("begun", func(w *WindDown) time.Time { return w.Begun }),
	term("begun_by", func(w *WindDown) string { return w.By }),
	text("reason", func(w *WindDown) string { return w.Reason }),
	small("step", func(w *WindDown) uint8 { return w.step }),
	moment("stepped", func(w *WindDown) time.Time { return w.stepped }),
	word("rows", func(w *WindDown) uint64 { return w.Rows }),
	word("consents", func(w *WindDown) uint64 { return w.Consents }),
	text("receipt", func(w *WindDown) string { return string(w.Signature) }),
}}

// BeginWindDown begins it, unless it was: then it goes on as it is. When it
// returns, this process stores nothing more about the site.
func (s *Store) BeginWindDown(ctx context.Context, w WindDown) error {
	all, err := s.WindDowns(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(had WindDown) bool { return had.Site == w.Site }) {
		return nil
	}
	w.Begun, w.step = w.Begun.UTC().Truncate(time.Millisecond), stepRequested
	w.stepped = w.Begun
	if err := insertOwn(ctx, s, windDownTable, []*WindDown{&w}); err != nil {
		return err
	}
	s.wound.add(w.Site)
	s.inserting.Lock() // what is under way had not heard of it
	defer s.inserting.Unlock()
	return nil
}

// WindDowns returns those that there are, by site. What they are about is left out
// of every insert from then on.
func (s *Store) WindDowns(ctx context.Context) ([]WindDown, error) {
	all, err := s.windDowns(ctx, "true", nil)
	for _, w := range all {
		s.wound.add(w.Site)
	}
	return all, err
}

func (s *Store) windDowns(ctx context.Context, which string, params map[string]any) (all []WindDown, err error) {
	rows, err := s.query(ctx, "read wind-downs", "SELECT site, begun, begun_by, reason, step, stepped, rows, consents, receipt FROM wind_downs FINAL WHERE "+which+" ORDER BY site, begun", params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w WindDown
		var receipt string
		if err := rows.Scan(&w.Site, &w.Begun, &w.By, &w.Reason, &w.step, &w.stepped, &w.Rows, &w.Consents, &receipt); err != nil {
			return nil, err
		}
		w.Begun, w.State, w.Signature = w.Begun.UTC(), ErasureStates()[min(w.step, stepDone)], []byte(receipt)
		if w.step == stepDone {
			w.Finished = w.stepped.UTC()
		}
		all = append(all, w)
	}
	return all, rows.Err()
}

// WindDownOptions are what the job needs of its caller.
type WindDownOptions struct {
	Signer Signer
	Settle time.Duration // as EraseOptions.Settle
	// Drained reports whether this node ships nothing any more that it kept before a
	// moment.
	Drained func(time.Time) bool
}

// WindDown goes on with the wind-downs that were begun, as far as it can now, and
// returns those that came to their end. The job that calls Erase calls it.
func (s *Store) WindDown(ctx context.Context, o WindDownOptions) (done []WindDown, err error) {
	waiting, err := s.windDowns(ctx, "step < {done:UInt8} AND (step > 0 OR taken <= now64(3) - toIntervalMillisecond({settle:Int64}))",
		map[string]any{"done": uint8(stepDone), "settle": o.Settle.Milliseconds()})
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	for i := range waiting {
		w := &waiting[i]
		s.wound.add(w.Site)
		if !o.Drained(w.Begun) {
			continue
		}
		if err := s.mutationsDone(ctx, siteTables); err != nil {
			return done, err
		}
		step := s.windBytes
		switch w.step {
		case stepRequested, stepListed:
			step = s.windRows
		case stepMasked:
			step = func(ctx context.Context, w *WindDown) error { return s.finishWindDown(ctx, w, o.Signer) }
		}
		if err := step(ctx, w); err != nil {
			return done, fmt.Errorf("store: wind down %s: %w", w.Site, err)
		}
		if w.step == stepDone {
			done = append(done, *w)
		}
	}
	return done, nil
}

// SiteRows counts what a wind-down of a site takes, by table; of consents those
// that name a visitor.
func (s *Store) SiteRows(ctx context.Context, site string) (map[string]uint64, error) {
	all := map[string]uint64{}
	for name := range siteTables {
		which := ""
		if name == "consents" {
			which = " AND subject != 0"
		}
		rows, err := s.query(ctx, "count a site's rows", "SELECT count() FROM "+name+" WHERE site = {site:String}"+which, map[string]any{"site": site})
		if err != nil {
			return nil, err
		}
		var n uint64
		for rows.Next() {
			err = rows.Scan(&n)
		}
		if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
		all[name] = n
	}
	return all, nil
}

// ProofUntil returns the last day of the term of a site's consents; zero where
// there are none.
func (s *Store) ProofUntil(ctx context.Context, site string) (day time.Time, err error) {
	rows, err := s.query(ctx, "read the term of proof", "SELECT max(keep_until) FROM consents WHERE site = {site:String} HAVING count() > 0", map[string]any{"site": site})
	if err != nil {
		return day, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&day); err != nil {
			return day, err
		}
	}
	return day, rows.Err()
}

// windRows takes a wind-down to the step deleted.
func (s *Store) windRows(ctx context.Context, w *WindDown) error {
	counts, err := s.SiteRows(ctx, w.Site)
	if err != nil {
		return err
	}
	if w.step == stepRequested {
		w.Rows, w.Consents = 0, counts["consents"]
		for name, n := range counts {
			if name != "consents" {
				w.Rows += n
			}
		}
		if err := s.reachWindDown(ctx, stepListed, w); err != nil {
			return err
		}
	}
	of := " WHERE site = " + quote(w.Site)
	for _, name := range slices.Sorted(maps.Keys(siteTables)) {
		if name == "consents" || counts[name] == 0 {
			continue
		}
		if err := s.change(ctx, "delete from "+name, "DELETE FROM "+s.form.change(name)+of); err != nil {
			return err
		}
	}
	const blank = "INSERT INTO consents SELECT * REPLACE (0 AS subject, toFixedString('', 16) AS salt, true AS erased) FROM (SELECT * FROM consents"
	if err := s.change(ctx, "blank consents", blank+of+" AND subject != 0 AND ("+place+") NOT IN (SELECT "+place+" FROM consents"+of+" AND erased))"); err != nil {
		return err
	}
	if err := s.catchUp(ctx, "consents"); err != nil {
		return err
	}
	if err := s.change(ctx, "blank consents", "DELETE FROM "+s.form.change("consents")+of+" AND subject != 0 AND ("+place+") IN (SELECT "+place+" FROM "+s.form.stored("consents")+of+" AND erased)"); err != nil {
		return err
	}
	if counts, err = s.SiteRows(ctx, w.Site); err != nil {
		return err
	}
	for name, n := range counts {
		if n > 0 {
			return fmt.Errorf("%d rows of %s are still there and are deleted again", n, name)
		}
	}
	return s.reachWindDown(ctx, stepDeleted, w)
}

// windBytes rewrites the parts without what was deleted.
func (s *Store) windBytes(ctx context.Context, w *WindDown) error {
	if err := s.applyMasks(ctx, siteTables); err != nil {
		return err
	}
	return s.reachWindDown(ctx, stepMasked, w)
}

// finishWindDown writes the receipt if the bytes are gone.
func (s *Store) finishWindDown(ctx context.Context, w *WindDown, signer Signer) error {
	if err := s.lookForOldParts(ctx, siteTables); err != nil {
		return err
	}
	oldest, err := s.oldestPart(ctx, siteTables)
	if err != nil {
		return err
	}
	if !oldest.IsZero() && !oldest.After(w.stepped) {
		return nil // a part from before still has the bytes
	}
	w.Finished = s.now().UTC().Truncate(time.Millisecond)
	w.Signature = signer.Sign(w.Site, w.Message())
	return s.reachWindDown(ctx, stepDone, w)
}

// reachWindDown writes that a step was reached, by ClickHouse's clock.
func (s *Store) reachWindDown(ctx context.Context, step uint8, w *WindDown) (err error) {
	if w.stepped, err = s.clock(ctx); err != nil {
		return err
	}
	if w.step, w.State = step, ErasureStates()[step]; step == stepDone {
		w.stepped = w.Finished
	}
	return insertOwn(ctx, s, windDownTable, []*WindDown{w})
}

// quote writes a text as a literal of SQL: mutations take no parameters.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
