package store

import (
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// prepared are events that are written as they are sent already, and what of each
// is asked before it is. A batch of a backlog has many more events than an edge
// should hold in memory, and few of them are ever left out.
type prepared struct {
	block *block[event.Event]
	of    []whose
}

// whose is an event's owner, and which one it is.
type whose struct {
	site               string
	visitor, recipient uint64
	at                 time.Time
	id                 [16]byte
}

// Prepare writes the events that were added as they are sent to this store, and
// empties Events: whoever fills a batch while the one before it is inserted spares
// Insert half its time, and memory. Where the driver writes them it does nothing.
func (s *Store) Prepare(b *Batch) {
	if !s.plain || len(b.Events) == 0 {
		return
	}
	if b.prepared == nil {
		b.prepared = &prepared{block: eventTable.block()}
	}
	b.prepared.block.add(b.Events)
	for _, e := range b.Events {
		b.prepared.of = append(b.prepared.of, whose{e.Site, e.Visitor, e.Recipient, e.Time, e.ID})
	}
	clear(b.Events) // keeps none alive
	b.Events = b.Events[:0]
}

// Reset empties the batch. What Prepare wrote into is used again.
func (b *Batch) Reset() {
	p := b.prepared
	if p != nil {
		p.block.reset()
		clear(p.of)
		p.of = p.of[:0]
	}
	*b = Batch{Events: b.Events[:0], prepared: p}
}

// EventIDs returns the ids of the batch's events, in their order.
func (b *Batch) EventIDs() [][16]byte {
	ids := make([][16]byte, 0, b.prepared.rows()+len(b.Events))
	if b.prepared != nil {
		for i := range b.prepared.of {
			ids = append(ids, b.prepared.of[i].id)
		}
	}
	for _, e := range b.Events {
		ids = append(ids, e.ID)
	}
	return ids
}

func (p *prepared) rows() int {
	if p == nil {
		return 0
	}
	return len(p.of)
}

// without returns what is left of them when some go; p itself stays as it is.
func (p *prepared) without(goes func(*whose) bool) *prepared {
	var marked []bool
	for i := range p.of {
		if !goes(&p.of[i]) {
			continue
		}
		if marked == nil {
			marked = make([]bool, len(p.of))
		}
		marked[i] = true
	}
	if marked == nil {
		return p
	}
	left := &prepared{block: p.block.without(marked)}
	for i, one := range marked {
		if !one {
			left.of = append(left.of, p.of[i])
		}
	}
	return left
}
