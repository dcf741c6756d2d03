package store

import (
	"sync"

	"github.com/kunjicloud/kunji/edge/event"
)

// wound are the sites that were wound down: nothing about them is stored.
type wound struct {
	mu    sync.RWMutex
	sites map[string]struct{}
}

func (c *wound) add(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sites == nil {
		c.sites = map[string]struct{}{}
	}
	c.sites[site] = struct{}{}
}

func (c *wound) has(site string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.sites[site]
	return ok
}

func (c *wound) none() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.sites) == 0
}

// filter leaves out what is about them. Decisions stay as proof, without their
// subject; so do tombstones and the texts that were agreed to.
func (c *wound) filter(b Batch) Batch {
	if c.none() {
		return b
	}
	b.Events = leave(b.Events, func(e *event.Event) bool { return c.has(e.Site) })
	if b.prepared != nil {
		b.prepared = b.prepared.without(func(w *whose) bool { return c.has(w.site) })
	}
	b.Refusals = leave(b.Refusals, func(r *event.Refusal) bool { return c.has(r.Site) })
	b.Notices = leave(b.Notices, func(n *event.Notice) bool { return c.has(n.Site) })
	b.Statements = leave(b.Statements, func(s *event.Statement) bool { return c.has(s.Site) })
	consents := make([]*Entry, len(b.Consents))
	for i, e := range b.Consents {
		if consents[i] = e; c.has(e.Site) && e.Subject != 0 {
			consents[i] = e.blank()
		}
	}
	b.Consents = consents
	return b
}

// refuse is ErrWoundDown where one of the rows is about such a site.
func refuse[T any](c *wound, rows []T, site func(*T) string) error {
	if c.none() {
		return nil
	}
	for i := range rows {
		if c.has(site(&rows[i])) {
			return ErrWoundDown
		}
	}
	return nil
}
