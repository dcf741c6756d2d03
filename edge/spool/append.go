package spool

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// retryAfter is how long a full spool asks to wait: the reader needs a batch or
// two to make room.
const retryAfter = 10 * time.Second

// Made once, so that refusing costs nothing.
var (
	errFullQueue = &FullError{RetryAfter: retryAfter, Reason: "the records waiting for the store reached max_bytes"}
	errFullDisk  = &FullError{RetryAfter: retryAfter, Reason: "the disk has less free space than must stay free"}
)

// group is a set of records that share one key and one sync.
type group struct {
	value   *[]byte // header, then frames; from groupBuffers
	count   uint32
	move    []byte // a set-aside key that this group replaces, or nil
	marks   []sealedMark
	marked  int // bytes of marks
	done    chan struct{}
	err     error // valid once done is closed
	sealed  bool  // takes no further records
	counted int64 // bytes added to Spool.pending
}

var groupBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 16<<10)
	return &b
}}

func newGroup() *group {
	g := &group{value: groupBuffers.Get().(*[]byte), done: make(chan struct{})}
	*g.value = append((*g.value)[:0], make([]byte, groupHeader)...)
	return g
}

// Append keeps the payloads and returns nil once they are on disk, all in one
// group. It copies them before it waits, so the caller's buffers are free as soon
// as it returns. Errors: ErrFull (a *FullError), ErrTooLarge (a payload over
// 1 MiB, or over 1 MiB in all), ErrClosed, ErrFailed; with an error none of the
// payloads was answered for.
func (s *Spool) Append(payloads ...[]byte) error { return s.append(false, nil, payloads) }

// AppendMarked is Append for what people state, and keeps marks together with the
// payloads: after a crash all of them are there, or nothing. A full spool takes
// them from its reserve (see doc.go). Without payloads it is PutMarks.
func (s *Spool) AppendMarked(marks []Mark, payloads ...[]byte) error {
	return s.append(true, marks, payloads)
}

func (s *Spool) append(stated bool, marks []Mark, payloads [][]byte) error {
	if len(payloads) == 0 {
		return s.PutMarks(marks...)
	}
	size := 0
	for _, p := range payloads {
		size += s.overhead() + len(p)
	}
	marked, err := markedSize(marks)
	if err != nil {
		return err
	}
	if size+marked > maxGroup-groupHeader {
		return fmt.Errorf("%w: %d bytes in one call, at most %d", ErrTooLarge, size+marked, maxGroup-groupHeader)
	}
	version := byte(formatVersion)
	if s.opts.Seal {
		sealed, buffer, err := s.sealAll(payloads)
		defer sealBuffers.Put(buffer)
		if err != nil {
			return err
		}
		payloads, version = sealed, sealedVersion
	}
	g, err := s.join(stated, marks, version, payloads, size, marked)
	if err != nil {
		return err
	}
	<-g.done
	return g.err
}

// join adds marks and payloads to the filling group, or opens a new one.
func (s *Spool) join(stated bool, marks []Mark, version byte, payloads [][]byte, size, marked int) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(int64(size), stated); err != nil {
		return nil, err
	}
	var g *group
	if n := len(s.waiting); n > 0 && !s.waiting[n-1].sealed && len(*s.waiting[n-1].value)+s.waiting[n-1].marked+size+marked <= maxGroup {
		g = s.waiting[n-1]
	} else {
		g = newGroup()
		s.waiting = append(s.waiting, g)
		s.work.Signal()
	}
	for _, p := range payloads {
		*g.value = appendFrame(*g.value, version, p)
	}
	for _, m := range marks {
		g.marks = append(g.marks, m.seal())
	}
	g.marked += marked
	g.count += uint32(len(payloads))
	g.counted += int64(size)
	s.pending += int64(size)
	return g, nil
}

