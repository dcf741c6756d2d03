package spool

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// PutManifest keeps b, on disk before it returns: what the reader is about to
// deliver, so that every retry repeats exactly that. There is one; the next one
// replaces it, Ack and SetAside clear it.
func (s *Spool) PutManifest(b []byte) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	batch := s.db.NewBatch()
	defer batch.Close()
	s.mu.Lock()
	value := manifestValue(b, s.cursor)
	s.mu.Unlock()
	_ = batch.Set(keyManifest, value, nil) // a batch in memory: no error
	if err := s.sync(batch); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manifest = append([]byte{}, b...)
	return nil
}

// Manifest returns the manifest put last, false if Ack or SetAside cleared it or
// there never was one.
func (s *Spool) Manifest() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.manifest == nil {
		return nil, false
	}
	return append([]byte{}, s.manifest...), true
}

func manifestValue(b []byte, cursor Seq) []byte {
	return seal(keyManifest, append(binary.BigEndian.AppendUint64(nil, uint64(cursor)), b...))
}

// manifestOf returns the manifest in a value's body if it belongs to the cursor,
// else nil.
func manifestOf(body []byte, cursor Seq) []byte {
	if len(body) < 8 || Seq(binary.BigEndian.Uint64(body)) != cursor {
		return nil
	}
	return body[8:]
}

// Cursor returns the position of the last acknowledged record, 0 for none.
func (s *Spool) Cursor() Seq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Ack says that everything through the given position is delivered: the cursor
// moves there, groups behind it are deleted and the manifest is cleared, all in
// one synced batch. A position already acknowledged only clears the manifest; one
// that was never stored is an error.
func (s *Spool) Ack(through Seq) error { return s.AckMarked(through) }

// AckMarked is Ack, and keeps marks in the same synced batch.
func (s *Spool) AckMarked(through Seq, marks ...Mark) error {
	if _, err := markedSize(marks); err != nil {
		return err
	}
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	batch := s.db.NewBatch()
	defer batch.Close()
	for _, m := range marks {
		setMarks(batch, []sealedMark{m.seal()})
	}
	return s.moveCursor(batch, through, asideTotals{})
}

// moveCursor commits batch together with the cursor's move; added is what the
// batch sets aside. The caller holds reader.
func (s *Spool) moveCursor(batch *pebble.Batch, through Seq, added asideTotals) error {
	s.mu.Lock()
	cursor, stored, head, tail := s.cursor, s.stored, s.head, s.tail
	s.mu.Unlock()
	if through > stored {
		return fmt.Errorf("spool: acknowledging record %d: the last one stored is %d", through, stored)
	}
	through = max(through, cursor)
	it, err := s.queueIter(stored)
	if err != nil {
		return err
	}
	defer it.Close()
	next, err := s.headAfter(it, through, tail, head)
	if err != nil {
		return fmt.Errorf("spool: acknowledging record %d: %w", through, err)
	}
	// In-memory batch operations return no errors.
	_ = batch.Set(keyCursor, seal(keyCursor, binary.BigEndian.AppendUint64(nil, uint64(through))), nil)
	_ = batch.Delete(keyManifest, nil)
	if next.first > head.first {
		_ = batch.DeleteRange(groupKey(head.first), groupKey(next.first), nil)
	}
	if err := s.sync(batch); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.at == 0 && s.stored > stored { // its first group came meanwhile
		next.at = s.opts.Now().UnixNano()
	}
	s.cursor, s.head, s.manifest = through, next, nil
	s.aside.add(added)
	return nil
}

// headAfter returns the first group that is not wholly acknowledged when the
// cursor is at through, or tail if there is none. Where a damaged group hides what
// was written before it, it takes the totals of fallback.
func (s *Spool) headAfter(it *pebble.Iterator, through Seq, tail, fallback place) (place, error) {
	for ok := s.seekHolding(it, through+1); ok; ok = it.Next() {
		first, _ := groupKeySeq(it.Key())
		if first >= tail.first {
			break
		}
		info, err := decodeGroup(first, it.Value())
		if err != nil {
			last, err := s.lastBeforeNext(first, it)
			if err != nil {
				return place{}, err
			}
			if last > through {
				return place{first: first, records: fallback.records, bytes: fallback.bytes}, nil
			}
			continue
		}
		if first+Seq(info.count) > through+1 {
			return place{first: first, records: info.recordsBefore, bytes: info.bytesBefore, at: info.at}, nil
		}
	}
	if err := it.Error(); err != nil {
		if !pebble.IsCorruptionError(err) || fallback == tail {
			return place{}, err
		}
		return place{first: through + 1, records: fallback.records, bytes: fallback.bytes}, nil
	}
	return tail, nil
}
