package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// How long a session lives: after its last request, and in all.
const (
	sessionIdle = 12 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	maxSessions = 10_000 // beyond, the one idle for longest ends
)

// session is one signed-in browser.
type session struct {
	user     string
	argon2id string // the hash signed in with: a new password ends the session
	csrf     string // what forms must send back
	started  time.Time
	seen     time.Time
}

// sessions are kept by the SHA-256 of what the cookie holds, so that a copy
// of memory does not sign anyone in.
type sessions struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[[sha256.Size]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, by: map[[sha256.Size]byte]*session{}}
}

// start opens a session and returns what its cookie holds.
func (s *sessions) start(u User) (string, error) {
	secret, err := randomText()
	if err != nil {
		return "", err
	}
	csrf, err := randomText()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.drop(now)
	s.by[sha256.Sum256([]byte(secret))] = &session{user: u.Name, argon2id: u.Argon2id, csrf: csrf, started: now, seen: now}
	return secret, nil
}

// find returns a live session and notes that it was seen.
func (s *sessions) find(secret string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(secret))
	found, ok := s.by[key]
	if !ok {
		return session{}, false
	}
	now := s.now()
	if found.over(now) {
		delete(s.by, key)
		return session{}, false
	}
	found.seen = now
	return *found, true
}

// end closes a session.
func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, sha256.Sum256([]byte(secret)))
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) >= sessionIdle || now.Sub(s.started) >= sessionLife
}

// drop forgets sessions that are over and, where there are too many, the one
// that was idle for longest.
func (s *sessions) drop(now time.Time) {
	var oldest [sha256.Size]byte
	var since time.Time
	for key, one := range s.by {
		if one.over(now) {
			delete(s.by, key)
			continue
		}
		if since.IsZero() || one.seen.Before(since) {
			oldest, since = key, one.seen
		}
	}
	if len(s.by) >= maxSessions {
		delete(s.by, oldest)
	}
}

// randomText returns 256 random bits as text for a cookie or a form.
func randomText() (string, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("random bytes for a session: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// cookieName adds the prefix with which browsers hold a cookie to this host,
// to https and to the path / (RFC 6265bis, 4.1.3.2).
func (c *Console) cookieName(name string) string {
	if c.opt.Secure {
		return "__Host-" + name
	}
	return name
}

// cookie makes one of the console's cookies; an empty value removes it.
func (c *Console) cookie(name, value string, life time.Duration) *http.Cookie {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	return &http.Cookie{
		Name: c.cookieName(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: c.opt.Secure, SameSite: http.SameSiteStrictMode,
	}
}

func (c *Console) readCookie(r *http.Request, name string) string {
	found, err := r.Cookie(c.cookieName(name))
	if err != nil {
		return ""
	}
	return found.Value
}
