package ship

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

// maxMonths is how many months a batch may touch. ClickHouse refuses an insert
// into more than 100 partitions, for good.
const maxMonths = 24

// preparedAtOnce is how many events of a batch the store is given at once, to
// prepare. The memory that they were decoded into then serves the next ones.
const preparedAtOnce = 256

// batch is a range of the spool on its way: the rows, and what the manifest
// says about the records they were read from.
type batch struct {
	first, last spool.Seq
	records     int
	bytes       int
	hash        rowHash
	decoder     event.Decoder
	rows        store.Batch
	months      map[int32]struct{}
	filed       days // the row before
}

// days are what a row is filed by, in months: the day of its time in UTC, and its
// day in the site's zone.
type days struct{ utc, local date }

// date is days since 1970-01-01.
type date int64

func newBatch() *batch {
	return &batch{hash: newRowHash(), months: map[int32]struct{}{}}
}

// reset empties the batch. Its rows' memory is used again.
func (b *batch) reset() {
	b.first, b.last, b.records, b.bytes = 0, 0, 0, 0
	b.hash.Reset()
	b.decoder.Reset()
	b.rows.Reset()
	clear(b.months)
}

// full reports whether the batch ended because it was large: more may wait.
func (b *batch) full(o Options) bool {
	return b.records >= o.MaxRows || b.bytes > o.MaxBytes/2
}

// note counts a record.
func (b *batch) note(r spool.Record) {
	if b.records == 0 {
		b.first = r.Seq
	}
	b.last = r.Seq
	b.records++
	b.bytes += len(r.Payload)
	b.hash.add(r)
}

// add takes a record, unless it would touch too many months.
func (b *batch) add(r spool.Record, row event.Record) bool {
	if d := daysOf(row); d != b.filed || b.records == 0 { // most rows are of the day of the one before
		utc, local := d.utc.month(), d.local.month()
		_, known := b.months[utc]
		_, alsoKnown := b.months[local]
		if (!known || !alsoKnown) && len(b.months) > maxMonths-2 {
			return false
		}
		b.months[utc], b.months[local] = struct{}{}, struct{}{}
		b.filed = d
	}
	b.note(r)
	b.rows.Add(row)
	return true
}

// manifest names the batch in the spool with this id.
func (b *batch) manifest(id [16]byte, heads map[string]store.Head) manifest {
	return manifest{
		chains: chainsOf(&b.rows, heads),
		spool:  id, first: b.first, last: b.last, records: uint32(b.records), wire: event.WireVersion, hash: b.hash.sum(),
	}
}

func daysOf(r event.Record) days {
	switch {
	case r.Event != nil:
		return days{dayOf(r.Event.Time), date(r.Event.LocalDay)}
	case r.Consent != nil:
		return sameDay(dayOf(r.Consent.Time))
	case r.Refusal != nil:
		return sameDay(dayOf(r.Refusal.Hour))
	case r.Notice != nil:
		return sameDay(date(r.Notice.Day))
	case r.Erasure != nil:
		return sameDay(dayOf(r.Erasure.Requested))
	}
	return days{}
}

func sameDay(d date) days { return days{d, d} }

// dayOf returns the day of a time that store.Check lets pass: not before 1970.
func dayOf(t time.Time) date { return date(t.Unix() / 86400) }

// month counts months since year 0.
func (d date) month() int32 {
	year, month, _ := time.Unix(int64(d)*86400, 0).UTC().Date()
	return int32(year*12 + int(month))
}

// read decodes a record and makes sure that the store can hold it.
func (b *batch) read(r spool.Record) (event.Record, error) {
	row, err := b.decoder.Decode(r.Payload)
	if err != nil {
		return row, err
	}
	return row, store.Check(row)
}

// cutting is a batch that is being cut while the one before it is on its way.
type cutting struct {
	stop func() // ends it; its records stay in the spool
	wait func() (*batch, error)
}

// cutNext starts to cut the next batch. Reading, decoding and writing rows as they
// are sent takes about as long as the store takes to insert them, so the two go
// on side by side; nothing of the
// batch leaves before the one before it is acknowledged, which delivered tells
// (nil: there is none). Until wait or stop has returned, nobody else may cut.
func (s *Shipper) cutNext(ctx context.Context, target spool.Seq, delivered <-chan struct{}) cutting {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	var b *batch
	var err error
	go func() {
		defer close(ended)
		if b, err = s.cut(ctx, target, delivered); err == nil {
			s.prepare(b)
		}
	}()
	wait := func() (*batch, error) {
		<-ended
		cancel()
		return b, err
	}
	return cutting{wait: wait, stop: func() { cancel(); <-ended }}
}

