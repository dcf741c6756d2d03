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

// part is a table of its own. A look-up walks along the tags, which lie close
// together, and touches a slot only where the tag fits: memory that no cache holds
// is read once for a recipient who said nothing, twice for one who did.
type part struct {
	mu    sync.RWMutex
	tags  []uint8 // 0: free
	slots []slot  // as many
	used  int
}

// slot is one recipient.
type slot struct {
	recipient uint64
	at        [registers]uint32 // when each register was set
	site      uint16
	choices   choices
}

// place is where a key belongs.
type place struct {
	part *part
	at   uint64 // a part of the way through it, of 2^64
	tag  uint8
}

func (t *table) place(site uint16, recipient uint64) place {
	var key [10]byte
	binary.LittleEndian.PutUint64(key[:], recipient)
	binary.LittleEndian.PutUint16(key[8:], site)
	h := maphash.Bytes(t.seed, key[:])
	return place{part: &t.parts[h>>56], at: h << 8, tag: uint8(h%255) + 1}
}

// find returns the index of a key's slot, or of the free one where it belongs. One
// slot at least must be free.
func (p *part) find(to place, site uint16, recipient uint64) (i uint64, found bool) {
	i, _ = bits.Mul64(to.at, uint64(len(p.tags)))
	for {
		switch p.tags[i] {
		case 0:
			return i, false
		case to.tag:
			if s := &p.slots[i]; s.recipient == recipient && s.site == site {
				return i, true
			}
		}
		if i++; i == uint64(len(p.tags)) {
			i = 0
		}
	}
}

// get returns a copy of a recipient's slot, an empty one if there is none.
func (t *table) get(site uint16, recipient uint64) slot {
	to := t.place(site, recipient)
	p := to.part
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.used == 0 {
		return slot{}
	}
	if i, found := p.find(to, site, recipient); found {
		return p.slots[i]
	}
	return slot{}
}

// merge applies a statement.
func (t *table) merge(site uint16, recipient uint64, said choices, when uint32) {
	if said == 0 {
		return
	}
	to := t.place(site, recipient)
	p := to.part
	p.mu.Lock()
	defer p.mu.Unlock()
	if 5*(p.used+1) > 4*len(p.slots) {
		t.grow(p)
	}
	i, found := p.find(to, site, recipient)
	if !found {
		p.tags[i], p.slots[i] = to.tag, slot{recipient: recipient, site: site}
		p.used++
	}
	p.slots[i].merge(said, when)
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
	n := max(16, len(p.slots)+len(p.slots)/3)
	old, tags := p.slots, p.tags
	p.slots, p.tags = make([]slot, n), make([]uint8, n)
	for i, s := range old {
		if tags[i] == 0 {
			continue
		}
		to := t.place(s.site, s.recipient)
		i, _ := p.find(to, s.site, s.recipient)
		p.tags[i], p.slots[i] = to.tag, s
	}
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

// slotBytes is what a slot takes with its tag.
const slotBytes = 24 + 1

// state returns what a slot says.
func (s *slot) state() State {
	if s.choices == 0 {
		return State{}
	}
	return State{
		Open: s.choices.of(0), Click: s.choices.of(1), Mail: s.choices.of(2),
		OpenAt: moment(s.at[0]), ClickAt: moment(s.at[1]),
		Newest: moment(max(s.at[0], s.at[1], s.at[2])),
	}
}

// moment returns the time of a register; zero where it was never set.
func moment(at uint32) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(int64(at), 0).UTC()
}
