package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
)

// RewriteAside changes what was set aside and is not damaged: change returns what a
// payload becomes, nil to drop the record, the same bytes to leave it. It returns
// how many records it changed or dropped; their bytes are gone from the disk then.
func (s *Spool) RewriteAside(ctx context.Context, change func(payload []byte) ([]byte, error)) (changed int, err error) {
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	batch := s.db.NewBatch()
	defer batch.Close()
	var before, after asideTotals
	err = s.eachAside(nil, func(e asideEntry, key, value []byte) error {
		if e.damaged {
			return nil
		}
		size := e.totals(key, value)
		n, err := s.rewriteEntry(&e, change)
		if err != nil || n == 0 {
			return err
		}
		changed += n
		before.add(size)
		if e.records == 0 {
			return batch.Delete(key, nil)
		}
		key, value = e.encode()
		after.add(e.totals(key, value))
		return batch.Set(key, value, nil)
	})
	if err != nil || batch.Empty() {
		return 0, err
	}
	if err := s.sync(batch); err != nil {
		return 0, err
	}
	s.mu.Lock()
	s.aside.remove(before)
	s.aside.add(after)
	s.mu.Unlock()
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
