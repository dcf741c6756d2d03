package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Aside is a batch of records that was set aside: by the reader because it cannot
// be delivered, or by the spool because it is damaged.
type Aside struct {
	Batch       Seq // names it; 0 for the torn ends of logs, whose positions are unknown
	First, Last Seq
	At          time.Time
	Reason      string
	Records     uint64
	Bytes       int64
	Damaged     bool // cannot be replayed
}

// asideTotals sum the entries.
type asideTotals struct {
	records uint64 // set aside by the reader
	damaged uint64
	bytes   int64
}

func (t *asideTotals) add(o asideTotals) {
	t.records += o.records
	t.damaged += o.damaged
	t.bytes += o.bytes
}

func (t *asideTotals) remove(o asideTotals) {
	t.records -= o.records
	t.damaged -= o.damaged
	t.bytes -= o.bytes
}

// eachAside calls visit for every entry of a batch, or of all batches. key and
// value are valid only within the call.
func (s *Spool) eachAside(batch *Seq, visit func(e asideEntry, key, value []byte) error) error {
	lower, upper := []byte{prefixAside}, []byte{prefixAside + 1}
	if batch != nil {
		lower, upper = asideKey(*batch, 0), asideKey(*batch+1, 0)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := visit(decodeAside(it.Key(), it.Value()), it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

func (s *Spool) loadAside() error {
	return s.eachAside(nil, func(e asideEntry, key, value []byte) error {
		s.aside.add(e.totals(key, value))
		if e.damaged {
			s.damaged[e.first] = struct{}{}
		}
		return nil
	})
}

// SetAside moves the records from first to last out of the queue, because they
// can never be delivered, and lets the cursor follow: they must be the next ones
// after it. They stay on disk until Options.KeepAside has passed, can be listed
// (Asides) and put back (Replay).
func (s *Spool) SetAside(first, last Seq, reason string) error {
	records, err := s.Read(context.Background(), s.Cursor()+1, last)
	if err != nil {
		return err
	}
	if len(records) == 0 || records[0].Seq < first {
		return fmt.Errorf("spool: setting records %d to %d aside: they are not the next ones after record %d", first, last, s.Cursor())
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
	at := s.opts.Now().UnixNano()
	var added asideTotals
	for name := records[0].Seq; len(records) > 0; {
		e := asideEntry{batch: name, first: records[0].Seq, batchLast: last, at: at, reason: reason}
		for len(records) > 0 && len(e.content)+8+s.overhead()+len(records[0].Payload) <= maxGroup-groupHeader {
			e.last = records[0].Seq
			e.content, err = s.appendRecord(binary.BigEndian.AppendUint64(e.content, uint64(e.last)), records[0].Payload)
			if err != nil {
				return err
			}
			e.records++
			records = records[1:]
		}
		key, value := e.encode()
		_ = batch.Set(key, value, nil) // a batch in memory: no error
		added.add(e.totals(key, value))
	}
	return s.moveCursor(batch, last, added)
}

// setDamagedAside keeps what was found of the records from first to last, and
// counts them, once. The caller holds reader.
func (s *Spool) setDamagedAside(first, last Seq, raw []byte, reason string) error {
	if _, known := s.damaged[first]; known {
		return nil
	}
	e := asideEntry{
		batch: first, first: first, batchLast: last, last: last, damaged: true,
		at: s.opts.Now().UnixNano(), records: uint64(last - first + 1), reason: reason, content: raw,
	}
	if err := s.putDamaged(e); err != nil {
		return err
	}
	s.damaged[first] = struct{}{}
	return nil
}

// setTornAside keeps the torn end of a log: one record at least, its position
// unknown.
func (s *Spool) setTornAside(raw []byte) error {
	at := s.opts.Now().UnixNano()
	return s.putDamaged(asideEntry{
		first: Seq(at), batchLast: Seq(at), last: Seq(at), damaged: true, at: at, records: 1,
		reason: "torn end of the log, perhaps never answered", content: raw,
	})
}

func (s *Spool) putDamaged(e asideEntry) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	key, value := e.encode()
	_ = batch.Set(key, value, nil) // a batch in memory: no error
	if err := s.sync(batch); err != nil {
		return err
	}
	s.mu.Lock()
	s.aside.add(e.totals(key, value))
	s.mu.Unlock()
	s.opts.Logger.Error("spool: damaged records set aside", "dir", s.opts.Dir,
		"first", uint64(e.first), "records", e.records, "reason", e.reason)
	return nil
}

// Asides lists what was set aside, by batch in ascending order.
func (s *Spool) Asides() ([]Aside, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var list []Aside
	err = s.eachAside(nil, func(e asideEntry, key, value []byte) error {
		t := e.totals(key, value)
		if n := len(list); n > 0 && !e.damaged && !list[n-1].Damaged && list[n-1].Batch == e.batch {
			list[n-1].Last, list[n-1].Records, list[n-1].Bytes = e.last, list[n-1].Records+e.records, list[n-1].Bytes+t.bytes
			return nil
		}
		list = append(list, Aside{
			Batch: e.batch, First: e.first, Last: e.last, At: time.Unix(0, e.at),
			Reason: e.reason, Records: e.records, Bytes: t.bytes, Damaged: e.damaged,
		})
		return nil
	})
	return list, err
}

// AsideRecords returns the records of a batch that was set aside, intact ones
// only.
func (s *Spool) AsideRecords(batch Seq) ([]Record, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var all []Record
	err = s.eachAside(&batch, func(e asideEntry, _, _ []byte) error {
		if e.damaged {
			return nil
		}
		e.content = append([]byte(nil), e.content...)
		records, err := s.asideRecords(e)
		all = append(all, records...)
		return err
	})
	return all, err
}

// Replay puts a set-aside batch back at the end of the queue under new positions
// and returns the number of records. Each entry moves in one synced batch: after a
// crash the rest can be replayed, nothing twice. Damaged entries stay.
func (s *Spool) Replay(batch Seq) (int, error) {
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	moved, found := 0, false
	err = s.eachAside(&batch, func(e asideEntry, key, value []byte) error {
		found = true
		if e.damaged {
			return nil
		}
		records, err := s.asideRecords(e)
		if err != nil {
			return err
		}
		moved += len(records)
		return s.putBack(records, append([]byte(nil), key...), e.totals(key, value))
	})
	if err == nil && !found {
		err = errors.New("no batch of that name is set aside")
	}
	if err != nil {
		return moved, fmt.Errorf("spool: replaying batch %d: %w", batch, err)
	}
	return moved, nil
}

// putBack commits records as a group of their own that replaces the entry at key.
func (s *Spool) putBack(records []Record, key []byte, size asideTotals) error {
	g := newGroup()
	for _, r := range records {
		var err error
		if *g.value, err = s.appendRecord(*g.value, r.Payload); err != nil {
			return err
		}
	}
	g.count, g.move, g.sealed = uint32(len(records)), key, true
	s.mu.Lock()
	if s.closed || s.failed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.waiting = append(s.waiting, g)
	s.work.Signal()
	s.mu.Unlock()
	<-g.done
	if g.err == nil {
		s.mu.Lock()
		s.aside.remove(size)
		s.mu.Unlock()
	}
	return g.err
}

// ExpireAside deletes what was set aside before the given time and returns the
// number of records. The spool does it by itself for Options.KeepAside.
func (s *Spool) ExpireAside(before time.Time) (uint64, error) {
	gone, err := s.changeAside(func(b *pebble.Batch, e asideEntry, key, value []byte) (gone, came asideTotals, err error) {
		if e.at >= before.UnixNano() {
			return gone, came, nil
		}
		return e.totals(key, value), came, b.Delete(key, nil)
	})
	return gone.records + gone.damaged, err
}

// changeAside changes entries in one commit. change puts what becomes of an entry
// in the batch and returns what went with it and what came.
func (s *Spool) changeAside(change func(b *pebble.Batch, e asideEntry, key, value []byte) (gone, came asideTotals, err error)) (gone asideTotals, err error) {
	leave, err := s.enter()
	if err != nil {
		return gone, err
	}
	defer leave()
	s.reader.Lock()
	defer s.reader.Unlock()
	batch := s.db.NewBatch()
	defer batch.Close()
	var before, after asideTotals
	err = s.eachAside(nil, func(e asideEntry, key, value []byte) error {
		went, came, err := change(batch, e, key, value)
		before.add(went)
		after.add(came)
		return err
	})
	if err != nil || batch.Empty() {
		return gone, err
	}
	if err := s.sync(batch); err != nil {
		return gone, err
	}
	s.mu.Lock()
	s.aside.remove(before)
	s.aside.add(after)
	s.mu.Unlock()
	return before, nil
}
