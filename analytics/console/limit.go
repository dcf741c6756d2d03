package console

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"
)

// Failed sign-ins allowed before the next must wait: of one name from one
// address, of one name from anywhere, from one address with any names.
const (
	triesWindow     = 15 * time.Minute
	triesNameAndAdr = 5
	triesName       = 50
	triesAddress    = 100
	maxTries        = 100_000 // counters kept; beyond, all sign-ins wait for the window
)

// tries counts failed sign-ins. It keeps keyed hashes with a key that dies
// with the process: no name, no address.
type tries struct {
	now  func() time.Time
	key  [32]byte
	mu   sync.Mutex
	from time.Time // the window's start
	n    map[[sha256.Size]byte]int
}

func newTries(now func() time.Time) *tries {
	t := &tries{now: now, n: map[[sha256.Size]byte]int{}}
	_, _ = rand.Read(t.key[:]) // never returns an error (Go 1.24)
	return t
}

// try counts a sign-in that is about to be checked, so that many at once are
// all counted, or returns how long it must wait.
func (t *tries) try(name, address string) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if now.Sub(t.from) >= triesWindow || now.Before(t.from) {
		t.from = now
		clear(t.n)
	}
	over := len(t.n) >= maxTries
	counters := t.counters(name, address)
	for _, c := range counters {
		over = over || t.n[c.key] >= c.most
	}
	if over {
		return triesWindow - now.Sub(t.from)
	}
	for _, c := range counters {
		t.n[c.key]++
	}
	return 0
}

// succeeded takes a sign-in back that was counted and turned out right, with
// the failures of this name from this address before it.
func (t *tries) succeeded(name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counters := t.counters(name, address)
	delete(t.n, counters[0].key)
	for _, c := range counters[1:] {
		if t.n[c.key] > 0 {
			t.n[c.key]--
		}
	}
}

type counter struct {
	key  [sha256.Size]byte
	most int
}

func (t *tries) counters(name, address string) [3]counter {
	return [3]counter{
		{t.hash("both", name, address), triesNameAndAdr},
		{t.hash("name", name, ""), triesName},
		{t.hash("address", "", address), triesAddress},
	}
}

func (t *tries) hash(sort, name, address string) [sha256.Size]byte {
	return sha256.Sum256([]byte(string(t.key[:]) + sort + "\x00" + name + "\x00" + address))
}

// connectionAddress returns where the connection comes from, without port. It
// is used in memory for counting and kept nowhere. Headers are not believed:
// anyone can write them.
func connectionAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