// refusal says why size more bytes, of hits or of what people state, cannot be
// taken. The caller holds mu.
func (s *Spool) refusal(size int64, stated bool) error {
	room, low := s.opts.MaxBytes, s.lowDisk()
	if stated {
		room, low = room+s.opts.reserve(), s.free.Load() < s.opts.leastFree()
	}
	switch {
	case s.failed:
		return ErrFailed
	case s.closed:
		return ErrClosed
	case s.live()+size > room:
		s.count.refused.Add(1)
		if !stated && (!s.short() || size < s.refused) {
			s.refused = size
		}
		return errFullQueue
	case low:
		s.count.refused.Add(1)
		return errFullDisk
	}
	return nil
}

// lowDisk reports whether less is free than has to stay free.
func (s *Spool) lowDisk() bool { return s.free.Load() < uint64(max(0, s.opts.MinFree)) }

// short reports whether the smallest call for hits that was refused for want of
// room would be refused again. The caller holds mu.
func (s *Spool) short() bool { return s.live()+max(1, s.refused) > s.opts.MaxBytes }

// live returns the bytes waiting, being written and set aside. The caller holds mu.
func (s *Spool) live() int64 {
	return int64(s.tail.bytes-s.head.bytes) + s.pending + s.aside.bytes
}

// commitLoop is the committer: it writes group after group until Close, or until
// the disk fails. However it ends, nobody is left waiting for an answer.
func (s *Spool) commitLoop() {
	var current *group
	defer close(s.committed)
	defer func() {
		r := recover()
		s.fail(current)
		if r != nil {
			s.logs.die(fmt.Sprintf("committing a group: %v", r))
		}
	}()
	batch := s.db.NewBatch()
	for {
		if current = s.take(); current == nil {
			return
		}
		s.commit(batch, current)
		current = nil
	}
}

// take waits for the next group and closes it to further records. It returns nil
// after Close, when all are written.
func (s *Spool) take() *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 {
		if s.closed {
			return nil
		}
		s.work.Wait()
	}
	g := s.waiting[0]
	s.waiting = append(s.waiting[:0], s.waiting[1:]...)
	return g
}

// commit writes g under the next position and wakes everybody who waits for it.
func (s *Spool) commit(batch *pebble.Batch, g *group) {
	s.mu.Lock()
	first, tail := s.stored+1, s.tail
	s.mu.Unlock()
	at := s.opts.Now().UnixNano()
	groupInfo{count: g.count, at: at, recordsBefore: tail.records, bytesBefore: tail.bytes}.encode(*g.value, first)

	batch.Reset()
	_ = batch.Set(groupKey(first), *g.value, nil) // a batch in memory: no error
	if g.move != nil {
		_ = batch.Delete(g.move, nil)
	}
	setMarks(batch, g.marks)
	err := s.sync(batch)
	if err == nil {
		s.publish(g, first, at)
	}
	g.err = err
	if cap(*g.value) <= 2*maxGroup {
		groupBuffers.Put(g.value)
	}
	g.value = nil
	close(g.done)
}

// sync applies a batch and returns once it is on disk. A failed write or sync does
// not return: Pebble calls Fatalf (see pebbleLog).
func (s *Spool) sync(batch *pebble.Batch) error {
	if err := s.db.Apply(batch, pebble.Sync); err != nil {
		s.health.note(err, s.opts.Now())
		return fmt.Errorf("spool: writing to %s: %w", s.opts.Dir, err)
	}
	s.count.syncs.Add(1)
	return nil
}

// publish makes a stored group visible to the reader.
func (s *Spool) publish(g *group, first Seq, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head.first == first {
		s.head.at = at
	}
	s.stored += Seq(g.count)
	s.tail.first = s.stored + 1
	s.tail.records += uint64(g.count)
	s.tail.bytes += uint64(len(*g.value))
	s.pending -= g.counted
	s.count.records.Add(uint64(g.count))
	s.count.groups.Add(1)
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// fail answers everybody who still waits with ErrFailed. It runs when the
// committer ends; after an orderly end nobody waits.
func (s *Spool) fail(current *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current == nil && s.closed {
		return
	}
	s.failed = true
	if current != nil {
		s.waiting = append(s.waiting, current)
	}
	for _, g := range s.waiting {
		g.err = ErrFailed
		close(g.done)
	}
	s.waiting = nil
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}
