package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// seldomEvery is how often a message that comes again and again is written.
const seldomEvery = 10 * time.Second

// seldomHandler writes each message at most once in seldomEvery, and says how
// often it came meanwhile. The edge logs through it: a full spool, or a client
// that sends broken requests, must not fill the disk with lines that are all
// the same.
type seldomHandler struct {
	slog.Handler
	now  func() time.Time
	seen *seenMessages
}

type seenMessages struct {
	mu  sync.Mutex
	all map[string]*seenMessage // messages are constants of the program: few
}

type seenMessage struct {
	written time.Time
	left    int // came since, and was not written
}

func seldom(to slog.Handler, now func() time.Time) slog.Handler {
	return seldomHandler{to, now, &seenMessages{all: map[string]*seenMessage{}}}
}

// Handle writes r, or only counts it.
func (h seldomHandler) Handle(ctx context.Context, r slog.Record) error {
	left, write := h.seen.note(r.Message, h.now())
	if !write {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("more_since", left))
	}
	return h.Handler.Handle(ctx, r)
}

// note reports whether a message is written now, and how often it was not.
// A clock that was set back ends the pause.
func (s *seenMessages) note(message string, now time.Time) (left int, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.all[message]
	if m == nil {
		m = new(seenMessage)
		s.all[message] = m
	}
	if d := now.Sub(m.written); d >= 0 && d < seldomEvery {
		m.left++
		return 0, false
	}
	left, m.left, m.written = m.left, 0, now
	return left, true
}

// WithAttrs keeps the pauses.
func (h seldomHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return seldomHandler{h.Handler.WithAttrs(attrs), h.now, h.seen}
}

// WithGroup keeps the pauses.
func (h seldomHandler) WithGroup(name string) slog.Handler {
	return seldomHandler{h.Handler.WithGroup(name), h.now, h.seen}
}
