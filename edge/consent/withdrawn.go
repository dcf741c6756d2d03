package consent

import "sync"

// Withdrawn remembers the ids of records that were taken back, so that an old
// cookie, kept and sent again, stays a no. It lives in memory; whoever fills it
// keeps what goes in on disk. Safe for concurrent use; the zero value is empty.
type Withdrawn struct {
	mu  sync.RWMutex
	ids map[[16]byte]struct{}
}

// Add remembers an id. The zero id is not one.
func (w *Withdrawn) Add(id [16]byte) {
	if id == ([16]byte{}) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil {
		w.ids = make(map[[16]byte]struct{})
	}
	w.ids[id] = struct{}{}
}

// Has reports whether an id was taken back.
func (w *Withdrawn) Has(id [16]byte) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	_, found := w.ids[id]
	return found
}
