package server

import (
	"sync"
	"time"
)

// limits is a rate limiter per address: the generic cell rate algorithm
// (ITU-T I.371), which needs one number per address. Addresses are known here
// only by a hash under a key of this process (enrich.Address.RateKey).
type limits struct {
	interval int64 // ns between hits; 0: unlimited
	burst    int64 // ns that a client may be ahead
	shards   [64]limitShard
}

type limitShard struct {
	mu    sync.Mutex
	due   map[uint64]int64 // key → when its next hit is due, ns
	swept int64
}

// maxPerShard bounds memory: 64 shards of 4,096 addresses are 4 MB.
const maxPerShard = 4096

func newLimits(perSecond int) *limits {
	l := new(limits)
	if perSecond > 0 {
		l.interval = int64(time.Second) / int64(perSecond)
		l.burst = int64(time.Second)
	}
	for i := range l.shards {
		l.shards[i].due = make(map[uint64]int64)
	}
	return l
}

// newSlowLimits allows one hit in an interval, and as many at once as lie within
// burst.
func newSlowLimits(interval, burst time.Duration) *limits {
	l := newLimits(0)
	l.interval, l.burst = int64(interval), int64(burst)
	return l
}

// allow counts n hits and reports whether they are within the rate.
func (l *limits) allow(key uint64, n int, now time.Time) bool {
	if l.interval == 0 {
		return true
	}
	at := now.UnixNano()
	sh := &l.shards[key%uint64(len(l.shards))]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	due := max(sh.due[key], at)
	if due > at+l.burst {
		due = at // the clock was set back
	}
	next := due + l.interval*int64(n)
	if next-at > l.burst {
		return false
	}
	if len(sh.due) >= maxPerShard {
		sh.sweep(at, l.burst)
	}
	sh.due[key] = next
	return true
}

// sweep forgets who is not ahead any more; where everybody is, all: a flood
// from that many addresses is not met by remembering each.
func (sh *limitShard) sweep(at, every int64) {
	if at-sh.swept > every || at < sh.swept {
		sh.swept = at
		for k, due := range sh.due {
			if due <= at {
				delete(sh.due, k)
			}
		}
	}
	if len(sh.due) >= maxPerShard {
		clear(sh.due)
	}
}
