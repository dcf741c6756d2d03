package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// RewriteAside changes what was set aside and is not damaged: change returns what a
// payload becomes, nil to drop the record, the same bytes to leave it. It returns
// how many records it changed or dropped; their bytes are gone from the disk then.
func (s *Spool) RewriteAside(ctx context.Context, change func(payload []byte) ([]byte, error)) (changed int, err error) {
	_, err = s.changeAside(func(b *pebble.Batch, e asideEntry, key, value []byte) (gone, came asideTotals, err error) {
		if e.damaged {
			return gone, came, nil
		}
		size := e.totals(key, value)
		n, err := s.rewriteEntry(&e, change)
		if err != nil || n == 0 {
			return gone, came, err
		}
		changed += n
		if e.records == 0 {
			return size, came, b.Delete(key, nil)
		}
		key, value = e.encode()
		return size, e.totals(key, value), b.Set(key, value, nil)
	})
	if err != nil || changed == 0 {
		return 0, err
	}
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	return changed, s.db.Compact(ctx, []byte{prefixAside}, []byte{prefixAside + 1}, false)
}

// rewriteEntry changes an intact entry's records and returns how many it did.
func (s *Spool) rewriteEntry(e *asideEntry, change func(payload []byte) ([]byte, error)) (changed int, err error) {
	old := *e
	old.content = append([]byte(nil), e.content...) // a sealed record is opened in its place
	records, err := s.asideRecords(old)
	if err != nil {
		return 0, err
	}
	e.content, e.records = nil, 0
	for _, r := range records {
		became, err := change(r.Payload)
		if err != nil {
			return 0, fmt.Errorf("set-aside record %d: %w", r.Seq, err)
		}
		if !bytes.Equal(became, r.Payload) {
			changed++
		}
		if became == nil {
			continue
		}
		if e.content, err = s.appendRecord(binary.BigEndian.AppendUint64(e.content, uint64(r.Seq)), became); err != nil {
			return 0, err
		}
		e.records++
	}
	return changed, nil
}
