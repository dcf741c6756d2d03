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

// batch is a range of the spool on its way: the rows, and what the manifest
// says about the records they were read from.
type batch struct {
	first, last spool.Seq
	records     int
	bytes       int
	hash        rowHash
	rows        store.Batch
	months      map[int32]struct{}
}

func newBatch() *batch {
	return &batch{hash: newRowHash(), months: map[int32]struct{}{}}
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
	utc, local := monthsOf(row)
	_, known := b.months[utc]
	_, alsoKnown := b.months[local]
	if (!known || !alsoKnown) && len(b.months) > maxMonths-2 {
		return false
	}
	b.months[utc], b.months[local] = struct{}{}, struct{}{}
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

// monthsOf returns the months that a row is filed under: that of its time in
// UTC and that of its day in the site's zone.
func monthsOf(r event.Record) (utc, local int32) {
	switch {
	case r.Event != nil:
		return monthOf(r.Event.Time.Unix()), monthOf(int64(r.Event.LocalDay) * 86400)
	case r.Consent != nil:
		utc = monthOf(r.Consent.Time.Unix())
	case r.Refusal != nil:
		utc = monthOf(r.Refusal.Hour.Unix())
	case r.Notice != nil:
		utc = monthOf(int64(r.Notice.Day) * 86400)
	case r.Erasure != nil:
		utc = monthOf(r.Erasure.Requested.Unix())
	}
	return utc, utc
}

func monthOf(unix int64) int32 {
	year, month, _ := time.Unix(unix, 0).UTC().Date()
	return int32(year*12 + int(month))
}

// readRow decodes a record and makes sure that the store can hold it.
func readRow(r spool.Record) (event.Record, error) {
	row, err := event.Decode(r.Payload)
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

// cutNext starts to cut the next batch. Reading and decoding take about as long
// as the store takes to insert, so the two go on side by side; nothing of the
// batch leaves before the one before it is acknowledged, which delivered tells
// (nil: there is none). Until wait or stop has returned, nobody else may cut.
func (s *Shipper) cutNext(ctx context.Context, target spool.Seq, delivered <-chan struct{}) cutting {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	var b *batch
	var err error
	go func() {
		defer close(ended)
		b, err = s.cut(ctx, target, delivered)
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
	b := newBatch()
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
		row, err := readRow(r)
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
	}
	return b.records >= s.opts.MaxRows, nil
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
