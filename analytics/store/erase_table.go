package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// erasures returns the requests that are not done, oldest first, without those
// that ClickHouse took less than settle ago.
func (s *Store) erasures(ctx context.Context, settle time.Duration) (all []*erasure, err error) {
	rows, err := s.query(ctx, "read erasures", "SELECT site, hash, requested, requested_by, step, subject, stepped, events, touches, consents FROM erasures FINAL "+
		"WHERE step < {done:UInt8} AND (step > 0 OR taken <= now64(3) - toIntervalMillisecond({settle:Int64})) "+
		"ORDER BY requested LIMIT {limit:UInt32}",
		map[string]any{"done": uint8(stepDone), "settle": settle.Milliseconds(), "limit": uint32(maxErasing)})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e := new(erasure)
		var hash string
		if err := rows.Scan(&e.Site, &hash, &e.Requested, &e.By, &e.step, &e.subject, &e.stepped, &e.Events, &e.Touches, &e.Consents); err != nil {
			return nil, err
		}
		copy(e.Hash[:], hash)
		all = append(all, e)
	}
	return all, rows.Err()
}

// steppedTable is erasures as the job writes it; a tombstone's row is written
// by erasureTable.
var steppedTable = table[erasure]{"erasures", []column[erasure]{
	term("site", func(e *erasure) string { return e.Site }),
	salt("hash", func(e *erasure) [16]byte { return e.Hash }),
	moment("requested", func(e *erasure) time.Time { return e.Requested }),
	term("requested_by", func(e *erasure) string { return e.By }),
	small("step", func(e *erasure) uint8 { return e.step }),
	text("subject", func(e *erasure) string { return e.subject }),
	word("events", func(e *erasure) uint64 { return e.Events }),
	word("touches", func(e *erasure) uint64 { return e.Touches }),
	word("consents", func(e *erasure) uint64 { return e.Consents }),
	moment("stepped", func(e *erasure) time.Time { return e.stepped }),
	text("receipt", func(e *erasure) string { return string(e.Signature) }),
}}

// reach writes that a step was reached, by ClickHouse's clock, which also says
// when a part went out of use.
func (s *Store) reach(ctx context.Context, step uint8, all []*erasure) error {
	at, err := s.clock(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		e.step, e.stepped = step, at
		if step == stepDone {
			e.stepped = e.Finished
		}
	}
	return insertOwn(ctx, s, steppedTable, all)
}

// clock is ClickHouse's time.
func (s *Store) clock(ctx context.Context) (at time.Time, err error) {
	return at, wrap("ask for the time", s.conn.QueryRow(ctx, "SELECT now64(3, 'UTC')").Scan(&at))
}

var (
	erasingTable          = peopleTable("erasing", "visitor")
	erasingRecipientTable = peopleTable("erasing_recipients", "recipient")
)

func peopleTable(name, who string) table[person] {
	return table[person]{name, []column[person]{
		term("site", func(p *person) string { return p.site }),
		word(who, func(p *person) uint64 { return p.visitor }),
	}}
}

// fillErasing puts the people into the tables that statements name. They travel
// as rows, never in a statement's text.
func (s *Store) fillErasing(ctx context.Context, all []*erasure) error {
	for _, e := range all {
		if (e.visitor == 0) == (e.recipient == 0) {
			return fmt.Errorf("store: an erasure at site %s names nobody, or a visitor and a recipient", e.Site)
		}
	}
	if err := s.clearErasing(ctx); err != nil {
		return err
	}
	visitors, recipients := split(all)
	if err := insertOwn(ctx, s, erasingTable, visitors); err != nil {
		return err
	}
	if err := insertOwn(ctx, s, erasingRecipientTable, recipients); err != nil {
		return err
	}
	if err := s.catchUp(ctx, "erasing", "erasing_recipients"); err != nil || len(recipients) == 0 {
		return err
	}
	return s.fillReturned(ctx, all)
}

// stillErasing makes sure that the statements before it found the people: an
// engine that was started again in between has empty tables, and what it was
// asked in their name did nothing.
func (s *Store) stillErasing(ctx context.Context, all []*erasure) error {
	visitors, recipients := split(all)
	var v, r uint64
	if err := s.conn.QueryRow(ctx, "SELECT (SELECT count() FROM erasing), (SELECT count() FROM erasing_recipients)").Scan(&v, &r); err != nil {
		return wrap("count the people being erased", err)
	}
	if v != uint64(len(visitors)) || r != uint64(len(recipients)) {
		return fmt.Errorf("store: ClickHouse was started again during an erasure of %d people, which is begun anew", len(all))
	}
	return nil
}

func (s *Store) clearErasing(ctx context.Context) error {
	for _, table := range []string{"erasing", "erasing_recipients", "erasing_returned"} {
		if err := s.change(ctx, "clear "+table, "TRUNCATE TABLE "+table); err != nil {
			return err
		}
	}
	return nil
}

// insertOwn inserts rows that this package made itself; to repeat it does no
// harm.
func insertOwn[T any](ctx context.Context, s *Store, t table[T], rows []*T) error {
	settings, err := s.ownSettings()
	if err != nil {
		return err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	reused := s.buffers.Get().(*buffers)
	defer s.buffers.Put(reused)
	return insert(ctx, s, t, rows, reused)
}

// Erasures returns how many erasures wait, and since when, and how many are
// done.
func (s *Store) Erasures(ctx context.Context) (waiting, done uint64, oldest time.Time, err error) {
	err = s.conn.QueryRow(ctx, "SELECT countIf(step < 4), countIf(step = 4), minIf(requested, step < 4) FROM erasures FINAL").Scan(&waiting, &done, &oldest)
	return waiting, done, oldest.UTC(), wrap("count erasures", err)
}

// ErasureStates names the steps of an erasure, in their order.
func ErasureStates() []string { return []string{"requested", "listed", "deleted", "masked", "done"} }

// Erasure returns the newest erasure of a person, by the keyed hash that
// tombstones have, and its state; "" where there is none. Finished and Signature
// are set once it is done.
func (s *Store) Erasure(ctx context.Context, site string, hash [16]byte) (r ErasureReceipt, state string, err error) {
	rows, err := s.query(ctx, "read an erasure", "SELECT requested, requested_by, step, stepped, events, touches, consents, receipt FROM erasures FINAL "+
		"WHERE site = {site:String} AND hash = unhex({hash:String}) ORDER BY requested DESC LIMIT 1",
		map[string]any{"site": site, "hash": hex.EncodeToString(hash[:])})
	if err != nil {
		return r, "", err
	}
	defer rows.Close()
	if !rows.Next() {
		return r, "", rows.Err()
	}
	var step uint8
	var stepped time.Time
	var receipt string
	if err := rows.Scan(&r.Requested, &r.By, &step, &stepped, &r.Events, &r.Touches, &r.Consents, &receipt); err != nil {
		return r, "", err
	}
	r.Site, r.Hash, r.Requested = site, hash, r.Requested.UTC()
	if step == stepDone {
		r.Finished, r.Signature = stepped.UTC(), []byte(receipt)
	}
	return r, ErasureStates()[min(step, stepDone)], nil
}