// cut reads the next batch: as much as the limits allow, or what has come by
// until MaxAge has passed since its first record. With a target it takes what is
// there up to that position and waits for nothing; an empty batch then means
// that nothing is left. Records that can never be stored are set aside on the
// way, once the batch before them was delivered. Records read beyond the cut
// stay in s.ahead.
func (s *Shipper) cut(ctx context.Context, target spool.Seq, delivered <-chan struct{}) (*batch, error) {
	b := s.emptyBatch()
	wait := ctx
	for {
		full, err := s.take(ctx, b, delivered)
		if full || err != nil {
			return b, err
		}
		if target != 0 {
			if s.read >= target {
				return b, nil
			}
			if err := s.readAhead(ctx, target); err != nil {
				return nil, err
			}
			continue
		}
		if wait == ctx && b.records > 0 {
			var cancel context.CancelFunc
			wait, cancel = context.WithTimeout(ctx, s.opts.MaxAge)
			defer cancel()
		}
		err = s.waitAhead(wait, b)
		switch {
		case err == nil:
		case b.records > 0 && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return b, nil
		default:
			return nil, err
		}
	}
}

// emptyBatch returns one that was delivered, if there is one.
func (s *Shipper) emptyBatch() *batch {
	select {
	case b := <-s.spare:
		b.reset()
		return b
	default:
		return newBatch()
	}
}

// waitAhead reads what comes next, as much as b has room for.
func (s *Shipper) waitAhead(ctx context.Context, b *batch) (err error) {
	s.ahead, err = s.opts.Spool.Next(ctx, s.read, spool.Limits{
		Records: s.opts.MaxRows - b.records, Bytes: max(1, s.opts.MaxBytes-b.bytes),
	})
	if n := len(s.ahead); n > 0 {
		s.read = s.ahead[n-1].Seq
		return nil // whatever ended the reading, this was read
	}
	return err
}

// readAhead reads the next positions up to target; damaged records are left out.
func (s *Shipper) readAhead(ctx context.Context, target spool.Seq) (err error) {
	last := min(target, s.read+spool.Seq(s.opts.MaxRows))
	s.ahead, err = s.opts.Spool.Read(ctx, s.read+1, last)
	if err == nil {
		s.read = last
	}
	return err
}

// take moves records from s.ahead into b until the batch is full.
func (s *Shipper) take(ctx context.Context, b *batch, delivered <-chan struct{}) (full bool, err error) {
	for len(s.ahead) > 0 {
		r := s.ahead[0]
		if n := b.records; n >= s.opts.MaxRows || n > 0 && b.bytes+len(r.Payload) > s.opts.MaxBytes {
			return true, nil
		}
		row, err := b.read(r)
		if err != nil {
			if b.records > 0 {
				return true, nil // its turn comes when it is the first
			}
			if delivered != nil {
				select {
				case <-delivered:
				case <-ctx.Done():
					return false, ctx.Err()
				}
			}
			if err := s.setAside(r.Seq, r.Seq, 1, err); err != nil {
				return false, err
			}
			s.ahead = s.ahead[1:]
			continue
		}
		if !b.add(r, row) {
			return true, nil
		}
		s.ahead = s.ahead[1:]
		if len(b.rows.Events) >= preparedAtOnce { // while the processor's cache has them
			s.prepare(b)
		}
	}
	return b.records >= s.opts.MaxRows, nil
}

// prepare has the store write what there is of a batch as it is sent, if it can.
func (s *Shipper) prepare(b *batch) {
	s.opts.Store.Prepare(&b.rows)
	if len(b.rows.Events) == 0 {
		b.decoder.Reset()
	}
}

// setAside takes records out of the queue that can never be stored.
func (s *Shipper) setAside(first, last spool.Seq, records int, reason error) error {
	if err := s.opts.Spool.SetAside(first, last, reason.Error()); err != nil {
		return fmt.Errorf("ship: set records %d to %d aside: %w", first, last, err)
	}
	s.opts.Logger.Error("records cannot be stored and were set aside", "first", first, "last", last, "records", records, "reason", reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.SetAside += uint64(records)
	return nil
}
