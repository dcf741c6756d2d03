package server

import (
	"sync"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// starts remembers sessions started in the last few seconds. A page may send
// two hits before the first answer brings the session's cookie, and that answer
// may be lost; without this each would start a session of its own.
type starts struct {
	mu    sync.Mutex
	swept time.Time
	by    map[startKey]start
}

type startKey struct {
	site    string
	visitor uint64
}

type start struct {
	session uint64
	at      time.Time
	source  event.Campaign
	first   event.Campaign
	// answered: the browser is sent its cookies, unless the answer is lost.
	answered bool
}

// follows reports whether the browser was answered with this session after the one
// that its cookies have: the answers came in the other order, as they do when
// somebody follows a link while the page before still waits for its own.
func (s start) follows(cookies identity.Session) bool {
	return s.answered && s.session != cookies.ID && s.at.After(cookies.Last)
}

const (
	startMemory = 10 * time.Second
	maxStarts   = 1 << 16
)

func newStarts() *starts { return &starts{by: make(map[startKey]start)} }

// recent returns the visitor's session if one started moments ago.
func (s *starts) recent(site string, visitor uint64, now time.Time) (start, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.by[startKey{site, visitor}]
	return st, ok && now.Sub(st.at) < startMemory && !now.Before(st.at)
}

// started remembers a session's start.
func (s *starts) started(site string, visitor uint64, st start) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) >= maxStarts || st.at.Sub(s.swept) > startMemory || st.at.Before(s.swept) {
		s.swept = st.at
		for k, old := range s.by {
			if st.at.Sub(old.at) >= startMemory || len(s.by) >= maxStarts {
				delete(s.by, k)
			}
		}
	}
	s.by[startKey{site, visitor}] = st
}

// forget takes back a start that was not kept: the hit sent again makes its own.
func (s *starts) forget(site string, visitor, session uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := (startKey{site, visitor}); s.by[key].session == session {
		delete(s.by, key)
	}
}
