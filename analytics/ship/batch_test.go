package ship

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/spool"
)

func unfitRecords(b *bench) {
	huge := pageView(9999)
	huge.Value = 1 << 62
	b.put(encode(b, event.Record{Event: huge}))
	b.append(0, 150)
	b.put([]byte("not a record"), encode(b, event.Record{Event: huge}))
	b.append(150, 250)
	b.put([]byte("not a record"))
	s := b.shipper(b.store, nil)
	b.drain(s)
	b.wantOnce(250)
	if st := s.Stats(); st.SetAside != 4 || st.Records != 250 || st.Retries != 0 {
		b.Errorf("stats %+v", st)
	}
}

func limits(b *bench) {
	b.append(0, 1000)
	f := &faulty{to: b.store}
	b.drain(b.shipper(f, func(o *Options) { o.MaxRows = 130 })) // inside the groups of 100
	for i, n := range f.sizes {
		if want := min(130, 1000-i*130); n != want {
			b.Errorf("batch %d has %d rows, want %d", i, n, want)
		}
	}
	b.append(1000, 1010)
	f = &faulty{to: b.store}
	b.drain(b.shipper(f, func(o *Options) { o.MaxBytes = 1 })) // one record is always taken
	if len(f.sizes) != 10 || f.sizes[0] != 1 {
		b.Errorf("%d batches, the first of %d rows", len(f.sizes), f.sizes[0])
	}
	b.wantOnce(1010)
}

func months(b *bench) {
	var all [][]byte
	for n := range 40 { // a month each; the next batch begins behind maxMonths
		all = append(all, encode(b, event.Record{Event: inMonth(n)}))
	}
	b.put(all...)
	f := &faulty{to: b.store}
	b.drain(b.shipper(f, nil))
	b.wantOnce(40)
	if len(f.sizes) != 2 {
		b.Errorf("batches of %v rows, want two", f.sizes)
	}
}

// inMonth returns an event of the n-th month, late enough in it that its day in
// the site's zone lies in the next one.
func inMonth(n int) *event.Event {
	e := pageView(n)
	e.Time = time.Date(2017, time.Month(1+n), 28, 23, 0, 0, 0, time.UTC)
	e.LocalDay = int32(e.Time.AddDate(0, 0, 5).Unix() / 86400)
	return e
}

// TestBatchKeepsFewMonths: ClickHouse refuses more than 100 partitions in one
// insert, for good.
func TestBatchKeepsFewMonths(t *testing.T) {
	b := newBatch()
	taken := 0
	for n := range 500 {
		if b.add(spool.Record{}, event.Record{Event: inMonth(n)}) {
			taken++
		}
	}
	if len(b.months) > maxMonths || taken < maxMonths/2 || taken != b.records {
		t.Errorf("%d events of %d months", taken, len(b.months))
	}
	// What lies in the months it has is taken still.
	for n := range 100 {
		if !b.add(spool.Record{}, event.Record{Event: inMonth(n % 3)}) {
			t.Fatal("an event of a month that the batch has was left out")
		}
	}
}
