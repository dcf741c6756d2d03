package server

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// counts counts refusals and banners' outcomes between two flushes into the
// spool, and since the start for metrics. Keys come from closed sets (sites,
// kinds, reasons, countries, device classes, languages), so no visitor can
// make it grow.
type counts struct {
	mu       sync.Mutex
	refusals map[event.Refusal]uint32 // Count is 0 in keys
	notices  map[event.Notice]uint32
	totals   map[Total]uint64
}

// Total names a number that only grows while the process lives.
type Total struct {
	Site   string
	Kind   event.Kind
	Reason event.Reason // None: recorded
}

func newCounts() *counts {
	return &counts{
		refusals: make(map[event.Refusal]uint32), notices: make(map[event.Notice]uint32),
		totals: make(map[Total]uint64),
	}
}

func (c *counts) recorded(site string, kind event.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.totals[Total{Site: site, Kind: kind}]++
}

func (c *counts) refused(r event.Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Hour, r.Count = r.Hour.UTC().Truncate(time.Hour), 0
	c.refusals[r]++
	c.totals[Total{Site: r.Site, Kind: r.Kind, Reason: r.Reason}]++
}

func (c *counts) noticed(n event.Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.Count = 0
	c.notices[n]++
}

// Totals returns what was recorded and refused since the start.
func (s *Server) Totals() map[Total]uint64 {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return maps.Clone(s.counts.totals)
}

// flush appends what was counted. What cannot be appended is counted again.
func (c *counts) flush(spool Appender) error {
	c.mu.Lock()
	refusals, notices := c.refusals, c.notices
	c.refusals, c.notices = make(map[event.Refusal]uint32), make(map[event.Notice]uint32)
	c.mu.Unlock()
	payloads, err := encodeCounts(refusals, notices)
	if err == nil && len(payloads) > 0 {
		err = spool.Append(payloads...)
	}
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range refusals {
		c.refusals[k] += n
	}
	for k, n := range notices {
		c.notices[k] += n
	}
	return fmt.Errorf("keep counts of refusals and notices: %w", err)
}

func encodeCounts(refusals map[event.Refusal]uint32, notices map[event.Notice]uint32) ([][]byte, error) {
	payloads := make([][]byte, 0, len(refusals)+len(notices))
	for r, n := range refusals {
		r.Count = n
		b, err := event.Append(nil, event.Record{Refusal: &r})
		if err != nil {
			return nil, fmt.Errorf("encode a count: %w", err)
		}
		payloads = append(payloads, b)
	}
	for n, count := range notices {
		n.Count = count
		b, err := event.Append(nil, event.Record{Notice: &n})
		if err != nil {
			return nil, fmt.Errorf("encode a count: %w", err)
		}
		payloads = append(payloads, b)
	}
	return payloads, nil
}
