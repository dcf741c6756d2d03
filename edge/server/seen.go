package server

import (
	"sync"
	"time"
)

// seen remembers the ids of events kept within the last day on this node, so
// that a client's retry is kept once. Two generations of half a day each are
// turned over; each holds at most maxSeen ids.
type seen struct {
	mu      sync.Mutex
	turned  time.Time
	now     map[[16]byte]state
	earlier map[[16]byte]state
}

// state of an id: being appended, or kept.
type state uint8

const (
	fresh state = iota
	pending
	kept
)

const (
	seenTurn = 12 * time.Hour
	maxSeen  = 1 << 20 // a generation: about 40 MB at the most
)

func newSeen() *seen {
	return &seen{now: make(map[[16]byte]state), earlier: make(map[[16]byte]state)}
}

// begin claims an id. It returns fresh to the one that may append it.
func (s *seen) begin(id [16]byte, at time.Time) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(at)
	if st := s.now[id]; st != fresh {
		return st
	}
	if st := s.earlier[id]; st != fresh {
		return st
	}
	s.now[id] = pending
	return fresh
}

// end says what became of a claimed id.
func (s *seen) end(id [16]byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		s.now[id] = kept
		return
	}
	delete(s.now, id)
	delete(s.earlier, id)
}

// keep remembers an id as kept.
func (s *seen) keep(id [16]byte, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(at)
	s.now[id] = kept
}

func (s *seen) turn(at time.Time) {
	if at.Sub(s.turned) < seenTurn && len(s.now) < maxSeen {
		return
	}
	s.turned = at
	s.earlier, s.now = s.now, make(map[[16]byte]state)
}
