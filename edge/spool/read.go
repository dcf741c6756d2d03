package spool

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

const (
	defaultRecords = 10_000
	defaultBytes   = 8 << 20
)

// Next returns the records after the given position, in order, from whole groups
// as far as the limits allow, and waits for the first one until ctx ends (its
// error) or the spool is closed (ErrClosed). Records already acknowledged are not
// returned again. Damaged records are set aside on the way and left out.
func (s *Spool) Next(ctx context.Context, after Seq, limits Limits) ([]Record, error) {
	if limits.Records <= 0 {
		limits.Records = defaultRecords
	}
	if limits.Bytes <= 0 {
		limits.Bytes = defaultBytes
	}
	for {
		wait, through, err := s.available(&after)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			records, examined, err := s.scan(ctx, after, through, limits)
			if err != nil || len(records) > 0 {
				return records, err
			}
			after = examined
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Read returns the records from first to last that are still there, without
// waiting: what a manifest names, read again.
func (s *Spool) Read(ctx context.Context, first, last Seq) ([]Record, error) {
	if first == 0 || last < first {
		return nil, fmt.Errorf("spool: reading records %d to %d: positions start at 1 and ascend", first, last)
	}
	after := first - 1
	wait, through, err := s.available(&after)
	if err != nil || wait != nil {
		return nil, err
	}
	var all []Record
	for last = min(last, through); after < last; {
		records, examined, err := s.scan(ctx, after, last, Limits{Records: defaultRecords, Bytes: defaultBytes})
		if err != nil {
			return nil, err
		}
		all, after = append(all, records...), examined
	}
	return all, nil
}

// available says how far the queue can be read. It moves after past what is
// acknowledged, and returns a channel to wait on when nothing is there yet.
func (s *Spool) available(after *Seq) (wait <-chan struct{}, through Seq, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed:
		return nil, 0, ErrFailed
	case s.closed:
		return nil, 0, ErrClosed
	}
	*after = max(*after, s.cursor)
	if s.stored > *after {
		return nil, s.stored, nil
	}
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.more, 0, nil
}

// scan reads records in (after, through] within the limits. examined is the last
// position looked at: everything up to it is in records or set aside.
func (s *Spool) scan(ctx context.Context, after, through Seq, limits Limits) (records []Record, examined Seq, err error) {
	leave, err := s.enter()
	if err != nil {
		return nil, after, err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	it, err := s.queueIter(through)
	if err != nil {
		return nil, after, err
	}
	defer it.Close()
	examined = after
	size := 0
	for ok := s.seekHolding(it, after+1); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return records, examined, err
		}
		first, _ := groupKeySeq(it.Key())
		value := append([]byte(nil), it.Value()...)
		got, last, err := s.openGroup(first, value, it)
		if err != nil {
			return records, examined, err
		}
		got = between(got, after, through)
		if len(got) > 0 && len(records) > 0 && (len(records)+len(got) > limits.Records || size+len(value) > limits.Bytes) {
			return records, examined, nil
		}
		records, size = append(records, got...), size+len(value)
		examined = max(examined, min(last, through))
	}
	if err := it.Error(); err != nil {
		if !pebble.IsCorruptionError(err) {
			s.health.note(err, s.opts.Now())
			return records, examined, fmt.Errorf("spool: reading after record %d: %w", examined, err)
		}
		if len(records) > 0 {
			return records, examined, nil
		}
		examined, err = s.skipUnreadable(examined, through)
		return nil, examined, err
	}
	return records, max(examined, through), nil
}

// queueIter iterates over the groups that are not wholly acknowledged, up to
// through. The lower bound spares it the tombstones of everything before.
func (s *Spool) queueIter(through Seq) (*pebble.Iterator, error) {
	s.mu.Lock()
	head := s.head.first
	s.mu.Unlock()
	return s.db.NewIter(&pebble.IterOptions{LowerBound: groupKey(head), UpperBound: groupKey(through + 1)})
}

// seekHolding positions it at the group that may hold seq: the last one that does
// not start after it, else the first one. Going backwards touches the block before,
// which may be the damaged one, so that comes last.
func (s *Spool) seekHolding(it *pebble.Iterator, seq Seq) bool {
	if it.SeekGE(groupKey(seq)) {
		if first, _ := groupKeySeq(it.Key()); first == seq {
			return true
		}
	}
	if it.First() {
		first, _ := groupKeySeq(it.Key())
		info, err := decodeGroup(first, it.Value())
		if first > seq || err == nil && first+Seq(info.count) > seq {
			return true
		}
	}
	return it.SeekLT(groupKey(seq))
}

