package consent

import (
	"errors"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// Decision is what a visitor decided about one purpose.
type Decision uint8

// The decisions.
const (
	Unset Decision = iota
	Denied
	Granted
)

// String returns the decision's name in answers.
func (d Decision) String() string {
	switch d {
	case Granted:
		return "granted"
	case Denied:
		return "denied"
	}
	return "unset"
}

// Age is what a visitor said of being of age. The age itself is never kept.
type Age uint8

// The answers.
const (
	NotAsked Age = iota
	Unanswered
	Adult
	Minor
)

// String returns the answer's name in requests and in the ledger.
func (a Age) String() string {
	return [...]string{"", "unanswered", "adult", "minor"}[a]
}

// ParseAge finds an answer by its name.
func ParseAge(name string) (Age, error) {
	for a := NotAsked; a <= Minor; a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return NotAsked, errors.New(`age: write "adult", "minor" or "unanswered"`)
}

// Choice is a decision about one version of a purpose.
type Choice struct {
	Decision Decision
	Version  int
}

// ServiceChoice is a decision about one declared service.
type ServiceChoice struct {
	ID      string
	Granted bool
}

// Record is a visitor's newest decision, as kj_consent carries it. Its zero
// value is "nothing decided".
type Record struct {
	Site     string
	Choices  [site.NumVisitorPurposes]Choice
	Services []ServiceChoice // by id
	Policy   int             // the policy's version shown
	Signal   bool            // Sec-GPC: 1 was sent
	Age      Age
	Guardian bool
	Day      int32    // days since 1970-01-01 UTC
	ID       [16]byte // zero where nothing is granted
}

// Grants reports whether the record grants anything.
func (r *Record) Grants() bool {
	for _, c := range r.Choices {
		if c.Decision == Granted {
			return true
		}
	}
	return false
}

// Narrows reports whether r, following old, takes back something that old
// granted: then old must never count again, however long a copy is kept. A
// record does not know which purpose a service serves; a service switched off
// for the first time counts as taken back from any grant.
func (r *Record) Narrows(old *Record) bool {
	if !old.Grants() {
		return false
	}
	for p, c := range old.Choices {
		if c.Decision == Granted && r.Choices[p].Decision != Granted {
			return true
		}
	}
	for _, s := range old.Services {
		if s.Granted && !r.ServiceGranted(s.ID) {
			return true
		}
	}
	for _, s := range r.Services {
		if !s.Granted && old.ServiceGranted(s.ID) {
			return true
		}
	}
	return r.onlyNecessary() && !old.onlyNecessary()
}

// onlyNecessary reports whether the answer about age leaves no other purpose.
func (r *Record) onlyNecessary() bool {
	return r.Age == Unanswered || r.Age == Minor && !r.Guardian
}

// ServiceGranted reports what was decided for one service alone; true where
// nothing was, since then its purpose decides.
func (r *Record) ServiceGranted(id string) bool {
	for _, s := range r.Services {
		if s.ID == id {
			return s.Granted
		}
	}
	return true
}

// SetService decides about one service.
func (r *Record) SetService(id string, granted bool) {
	i, found := slices.BinarySearchFunc(r.Services, id, func(s ServiceChoice, id string) int { return strings.Compare(s.ID, id) })
	if !found {
		r.Services = slices.Insert(r.Services, i, ServiceChoice{ID: id})
	}
	r.Services[i].Granted = granted
}

// Ledger returns the decisions in the ledger's form.
func (r *Record) Ledger() (purposes []event.PurposeDecision, services []event.ServiceDecision) {
	for p := site.Preferences; int(p) < len(r.Choices); p++ {
		if c := r.Choices[p]; c.Decision != Unset {
			purposes = append(purposes, event.PurposeDecision{Purpose: p.String(), Version: c.Version, Granted: c.Decision == Granted})
		}
	}
	for _, s := range r.Services {
		services = append(services, event.ServiceDecision{Service: s.ID, Granted: s.Granted})
	}
	return purposes, services
}
