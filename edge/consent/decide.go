package consent

import (
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// Situation is all that counts for a decision.
type Situation struct {
	Site   *site.Site
	Regime site.Regime // at the visit's place
	GPC    bool        // Sec-GPC: 1 was sent with this request
	Record Record      // zero where there is none
	// Problem is why a record that was sent does not count: bad_signature
	// (forged, another site's, conflicting, oversized) or withdrawn. The
	// record is then ignored.
	Problem event.Reason
	Now     time.Time
	Away    bool // this node's region is not the site's
}

// Verdict is a decision about one hit.
type Verdict struct {
	Reason event.Reason // None: it may be kept
	Basis  event.Basis
	// Attributed: the event may also say where the visit came from.
	Attributed bool
}

// Judge decides about a hit of a visitor. Kinds of mail are a recipient's,
// and never granted here.
func Judge(kind event.Kind, s *Situation) Verdict {
	if s.Site.Status == site.Stopped {
		return refuse(event.SiteStopped)
	}
	if s.Problem != event.None {
		return refuse(s.Problem)
	}
	purpose, ok := purposeOf(kind)
	if !ok {
		return refuse(event.NoConsent)
	}
	may := s.purpose(purpose)
	if may.reason != event.None {
		return refuse(may.reason)
	}
	if s.Away {
		if away := s.purpose(site.CrossBorder); away.reason != event.None || away.basis != event.BasisRecord {
			return refuse(event.CrossBorder)
		}
	}
	ad := s.purpose(site.Marketing)
	return Verdict{Basis: may.basis, Attributed: ad.reason == event.None && ad.basis == may.basis}
}

func refuse(r event.Reason) Verdict { return Verdict{Reason: r} }

// purposeOf says which purpose a kind of event needs (contract: "kept |
// needs").
func purposeOf(kind event.Kind) (site.Purpose, bool) {
	switch kind {
	case event.PageView, event.Custom:
		return site.Analytics, true
	case event.Visit, event.Impression, event.Click, event.Conversion, event.Refund:
		return site.Marketing, true
	}
	return 0, false
}

// May reports whether a purpose is granted, and why not. Preferences and the
// handle ask it; events go through Judge.
func May(p site.Purpose, s *Situation) event.Reason {
	if s.Site.Status == site.Stopped {
		return event.SiteStopped
	}
	if s.Problem != event.None {
		return s.Problem
	}
	got := s.purpose(p)
	if got.reason == event.None && got.basis != event.BasisRecord {
		return event.NoConsent
	}
	return got.reason
}

// allowance is the answer for one purpose.
type allowance struct {
	reason event.Reason
	basis  event.Basis
}

// purpose decides about one purpose alone.
func (s *Situation) purpose(p site.Purpose) allowance {
	use, asked := s.Site.Uses(p)
	if !asked {
		return allowance{reason: event.NoConsent}
	}
	if s.minor() {
		return allowance{reason: s.minorReason()}
	}
	if s.GPC && p == site.Marketing && !s.grantStandsAgainstSignal() {
		return allowance{reason: event.GPC}
	}
	decision, why := s.decided(use)
	switch decision {
	case Granted:
		return allowance{basis: event.BasisRecord}
	case Denied:
		return allowance{reason: event.NoConsent}
	}
	// Leaving the region is never a default: PIPL 39 asks for a consent of its own.
	// An outdated no stays a no there until the visitor is asked again.
	if s.Regime == site.OptOut && p != site.CrossBorder && p != site.Preferences && s.Record.Choices[p].Decision != Denied {
		return allowance{basis: event.BasisOptOut}
	}
	return allowance{reason: why}
}

// decided returns what the record says about a purpose's present version, and
// for unset why it does not count.
func (s *Situation) decided(use site.PurposeUse) (Decision, event.Reason) {
	c := s.Record.Choices[use.ID]
	switch {
	case c.Decision == Unset:
		return Unset, event.NoConsent
	case s.expired():
		return Unset, event.Expired
	case s.Record.Policy < s.Site.Policy.AskedSince() || c.Version < use.Version:
		return Unset, event.PolicyOutdated
	}
	return c.Decision, event.None
}

func (s *Situation) expired() bool {
	made := time.Unix(int64(s.Record.Day)*86400, 0)
	return !s.Now.Before(made.Add(s.Site.ConsentLifetime)) || s.Now.Before(made.Add(-24*time.Hour))
}

// grantStandsAgainstSignal: a grant given here, with the signal on, is a
// choice about that very signal; elsewhere than under opt_in the law makes the
// signal itself the visitor's choice.
func (s *Situation) grantStandsAgainstSignal() bool {
	return s.Regime == site.OptIn && s.Record.Signal && s.Record.Choices[site.Marketing].Decision == Granted
}

// minor reports whether only the necessary is allowed because of age.
func (s *Situation) minor() bool {
	if !s.Site.Minors.Ask {
		return false
	}
	switch s.Record.Age {
	case Adult:
		return false
	case Minor:
		return !s.Record.Guardian
	}
	return true
}

func (s *Situation) minorReason() event.Reason {
	if s.Record.Age == Minor {
		return event.Minor
	}
	return event.NoConsent
}

// State is a visitor's present state, as answered to the page.
type State struct {
	Decisions [site.NumVisitorPurposes]Decision // by purpose; only those the site uses are set
	Ask       bool                              // the banner should ask
}

// StateOf returns what counts now: per purpose, and whether to ask.
func StateOf(s *Situation) State {
	var st State
	for _, use := range s.Site.Purposes {
		decision := Unset
		if s.Problem == event.None {
			decision, _ = s.decided(use)
		}
		st.Ask = st.Ask || decision == Unset
		if decision == Granted && s.purpose(use.ID).reason != event.None {
			decision = Denied // a signal or age stands against the grant
		}
		st.Decisions[use.ID] = decision
	}
	st.Ask = st.Ask && s.Site.Status == site.Live
	return st
}
