package mail

import (
	"slices"
	"time"
)

// LinkProp is the prop of an event under which a click keeps which link it
// followed: a keyed hash of the destination, in base64url.
const LinkProp = "link"

// Seen is one hit of a mail as it was kept.
type Seen struct {
	At     time.Time // milliseconds are enough
	Open   bool
	Link   uint64 // which link of the mail, for clicks
	Reason Reason // as Classify gave it
}

// Judgement is what all hits of one mail to one recipient say together.
type Judgement struct {
	Reasons []Reason // of each hit, in the order given
	// Opened and Clicked are the best class that any open and any click has:
	// an open by a person upgrades a mail that machines opened before. They are
	// Uncounted where there was none.
	Opened, Clicked Class
}

// Windows of the rules that look at neighbours.
const (
	burstWindow = time.Second
	trapWindow  = 10 * time.Second
)

// Fold judges the hits of one mail to one recipient again, now that their
// neighbours are known:
//
//   - Clicks on two or more different links within a second are a scanner's,
//     the first of them too.
//   - Clicks within 10 seconds before or after a trap was followed are its.
//
// It only turns people into scanners: a hit that was a machine's keeps its
// reason. hits may be in any order and is not changed.
//
// The mail report asks ClickHouse for the same, in analytics/report/query/mail_hits.sql,
// whose test holds the two equal. Whoever changes one changes both.
func Fold(hits []Seen) Judgement {
	j := Judgement{Reasons: make([]Reason, len(hits))}
	var clicks []int
	for i := range hits {
		j.Reasons[i] = hits[i].Reason
		if !hits[i].Open && hits[i].Reason.Class() > Prefetch { // a browser fetches ahead what nobody chose
			clicks = append(clicks, i)
		}
	}
	slices.SortStableFunc(clicks, func(a, b int) int { return hits[a].At.Compare(hits[b].At) })
	for _, forward := range [...]bool{true, false} {
		j.markNeighbours(hits, clicks, forward)
	}
	for i, reason := range j.Reasons {
		if hits[i].Open {
			j.Opened = max(j.Opened, reason.Class())
		} else {
			j.Clicked = max(j.Clicked, reason.Class())
		}
	}
	return j
}

// markNeighbours goes through the clicks in the order of their time, or
// against it, and marks those that have the wrong company behind them.
func (j *Judgement) markNeighbours(hits []Seen, clicks []int, forward bool) {
	order := slices.Clone(clicks)
	if !forward {
		slices.Reverse(order)
	}
	trap, last, other := -1, -1, -1 // other is the last click on another link than last's
	for _, i := range order {
		if last >= 0 && hits[last].Link != hits[i].Link {
			other = last
		}
		last = i
		if hits[i].Reason == ReasonTrap {
			trap = i
		}
		if j.Reasons[i] != ReasonNone && j.Reasons[i] != ReasonBurst {
			continue
		}
		switch {
		case trap >= 0 && hits[i].At.Sub(hits[trap].At).Abs() <= trapWindow:
			j.Reasons[i] = ReasonTrap
		case other >= 0 && hits[i].At.Sub(hits[other].At).Abs() <= burstWindow:
			j.Reasons[i] = ReasonBurst
		}
	}
}
