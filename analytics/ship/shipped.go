package ship

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/edge/spool"
)

// SpaceShipped is the spool's space of marks where the ids of shipped events
// are: a client that never heard its answer sends them again after a crash, and
// the records that had them are gone from the queue. The key is when they were
// shipped (Unix ms, 8 bytes, big-endian), the position of their batch (8) and a
// count (4); the value is the ids, 16 bytes each. They are written with the
// acknowledgement of their batch.
const SpaceShipped = 'i'

const (
	// shippedFor is how long ids are kept: as long as an edge remembers them.
	shippedFor = 24 * time.Hour
	// maxShipped bounds how many are kept, the newest: 32 MB.
	maxShipped = 2 << 20
	// tidyEvery is how often old ones are looked for.
	tidyEvery = time.Hour

	idSize      = 16
	shippedKey  = 8 + 8 + 4
	idsInMark   = 4000 // of 64 KB, the most that a mark may hold
	marksInSync = 12   // of 1 MiB, the most that one write may hold, with the ledger's beside
)

// shippedMarks are the ids of a batch.
func shippedMarks(at time.Time, first spool.Seq, events [][idSize]byte) (all []spool.Mark) {
	for n := 0; len(events) > 0; n++ {
		some := events[:min(idsInMark, len(events))]
		events = events[len(some):]
		key := binary.BigEndian.AppendUint64(make([]byte, 0, shippedKey), uint64(at.UnixMilli()))
		key = binary.BigEndian.AppendUint64(key, uint64(first))
		value := make([]byte, 0, idSize*len(some))
		for i := range some {
			value = append(value, some[i][:]...)
		}
		all = append(all, spool.Mark{Space: SpaceShipped, Key: binary.BigEndian.AppendUint32(key, uint32(n)), Value: value})
	}
	return all
}

// ShippedIDs visits the ids of the events that were shipped within the last
// day, in their order. Those that damage took are missing.
func ShippedIDs(s interface {
	Marks(space byte, visit func(key, value []byte) error) error
}, now time.Time, visit func(id [16]byte),
) error {
	err := s.Marks(SpaceShipped, func(key, value []byte) error {
		if old(key, now) {
			return nil
		}
		for ; len(value) >= idSize; value = value[idSize:] {
			visit([idSize]byte(value))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ship: read the ids of shipped events: %w", err)
	}
	return nil
}

// old says that a mark's time is over, or that a clock which jumped wrote it.
func old(key []byte, now time.Time) bool {
	if len(key) != shippedKey {
		return true
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(key))))
	return age.Abs() > shippedFor
}

// tidyShipped deletes what is too old, or too much.
func (s *Shipper) tidyShipped(now time.Time) error {
	if s.kept < maxShipped && !s.tidied.IsZero() && now.Sub(s.tidied).Abs() < tidyEvery {
		return nil
	}
	var keys [][]byte
	var sizes []int
	total := 0
	err := s.opts.Spool.Marks(SpaceShipped, func(key, value []byte) error {
		keys, sizes = append(keys, append([]byte(nil), key...)), append(sizes, len(value)/idSize)
		total += len(value) / idSize
		return nil
	})
	if err != nil { // what damage leaves unread ages out with the next salvage
		s.opts.Logger.Warn("ids of shipped events cannot all be read: a client's retry may count twice", "error", err)
	}
	gone := 0
	for ; gone < len(keys) && (old(keys[gone], now) || total > maxShipped/2); gone++ {
		total -= sizes[gone]
	}
	if err := s.opts.Spool.DeleteMarks(SpaceShipped, keys[:gone]...); err != nil {
		return fmt.Errorf("ship: forget the ids of shipped events: %w", err)
	}
	s.kept, s.tidied = total, now
	return nil
}
