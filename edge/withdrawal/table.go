package withdrawal

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"sync"
	"time"
)

// table holds the registers of all recipients. Its parts are open-addressing hash
// tables without pointers, which the garbage collector never looks into.
type table struct {
	seed  maphash.Seed // so that nobody can choose hashes that collide
	parts [256]part
}

type part struct {
	mu    sync.RWMutex
	slots []slot
	used  int
	_     [8]byte // a line of its own, so that readers of neighbours do not meet
}

// slot is one recipient; one without choices is free.
type slot struct {
	recipient uint64
	at        [registers]uint32 // when each register was set
	site      uint16
	choices   choices
}

// place returns a key's part and where in [0, 2^64) it belongs there.
func (t *table) place(site uint16, recipient uint64) (p *part, at uint64) {
	var key [10]byte
	binary.LittleEndian.PutUint64(key[:], recipient)
	binary.LittleEndian.PutUint16(key[8:], site)
	h := maphash.Bytes(t.seed, key[:])
	return &t.parts[h>>56], h << 8
}

// find returns the slot of a key, or the free one where it belongs.
func find(slots []slot, at uint64, site uint16, recipient uint64) *slot {
	i, _ := bits.Mul64(at, uint64(len(slots)))
	for {
		s := &slots[i]
		if s.choices == 0 || s.recipient == recipient && s.site == site {
			return s
		}
		if i++; i == uint64(len(slots)) {
			i = 0
		}
	}
}

// get returns a copy of a recipient's slot, a free one if there is none.
func (t *table) get(site uint16, recipient uint64) slot {
	p, at := t.place(site, recipient)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.used == 0 {
		return slot{}
	}
	return *find(p.slots, at, site, recipient)
}

// merge applies a statement.
func (t *table) merge(site uint16, recipient uint64, said choices, when uint32) {
	if said == 0 {
		return
	}
	p, at := t.place(site, recipient)
	p.mu.Lock()
	defer p.mu.Unlock()
	if 5*(p.used+1) > 4*len(p.slots) {
		t.grow(p)
	}
	s := find(p.slots, at, site, recipient)
	if s.choices == 0 {
		s.recipient, s.site = recipient, site
		p.used++
	}
	s.merge(said, when)
}

// merge sets the registers for which a statement is the newest.
func (s *slot) merge(said choices, when uint32) {
	for r := range registers {
		if c := said.of(r); s.takes(r, c, when) {
			s.choices, s.at[r] = s.choices.with(r, c), when
		}
	}
}

// takes says whether a statement changes a register.
func (s *slot) takes(register int, said Choice, when uint32) bool {
	has, at := s.choices.of(register), s.at[register]
	switch {
	case said == Unset:
		return false
	case when == at:
		return said == Denied && has == Granted
	}
	return when > at
}

// changes says whether a statement would change anything.
func (s *slot) changes(said choices, when uint32) bool {
	for r := range registers {
		if s.takes(r, said.of(r), when) {
			return true
		}
	}
	return false
}

// grow gives a part a third more slots. The caller holds its lock.
func (t *table) grow(p *part) {
	slots := make([]slot, max(16, len(p.slots)+len(p.slots)/3))
	for _, s := range p.slots {
		if s.choices == 0 {
			continue
		}
		_, at := t.place(s.site, s.recipient)
		*find(slots, at, s.site, s.recipient) = s
	}
	p.slots = slots
}

// size returns the number of recipients and of bytes.
func (t *table) size() (recipients int, bytes int64) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.RLock()
		recipients += p.used
		bytes += int64(len(p.slots)) * slotBytes
		p.mu.RUnlock()
	}
	return recipients, bytes
}

const slotBytes = 24

// state returns what a slot says.
func (s *slot) state() State {
	if s.choices == 0 {
		return State{}
	}
	return State{
		Open: s.choices.of(0), Click: s.choices.of(1), Mail: s.choices.of(2),
		Newest: time.Unix(int64(max(s.at[0], s.at[1], s.at[2])), 0).UTC(),
	}
}