// openGroup returns the sound records of a group and its last position. Damaged
// ones are set aside. it stands at the group; it is asked for the next group's
// position when this one's header cannot tell how many records it has.
func (s *Spool) openGroup(first Seq, value []byte, it *pebble.Iterator) (records []Record, last Seq, err error) {
	info, err := decodeGroup(first, value)
	if err != nil {
		last, err := s.lastBeforeNext(first, it)
		if err != nil {
			return nil, 0, err
		}
		return nil, last, s.setDamagedAside(first, last, value, "group fails its checksum")
	}
	last = first + Seq(info.count) - 1
	records = make([]Record, 0, info.count)
	rest := value[groupHeader:]
	for seq := first; seq <= last; seq++ {
		var payload, raw []byte
		payload, raw, rest, err = s.splitRecord(rest)
		if errors.Is(err, errNoKey) {
			return nil, 0, fmt.Errorf("spool: record %d: %w", seq, err)
		}
		if err == nil {
			records = append(records, Record{Seq: seq, Payload: payload})
			continue
		}
		through := seq
		if rest == nil && seq < last { // nothing behind it can be found any more
			through = last
		}
		if err := s.setDamagedAside(seq, through, raw, "record fails its checksum"); err != nil {
			return nil, 0, err
		}
		seq = through
	}
	return records, last, nil
}

// lastBeforeNext returns the position just before the group that follows first.
func (s *Spool) lastBeforeNext(first Seq, it *pebble.Iterator) (Seq, error) {
	next, err := it.Clone(pebble.CloneOptions{})
	if err != nil {
		return 0, err
	}
	defer next.Close()
	if next.SeekGE(groupKey(first + 1)) {
		seq, _ := groupKeySeq(next.Key())
		return seq - 1, nil
	}
	if err := next.Error(); err != nil && !pebble.IsCorruptionError(err) {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(first, s.stored), nil
}

// skipUnreadable sets aside the positions after the given one that lie in a
// damaged table block, and returns the last of them.
func (s *Spool) skipUnreadable(after, through Seq) (Seq, error) {
	next, err := nextReadable(after+1, through, func(seq Seq) (Seq, error) {
		it, err := s.queueIter(through)
		if err != nil {
			return 0, err
		}
		defer it.Close()
		if it.SeekGE(groupKey(seq)) {
			first, _ := groupKeySeq(it.Key())
			return first, nil
		}
		return through + 1, it.Error()
	})
	if err != nil {
		return after, fmt.Errorf("spool: looking for records behind damage at %d: %w", after+1, err)
	}
	if next <= after+1 {
		return after, fmt.Errorf("spool: record %d cannot be read: %w", after+1, errDamaged)
	}
	err = s.setDamagedAside(after+1, next-1, nil, "unreadable table block, kept in "+s.logs.keptIn())
	return next - 1, err
}

// nextReadable returns the first position behind damage at from: it tries in
// growing steps, then halves. Steps are few on purpose: Pebble answers each try
// within damage by searching for the flipped bit, which takes up to seconds. try
// returns the first group at or behind a position.
func nextReadable(from, through Seq, try func(Seq) (Seq, error)) (Seq, error) {
	bad, good, found := from, through+1, through+1
	probe := func(seq Seq) (ok bool, err error) {
		first, err := try(seq)
		if err != nil && !pebble.IsCorruptionError(err) {
			return false, err
		}
		if err == nil {
			good, found = seq, first
			return true, nil
		}
		bad = seq
		return false, nil
	}
	for seq, step := from, Seq(1); seq <= through && step > 0; seq, step = seq+step, step*2 {
		if ok, err := probe(seq); err != nil {
			return 0, err
		} else if ok {
			break
		}
	}
	for bad+1 < good {
		if _, err := probe(bad + (good-bad)/2); err != nil {
			return 0, err
		}
	}
	return found, nil
}

// between returns the records with after < Seq <= through.
func between(records []Record, after, through Seq) []Record {
	for len(records) > 0 && records[0].Seq <= after {
		records = records[1:]
	}
	for len(records) > 0 && records[len(records)-1].Seq > through {
		records = records[:len(records)-1]
	}
	return records
}
