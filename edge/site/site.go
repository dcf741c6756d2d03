package site

import (
	"net/url"
	"strings"
	"time"
)

// Status tells whether a site still collects.
type Status uint8

const (
	// Live sites collect what their visitors granted.
	Live Status = iota
	// Stopped sites collect nothing and clear cookies; links, rights and
	// choices go on working (policy 7.7).
	Stopped
)

// String returns the status' name in the configuration.
func (s Status) String() string {
	if s == Stopped {
		return "stopped"
	}
	return "live"
}

// Controller is who answers for the data, named on the banner's first layer.
type Controller struct {
	Name, Address, Email, Complaints string
}

// Service is third-party code that the site embeds, held back until its
// purpose is granted and listed for visitors (policy 3.1.5).
type Service struct {
	ID        string
	Name      string
	Purpose   Purpose
	Provider  string
	Country   string // ISO 3166-1 alpha-2 of where the provider keeps the data
	Data      string // what it collects
	Use       string // what for
	Retention string
	Hosts     []string // hosts it talks to
	Cookies   []string // names it sets; a trailing * matches any ending
	Storage   []string // localStorage and sessionStorage keys it sets
}

// Transfer names the five things a visitor must be told before data leaves
// its region (PIPL 39, policy 7.6), in one language.
type Transfer struct {
	Recipient, Country, Purpose, Safeguards, Risks string
}

// Complete reports whether all five are said.
func (t Transfer) Complete() bool {
	return t.Recipient != "" && t.Country != "" && t.Purpose != "" && t.Safeguards != "" && t.Risks != ""
}

// Minors says whether a visitor is asked for being of age (policy 8).
type Minors struct {
	Ask bool
	Age int // years; below it a guardian's consent is needed
}

// Layout is the banner's first layer.
type Layout string

// The layouts. Modal covers the page and therefore needs a stated reason.
const (
	Bar   Layout = "bar"
	Box   Layout = "box"
	Modal Layout = "modal"
)

// Banner is how a site's banner looks and speaks.
type Banner struct {
	Layout    Layout
	Reason    string   // why the layout is modal
	Languages []string // BCP 47; the first is used where none fits
	Theme     map[string]string
	Button    bool // floating "change my choice"
}

// Site is one website. Build it with New; treat it as read-only.
type Site struct {
	ID              string
	Name            string
	Domains         []string // lower-case host names; each covers its subdomains
	Endpoints       []*url.URL
	Controller      Controller
	Region          string // where its data stays
	Zone            *time.Location
	Currency        string // ISO 4217
	Status          Status
	Purposes        []PurposeUse
	Services        []Service
	CrossBorder     map[string]Transfer // by language
	Minors          Minors
	Regimes         Regimes
	ConsentLifetime time.Duration
	EventProps      map[string][]string // event name → the props kept
	MinGroup        int
	UnsubscribeHook string
	ConsentMode     bool
	BlockHosts      []string
	Banner          Banner
	RetainEvents    time.Duration
	RetainConsents  time.Duration
	Policy          *Policy
	Incidents       []Incident // the newest first
	Made            bool       // its traffic is made by the demo and labelled so
}

// Uses returns how the site uses p; false where it does not ask for it.
func (s *Site) Uses(p Purpose) (PurposeUse, bool) {
	for _, u := range s.Purposes {
		if u.ID == p {
			return u, true
		}
	}
	return PurposeUse{}, false
}

// Covers reports whether host (without port, lower case) is one of the site's
// domains or below one.
func (s *Site) Covers(host string) bool {
	for _, d := range s.Domains {
		if host == d {
			return true
		}
		if len(host) > len(d) && strings.HasSuffix(host, d) && host[len(host)-len(d)-1] == '.' {
			return true
		}
	}
	return false
}

// Trusts reports whether a request whose Origin is on host may speak for the
// site: a page of its domains, or one of its endpoints.
func (s *Site) Trusts(host string) bool {
	if s.Covers(host) {
		return true
	}
	for _, e := range s.Endpoints {
		if e.Hostname() == host {
			return true
		}
	}
	return false
}

// Service finds a declared service.
func (s *Site) Service(id string) (*Service, bool) {
	for i := range s.Services {
		if s.Services[i].ID == id {
			return &s.Services[i], true
		}
	}
	return nil, false
}

// Props returns the names of the props that an event of this name keeps.
func (s *Site) Props(event string) []string {
	if props, ok := s.EventProps[event]; ok {
		return props
	}
	switch event {
	case "outbound":
		return []string{"host"}
	case "download":
		return []string{"file"}
	}
	return nil
}

// AskedFrom returns the moment from which a yes counts that carries a time and no
// policy version, as a mail recipient's does: the first of the day of the newest
// material version, in the site's zone. It is zero before a second version: nobody
// agreed to anything before the first.
func (s *Site) AskedFrom() time.Time {
	v, _ := s.Policy.Version(s.Policy.AskedSince())
	if v.Number == 1 {
		return time.Time{}
	}
	y, m, d := v.Date.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, s.Zone)
}

// LocalDay returns the day, in days since 1970-01-01, that t falls on in the
// site's zone.
func (s *Site) LocalDay(t time.Time) int32 {
	y, m, d := t.In(s.Zone).Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}
