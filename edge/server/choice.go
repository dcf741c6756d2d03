package server

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// choiceBody is what POST /v1/consent takes.
type choiceBody struct {
	Site      string          `json:"site"`
	Decisions map[string]bool `json:"decisions"`
	Services  map[string]bool `json:"services"`
	Method    string          `json:"method"`
	Surface   string          `json:"surface"`
	Notice    struct {
		Version  string `json:"version"`
		Language string `json:"language"`
	} `json:"notice"`
	Age      string `json:"age"`
	Guardian *bool  `json:"guardian"` // nil: nothing was said of it
	Erase    bool   `json:"erase"`
}

var (
	methods  = map[string]event.Outcome{"accept_all": event.Accepted, "reject_all": event.Rejected, "save": event.Saved, "withdraw": event.Withdrawn, "gpc": event.Signalled}
	surfaces = []string{"banner", "preferences", "choices", "placeholder", "api"}
)

// check says what is wrong with a choice, before any of it counts.
func (b *choiceBody) check(st *site.Site) error {
	if _, ok := methods[b.Method]; !ok {
		return errors.New("method: write accept_all, reject_all, save, withdraw or gpc")
	}
	if !slices.Contains(surfaces, b.Surface) {
		return errors.New("surface: write banner, preferences, choices, placeholder or api")
	}
	for name, yes := range b.Decisions {
		p, err := site.ParsePurpose(name)
		if _, used := st.Uses(p); err != nil || !used {
			return errors.New("decisions: name only purposes that the site asks for")
		}
		if b.contrary(yes) {
			return fmt.Errorf("decisions: %s says the contrary of method %s", p, b.Method)
		}
	}
	for id, yes := range b.Services {
		if _, ok := st.Service(id); !ok {
			return errors.New("services: name only services that the site declares")
		}
		if b.contrary(yes) {
			return fmt.Errorf("services: an entry says the contrary of method %s", b.Method)
		}
	}
	if _, err := consent.ParseAge(b.Age); err != nil {
		return err //nolint:wrapcheck // it names the field
	}
	if b.Erase && b.Method != "withdraw" {
		return errors.New("erase: goes with method withdraw alone")
	}
	return nil
}

func (b *choiceBody) contrary(yes bool) bool {
	return b.Method == "accept_all" && !yes || (b.Method == "reject_all" || b.Method == "withdraw" || b.Method == "gpc") && yes
}

// decide makes the visitor's new record of what was said and what counted
// before. An unnamed purpose keeps its state.
func (b *choiceBody) decide(s *consent.Situation, now time.Time) consent.Record {
	st := s.Site
	r := consent.Record{
		Site: st.ID, Policy: st.Policy.Current().Number, Signal: s.GPC,
		Day: int32(now.Unix() / 86400),
	}
	before := consent.StateOf(s)
	if st.Minors.Ask {
		r.Age, r.Guardian = b.ofAge(&s.Record, &before)
	}
	for _, use := range st.Purposes {
		d := b.decision(use.ID, before.Decisions[use.ID])
		if d == consent.Granted && st.Minors.Ask && r.Age != consent.Adult && !b.guarded(&r, before.Decisions[use.ID] == consent.Granted) {
			d = consent.Denied // whoever is not of age cannot grant (PIPL 31)
		}
		if d != consent.Unset {
			r.Choices[use.ID] = consent.Choice{Decision: d, Version: use.Version}
		}
	}
	b.decideServices(&r, s)
	if r.Grants() {
		r.ID = identity.NewID()
	}
	return r
}

// ofAge returns what counts now of the answer about age, and whether a guardian
// says yes. What the body leaves out stays, but a guardian's yes no longer than
// the choices that it was given for.
func (b *choiceBody) ofAge(r *consent.Record, before *consent.State) (age consent.Age, guardian bool) {
	age, _ = consent.ParseAge(b.Age) // checked
	stands := false
	if b.Age == "" {
		age = max(r.Age, consent.Unanswered)
		stands = r.Guardian && slices.Contains(before.Decisions[:], consent.Granted)
	}
	if b.Guardian != nil {
		stands = *b.Guardian
	}
	return age, age == consent.Minor && stands
}

// guarded reports whether a guardian's yes covers a grant: one that is said with it,
// or that was there when it was said.
func (b *choiceBody) guarded(r *consent.Record, before bool) bool {
	return r.Guardian && (before || b.Guardian != nil)
}

func (b *choiceBody) decision(p site.Purpose, before consent.Decision) consent.Decision {
	if yes, named := b.Decisions[p.String()]; named {
		if yes {
			return consent.Granted
		}
		return consent.Denied
	}
	switch b.Method {
	case "reject_all", "withdraw":
		return consent.Denied
	case "accept_all":
		// Leaving the region is never bundled with other consents (PIPL 39).
		if p == site.CrossBorder && before != consent.Granted {
			return consent.Denied
		}
		return consent.Granted
	}
	return before
}

// decideServices keeps a service's switch only where its purpose is decided.
func (b *choiceBody) decideServices(r *consent.Record, s *consent.Situation) {
	for _, sv := range s.Site.Services {
		granted := r.Choices[sv.Purpose].Decision == consent.Granted
		if yes, named := b.Services[sv.ID]; named {
			minor := r.Age == consent.Minor && !b.guarded(r, s.Record.ServiceGranted(sv.ID))
			r.SetService(sv.ID, yes && granted && !minor)
			continue
		}
		if b.Method == "save" && s.Problem == event.None && !s.Record.ServiceGranted(sv.ID) {
			r.SetService(sv.ID, false)
		}
	}
}

// stateBody is the answer: what counts now.
type stateBody struct {
	Site      string            `json:"site"`
	Decisions map[string]string `json:"decisions"`
	Services  map[string]string `json:"services"`
	Ask       bool              `json:"ask"`
	Regime    string            `json:"regime"`
	Signal    bool              `json:"signal"`
	Record    string            `json:"record,omitempty"`
	Day       int32             `json:"day,omitempty"`
	Policy    int               `json:"policy"`
	Handle    string            `json:"handle,omitempty"`
	RightsURL string            `json:"rights_url,omitempty"`
}

func newStateBody(s *consent.Situation) stateBody {
	st := consent.StateOf(s)
	b := stateBody{
		Site: s.Site.ID, Ask: st.Ask, Regime: s.Regime.String(), Signal: s.GPC, Day: s.Record.Day,
		Policy:    s.Site.Policy.Current().Number,
		Decisions: make(map[string]string, len(s.Site.Purposes)), Services: make(map[string]string, len(s.Site.Services)),
	}
	for _, use := range s.Site.Purposes {
		b.Decisions[use.ID.String()] = st.Decisions[use.ID].String()
	}
	for _, sv := range s.Site.Services {
		d := st.Decisions[sv.Purpose]
		abroad := site.Abroad(s.Site.Region, sv.Country) && st.Decisions[site.CrossBorder] != consent.Granted
		if d == consent.Granted && (abroad || !s.Record.ServiceGranted(sv.ID)) {
			d = consent.Denied
		}
		b.Services[sv.ID] = d.String()
	}
	if s.Record.Grants() {
		b.Record = identity.FormatID(s.Record.ID)
	}
	return b
}
