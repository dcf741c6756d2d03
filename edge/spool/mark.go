package spool

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Mark is a small fact that stays until it is replaced or deleted: the newest
// value of a key. Marks are no records: they have no position, are never read by
// Next nor acknowledged, and do not count as depth or bytes of the queue.
type Mark struct {
	Space byte // whose it is: each user of the spool has spaces of its own
	Key   []byte
	Value []byte
}

// ErrMarksMissing says that marks were lost to damage, or may have been, or are in
// an older state: their owner has to fetch them from where they also lie, and then
// call MarksWhole.
var ErrMarksMissing = errors.New("spool: marks are missing")

// maxMark bounds one mark's key and value, each.
const maxMark = 64 << 10

// sealedMark is a mark as it is stored.
type sealedMark struct{ key, value []byte }

func (m Mark) seal() sealedMark {
	key := markKey(m.Space, m.Key)
	return sealedMark{key: key, value: seal(key, m.Value)}
}

// markedSize returns the bytes that marks take in a batch.
func markedSize(marks []Mark) (size int, err error) {
	for _, m := range marks {
		if len(m.Key) > maxMark || len(m.Value) > maxMark {
			return 0, fmt.Errorf("%w: a mark with a key of %d and a value of %d bytes, at most %d each", ErrTooLarge, len(m.Key), len(m.Value), maxMark)
		}
		size += 2 + len(m.Key) + 1 + len(m.Value) + crcSize
	}
	if size > maxGroup {
		return 0, fmt.Errorf("%w: marks of %d bytes in one call, at most %d", ErrTooLarge, size, maxGroup)
	}
	return size, nil
}

func setMarks(batch *pebble.Batch, marks []sealedMark) {
	for _, m := range marks {
		_ = batch.Set(m.key, m.value, nil) // a batch in memory: no error
	}
}

// PutMarks keeps marks alone, all or none, on disk before it returns. A full spool
// takes them: what they say (a withdrawal) must not wait for the store. Errors:
// ErrTooLarge (over 1 MiB in all), ErrClosed, ErrFailed.
func (s *Spool) PutMarks(marks ...Mark) error {
	if _, err := markedSize(marks); err != nil {
		return err
	}
	return s.writeMarks(func(batch *pebble.Batch) {
		for _, m := range marks {
			setMarks(batch, []sealedMark{m.seal()})
		}
	})
}

// DeleteMarks deletes the marks of a space with these keys, on disk before it
// returns. Keys without a mark are fine. Over 1 MiB of keys are deleted in several
// steps: a crash in between leaves the rest.
func (s *Spool) DeleteMarks(space byte, keys ...[]byte) error {
	for len(keys) > 0 {
		n, size := 0, 0
		for n < len(keys) && (n == 0 || size+len(keys[n]) <= maxGroup) {
			size += 2 + len(keys[n])
			n++
		}
		err := s.writeMarks(func(batch *pebble.Batch) {
			for _, k := range keys[:n] {
				_ = batch.Delete(markKey(space, k), nil) // a batch in memory: no error
			}
		})
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (s *Spool) writeMarks(fill func(*pebble.Batch)) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	batch := s.db.NewBatch()
	defer batch.Close()
	if fill(batch); batch.Empty() {
		return nil
	}
	return s.sync(batch)
}

// Marks calls visit for the marks of a space in the order of their keys, as they
// were when it was called. key and value are valid only within the call;
// visit must not call the spool, and an error of it ends the reading and comes back. It returns ErrMarksMissing when some
// cannot be read, or when a salvage may have lost some: all that can be read has
// been visited, as far as an unreadable table block lets it. After such a block the
// next Open salvages the database, which reads on behind it.
func (s *Spool) Marks(space byte, visit func(key, value []byte) error) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	o := &pebble.IterOptions{LowerBound: []byte{prefixMark, space}, UpperBound: []byte{prefixMark, space + 1}}
	if space == 0xff {
		o.UpperBound = []byte{prefixMark + 1}
	}
	it, err := s.db.NewIter(o)
	if err != nil {
		return err
	}
	damaged, err := visitMarks(it, visit)
	err = errors.Join(err, it.Close()) // Close repeats the iterator's error
	switch {
	case err != nil && pebble.IsCorruptionError(err):
		return errors.Join(fmt.Errorf("%w: %w", ErrMarksMissing, err), s.setSealed(keyUnsound, nil))
	case err != nil:
		return err
	case damaged > 0:
		return fmt.Errorf("%w: %d fail their checksum", ErrMarksMissing, damaged)
	}
	return s.marksLost(space)
}

func visitMarks(it *pebble.Iterator, visit func(key, value []byte) error) (damaged int, err error) {
	for ok := it.First(); ok; ok = it.Next() {
		_, key, _ := markParts(it.Key())
		value, err := unseal(it.Key(), it.Value())
		if errors.Is(err, errDamaged) {
			damaged++
			continue
		}
		if err == nil {
			err = visit(key, value)
		}
		if err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

// marksLost returns ErrMarksMissing if the database was salvaged since the owner of
// the space said that nothing is missing.
func (s *Spool) marksLost(space byte) error {
	salvaged, err := s.getSealed(keySalvaged)
	if err != nil || salvaged == nil {
		return err
	}
	whole, err := s.getSealed(wholeKey(space))
	if err != nil || string(whole) == string(salvaged) {
		return err
	}
	return fmt.Errorf("%w: the database was salvaged", ErrMarksMissing)
}

// MarksWhole says that the owner of a space has put again whatever a salvage may
// have lost: Marks stops returning ErrMarksMissing for it.
func (s *Spool) MarksWhole(space byte) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	salvaged, err := s.getSealed(keySalvaged)
	if err != nil || salvaged == nil {
		return err
	}
	return s.setSealed(wholeKey(space), salvaged)
}

func wholeKey(space byte) []byte { return append(append([]byte{}, keySalvaged...), space) }

// setSealed writes a key that holds one small value. The caller has entered.
func (s *Spool) setSealed(key, body []byte) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	_ = batch.Set(key, seal(key, body), nil) // a batch in memory: no error
	return s.sync(batch)
}

// salvagedAt is the value of keySalvaged.
func salvagedAt(now int64) []byte {
	return seal(keySalvaged, binary.BigEndian.AppendUint64(nil, uint64(now)))
}
