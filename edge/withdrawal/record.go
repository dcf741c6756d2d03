package withdrawal

import "sync"

// records holds the ids of consent records that were taken back, with the time.
// The map grows in small steps by itself.
type records struct{ parts [16]recordPart }

type recordPart struct {
	mu  sync.RWMutex
	ids map[[16]byte]uint32
}

func (r *records) part(id [16]byte) *recordPart { return &r.parts[id[0]&15] }

func (r *records) has(id [16]byte) bool {
	p := r.part(id)
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, found := p.ids[id]
	return found
}

func (r *records) add(id [16]byte, when uint32) {
	p := r.part(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = make(map[[16]byte]uint32)
	}
	p.ids[id] = max(when, p.ids[id])
}

// before returns the ids taken back before a time.
func (r *records) before(when uint32) (old [][16]byte) {
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.RLock()
		for id, at := range p.ids {
			if at < when {
				old = append(old, id)
			}
		}
		p.mu.RUnlock()
	}
	return old
}

func (r *records) remove(ids [][16]byte) {
	for _, id := range ids {
		p := r.part(id)
		p.mu.Lock()
		delete(p.ids, id)
		p.mu.Unlock()
	}
}

func (r *records) size() (n int) {
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.RLock()
		n += len(p.ids)
		p.mu.RUnlock()
	}
	return n
}
