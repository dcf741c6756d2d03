package store

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/kunjicloud/kunji/edge/event"
)

// Batch is rows that are inserted together.
type Batch struct {
	Events   []*event.Event
	Consents []*event.Consent
	Refusals []*event.Refusal
	Notices  []*event.Notice
}

// Add puts a record where it belongs. The record is used until Insert returns.
func (b *Batch) Add(r event.Record) {
	switch {
	case r.Event != nil:
		b.Events = append(b.Events, r.Event)
	case r.Consent != nil:
		b.Consents = append(b.Consents, r.Consent)
	case r.Refusal != nil:
		b.Refusals = append(b.Refusals, r.Refusal)
	case r.Notice != nil:
		b.Notices = append(b.Notices, r.Notice)
	}
}

// Len returns how many records the batch holds.
func (b *Batch) Len() int {
	return len(b.Events) + len(b.Consents) + len(b.Refusals) + len(b.Notices)
}

// Insert stores the batch. The token names it: a second call with the same
// token changes nothing, whether the first one succeeded, failed halfway or
// was never answered, so a caller repeats until Insert returns nil, each time
// with the same rows. A batch may touch at most 100 months, or ClickHouse
// refuses it. Consents go first: no event stands without its record.
func (s *Store) Insert(ctx context.Context, token string, b Batch) error {
	if token == "" {
		return errors.New("store: insert without a token could not be repeated")
	}
	if b.Len() == 0 {
		return nil
	}
	settings, err := s.insertSettings(token)
	if err != nil {
		return err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	reused := s.buffers.Get().(*buffers)
	defer s.buffers.Put(reused)
	if err := insert(ctx, s, consentTable, b.Consents, reused); err != nil {
		return err
	}
	if err := insert(ctx, s, eventTable, b.Events, reused); err != nil {
		return err
	}
	if err := insert(ctx, s, refusalTable, b.Refusals, reused); err != nil {
		return err
	}
	return insert(ctx, s, noticeTable, b.Notices, reused)
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

// insert sends rows as one block: one block in is one block kept, whose token a
// repetition finds again.
func insert[T any](ctx context.Context, s *Store, t table[T], rows []*T, b *buffers) error {
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = "`" + c.name + "`"
	}
	statement := "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ")"
	if s.plain {
		b.block = t.appendBlock(b.block[:0], rows, &b.dictionary)
		return wrapInsert(t.name, s.conn.InsertFormat(ctx, "Native", statement, bytes.NewReader(b.block)))
	}
	batch, err := s.conn.PrepareBatch(ctx, statement)
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
