package main

import (
	"context"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// countTimeout bounds one insert of counts.
const countTimeout = 10 * time.Second

// sentCounts counts mails: callers that come while an insert is under way
// share the next one, so that a thousand mails a second are not a thousand
// inserts.
type sentCounts struct {
	insert func(context.Context, []store.MailSent) error

	mu    sync.Mutex
	next  *countGroup // being gathered
	going bool        // an insert is under way
}

// countGroup is what one insert counts.
type countGroup struct {
	counts map[store.MailSent]uint64 // Mails is 0 in keys
	done   chan struct{}
	err    error
}

func newSentCounts(insert func(context.Context, []store.MailSent) error) *sentCounts {
	return &sentCounts{insert: insert}
}

// add returns when the mails are counted in ClickHouse.
func (c *sentCounts) add(list []store.MailSent) error {
	if len(list) == 0 {
		return nil
	}
	c.mu.Lock()
	if c.next == nil {
		c.next = &countGroup{counts: map[store.MailSent]uint64{}, done: make(chan struct{})}
	}
	own := c.next
	for _, one := range list {
		n := one.Mails
		one.Mails = 0
		own.counts[one] += n
	}
	leads := !c.going
	c.going = true
	c.mu.Unlock()
	if leads {
		go c.lead()
	}
	<-own.done
	return own.err
}

// lead inserts group after group until none waits.
func (c *sentCounts) lead() {
	for {
		c.mu.Lock()
		group := c.next
		c.next = nil
		if group == nil {
			c.going = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		rows := make([]store.MailSent, 0, len(group.counts))
		for row, n := range group.counts {
			row.Mails = n
			rows = append(rows, row)
		}
		ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
		group.err = c.insert(ctx, rows)
		cancel()
		close(group.done)
	}
}
