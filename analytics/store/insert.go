package store

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/kunjicloud/kunji/edge/event"
)

// Batch is rows that are inserted together.
type Batch struct {
	Events   []*event.Event
	Consents []*Entry // Chain gives them their places
	Refusals []*event.Refusal
	Notices  []*event.Notice
	Erasures []*event.Erasure
	Wordings []*event.Wording
	// Statements are what mail recipients said.
	Statements []*event.Statement

	prepared *prepared // events before these; nil: none
}

// Add puts a record where it belongs. The record is used until Insert returns.
func (b *Batch) Add(r event.Record) {
	switch {
	case r.Event != nil:
		b.Events = append(b.Events, r.Event)
	case r.Consent != nil:
		b.Consents = append(b.Consents, &Entry{Consent: r.Consent})
	case r.Refusal != nil:
		b.Refusals = append(b.Refusals, r.Refusal)
	case r.Notice != nil:
		b.Notices = append(b.Notices, r.Notice)
	case r.Erasure != nil:
		b.Erasures = append(b.Erasures, r.Erasure)
	case r.Wording != nil:
		b.Wordings = append(b.Wordings, r.Wording)
	case r.Statement != nil:
		b.Statements = append(b.Statements, r.Statement)
	}
}

// Len returns how many records the batch holds.
func (b *Batch) Len() int {
	return b.prepared.rows() + len(b.Events) + len(b.Consents) + len(b.Refusals) + len(b.Notices) + len(b.Erasures) + len(b.Wordings) + len(b.Statements)
}

// Insert stores the batch. The token names it: a second call with the same
// token changes nothing, whether the first one succeeded, failed halfway or
// was never answered, so a caller repeats until Insert returns nil, each time
// with the same rows. A batch may touch at most 100 months, or ClickHouse
// refuses it. Consents go before events: no event stands without its record.
// Tombstones go last: where one is, everything from before it is too. Rows that
// name somebody who was erased are left out, consents are blanked; so is all of a
// site that was wound down.
func (s *Store) Insert(ctx context.Context, token string, b Batch) error {
	if token == "" {
		return errors.New("store: insert without a token could not be repeated")
	}
	if b.Len() == 0 {
		return nil
	}
	if b.prepared != nil && len(b.Events) > 0 {
		return errors.New("store: events were added behind those that were prepared: call Prepare before Insert") // one token, one block
	}
	settings, err := s.insertSettings(token)
	if err != nil {
		return err
	}
	erasures := b.Erasures
	if b, err = s.forgotten.filter(ctx, s, b); err != nil {
		return err
	}
	s.inserting.RLock()
	defer s.inserting.RUnlock()
	b = s.wound.filter(b)
	s.unsettled.begin(token)
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	if err := s.insertAll(ctx, b); err != nil {
		if Permanent(err) {
			s.unsettled.end(token) // nobody repeats it
		}
		return err
	}
	s.unsettled.end(token)
	s.forgotten.add(erasures)
	return nil
}

func (s *Store) insertAll(ctx context.Context, b Batch) error {
	reused := s.buffers.Get().(*buffers)
	defer s.buffers.Put(reused)
	if err := insert(ctx, s, wordingTable, b.Wordings, reused); err != nil {
		return err
	}
	if err := insert(ctx, s, consentTable, b.Consents, reused); err != nil {
		return err
	}
	var err error
	if b.prepared != nil {
		err = insertBlock(ctx, s, b.prepared.block, reused)
	}
	if err == nil {
		err = insert(ctx, s, eventTable, b.Events, reused)
	}
	if err == nil {
		err = insert(ctx, s, refusalTable, b.Refusals, reused)
	}
	if err == nil {
		err = insert(ctx, s, noticeTable, b.Notices, reused)
	}
	if err == nil {
		err = insert(ctx, s, statementTable, b.Statements, reused)
	}
	if err == nil {
		err = insert(ctx, s, erasureTable, b.Erasures, reused)
	}
	if err != nil {
		return afterLedger{err}
	}
	return nil
}

// afterLedger is an error of an insert whose consents are stored.
type afterLedger struct{ error }

func (e afterLedger) Unwrap() error { return e.error }

// LedgerTaken reports whether the consents of a batch are stored although
// Insert returned err: the chain goes on behind them.
func LedgerTaken(err error) bool {
	var after afterLedger
	return errors.As(err, &after)
}

// insertSettings are named one by one: their defaults differ between versions
// of ClickHouse, and everything here rests on them.
func (s *Store) insertSettings(token string) (clickhouse.Settings, error) {
	version, err := s.conn.ServerVersion()
	if err != nil {
		return nil, wrap("connect", err)
	}
	settings := clickhouse.Settings{
		"async_insert":               0,
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"materialized_views_ignore_errors":                   0,
		"input_format_native_allow_types_conversion":         1,
	}
	s.form.settings(settings)
	// Since 26.2 this one overrules insert_deduplicate; older versions refuse it.
	if v := version.Version; v.Major > 26 || v.Major == 26 && v.Minor >= 2 {
		settings["deduplicate_insert"] = "enable"
	}
	return settings, nil
}

// table says how rows of type T become a block.
type table[T any] struct {
	name    string
	columns []column[T]
}

// usualRow is how many bytes a row of events takes in a block: a buffer that
// grows by itself is copied many times.
const usualRow = 160

// insert sends rows as one block: one block in is one block kept, whose token a
// repetition finds again.
func insert[T any](ctx context.Context, s *Store, t table[T], rows []*T, b *buffers) error {
	if len(rows) == 0 {
		return nil
	}
	if s.plain {
		block := t.block()
		block.add(rows)
		return insertBlock(ctx, s, block, b)
	}
	batch, err := s.conn.PrepareBatch(ctx, t.statement())
	if err != nil {
		return wrapInsert(t.name, err)
	}
	defer batch.Close()
	for i, c := range t.columns {
		if err := c.put(batch.Column(i), rows, b); err != nil {
			return wrapInsert(t.name, err)
		}
	}
	return wrapInsert(t.name, batch.Send())
}

func insertBlock[T any](ctx context.Context, s *Store, block *block[T], b *buffers) error {
	if block.rows == 0 {
		return nil
	}
	b.block = block.append(slices.Grow(b.block[:0], block.rows*usualRow))
	data := &lent{rest: b.block}
	defer data.takeBack()
	return wrapInsert(block.table.name, s.conn.InsertFormat(ctx, "Native", block.table.statement(), data))
}

// lent is the bytes of a request, until they are taken back to be used again: the
// connection of a request that was given up may still be reading them. What it
// did not read by then is an error to it, never the end of the data.
type lent struct {
	mu    sync.Mutex
	rest  []byte
	taken bool
}

var errTakenBack = errors.New("store: the insert was given up")

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.taken:
		return 0, errTakenBack
	case len(l.rest) == 0:
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lent) takeBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest, l.taken = nil, true
}

func (t table[T]) statement() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = "`" + c.name + "`"
	}
	return "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ")"
}
