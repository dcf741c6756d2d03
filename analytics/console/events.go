package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

const (
	maxEventsBody = 4 << 20
	maxEvents     = 500
)

// ServerEvent is an event that a website's own server tells of.
type ServerEvent struct {
	Site     string            `json:"site"`
	Kind     string            `json:"kind"`
	Time     string            `json:"time"`
	ID       string            `json:"id"`
	URL      string            `json:"url"`
	Referrer string            `json:"referrer"`
	Name     string            `json:"name"`
	Props    map[string]string `json:"props"`
	Value    json.Number       `json:"value"`
	Currency string            `json:"currency"`
	Order    string            `json:"order"`
	Handle   string            `json:"handle"`
	At       time.Time         `json:"-"` // Time, read; zero is now
}

// EventResult is what became of an event.
type EventResult struct {
	Refused   string // the reason; empty: it is kept
	Duplicate bool   // it was kept before
	Invalid   string // what is wrong with it; no value is repeated
}

// Teller keeps events of one site, each judged by its visitor's newest consent,
// and returns when they are on disk. An error says that none can be judged yet.
type Teller interface {
	Tell(ctx context.Context, s *site.Site, list []ServerEvent) ([]EventResult, error)
}

type invalidJSON struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

type eventsJSON struct {
	Recorded   int            `json:"recorded"`
	Duplicates int            `json:"duplicates"`
	Refused    map[string]int `json:"refused"`
	Invalid    []invalidJSON  `json:"invalid"`
}

// overloadedReason is what the edge says of what it could not keep.
const overloadedReason = "overloaded"

// postEvents keeps events of websites' servers.
func (c *Console) postEvents(w http.ResponseWriter, r *http.Request) {
	if !c.mayCall(w, r, sendEvents) {
		return
	}
	if c.opt.Events == nil {
		c.fail(w, r, problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "this console has no edge beside it that could keep events", Fix: "send them to the console of a node that runs role all",
		})
		return
	}
	var body struct {
		Events []ServerEvent `json:"events"`
	}
	if !c.readJSON(w, r, maxEventsBody, &body) {
		return
	}
	if n := len(body.Events); n == 0 || n > maxEvents {
		c.fail(w, r, problem{Status: http.StatusBadRequest, Code: "bad_body", Detail: fmt.Sprintf("%d events cannot be taken at once", n), Fix: fmt.Sprintf("send 1 to %d", maxEvents)})
		return
	}
	answer, fault := c.tell(r, body.Events)
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	writeStatus(w, http.StatusAccepted, answer)
}

// tell hands events to their sites' edges, site by site.
func (c *Console) tell(r *http.Request, list []ServerEvent) (*eventsJSON, *problem) {
	answer := &eventsJSON{Refused: map[string]int{}, Invalid: []invalidJSON{}}
	bySite, order := map[*site.Site][]int{}, []*site.Site{}
	for i := range list {
		own, fault := c.siteFor(principalOf(r), list[i].Site)
		if fault != nil {
			return nil, fault
		}
		if text := list[i].Time; text != "" {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil || at.IsZero() {
				answer.Invalid = append(answer.Invalid, invalidJSON{i, "time: write it as 2026-11-24T08:00:00Z"})
				continue
			}
			list[i].At = at
		}
		if bySite[own] == nil {
			order = append(order, own)
		}
		bySite[own] = append(bySite[own], i)
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	for _, own := range order {
		part := make([]ServerEvent, len(bySite[own]))
		for i, at := range bySite[own] {
			part[i] = list[at]
		}
		results, err := c.opt.Events.Tell(ctx, own, part)
		if err != nil {
			fault := c.reportProblem(r, err)
			return nil, &fault
		}
		for i, one := range results {
			answer.add(bySite[own][i], one)
		}
	}
	if answer.Refused[overloadedReason] > 0 {
		return nil, &problem{
			Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "not all events could be kept", Fix: "send all of them again with the same ids; each is kept once", retryAfter: 5 * time.Second,
		}
	}
	return answer, nil
}

func (a *eventsJSON) add(at int, one EventResult) {
	switch {
	case one.Invalid != "":
		a.Invalid = append(a.Invalid, invalidJSON{at, one.Invalid})
	case one.Refused != "":
		a.Refused[one.Refused]++
	default:
		a.Recorded++
		if one.Duplicate {
			a.Duplicates++
		}
	}
}
