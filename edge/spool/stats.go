package spool

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats are the state of the queue at one moment.
type Stats struct {
	Depth    uint64        // records waiting
	Bytes    int64         // bytes waiting, before compression
	Oldest   time.Duration // age of the oldest group waiting, 0 if none
	Stored   Seq           // last record stored
	Cursor   Seq           // last record acknowledged
	Aside    uint64        // records set aside by the reader
	Damaged  uint64        // records found damaged and not yet aged out
	AsideLen int64         // bytes set aside
	Full     bool          // Append answers ErrFull, if only to calls as large as one it refused; AppendMarked may not
	Failed   bool          // the disk failed; only a restart helps

	// Since Open.
	Records uint64 // records stored
	Groups  uint64 // groups stored
	Syncs   uint64 // synced writes, those of the reader included
	Refused uint64 // calls of Append and AppendMarked answered ErrFull

	DiskBytes uint64 // what the database takes on disk, logs included
	LastError string // of disk or database, empty if none since Open
	ErrorAt   time.Time
}

type counters struct {
	records, groups, syncs, refused atomic.Uint64
}

// health remembers the last trouble with the disk.
type health struct {
	mu  sync.Mutex
	err string
	at  time.Time
}

func (h *health) note(err error, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err, h.at = err.Error(), at
}

// Stats returns the state of the queue. It does not touch the disk.
func (s *Spool) Stats() Stats {
	st := Stats{
		Records: s.count.records.Load(),
		Groups:  s.count.groups.Load(),
		Syncs:   s.count.syncs.Load(),
		Refused: s.count.refused.Load(),
	}
	if leave, err := s.enter(); err == nil {
		st.DiskBytes = s.db.Metrics().DiskSpaceUsage()
		leave()
	}
	s.health.mu.Lock()
	st.LastError, st.ErrorAt = s.health.err, s.health.at
	s.health.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Stored, st.Cursor, st.Failed = s.stored, s.cursor, s.failed
	st.Bytes = int64(s.tail.bytes - s.head.bytes)
	st.Depth = s.tail.records - s.head.records
	if s.cursor >= s.head.first { // inside the first group
		st.Depth -= min(st.Depth, uint64(s.cursor-s.head.first+1))
	}
	if st.Depth > 0 && s.head.at > 0 {
		st.Oldest = max(0, s.opts.Now().Sub(time.Unix(0, s.head.at)))
	}
	st.Aside, st.Damaged, st.AsideLen = s.aside.records, s.aside.damaged, s.aside.bytes
	if !s.short() {
		s.refused = 0 // room was made
	}
	st.Full = s.lowDisk() || s.short()
	return st
}
