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
	if why := s.barred(); why != event.None {
		return refuse(why)
	}
	purpose, ok := purposeOf(kind)
	if !ok {
		return refuse(event.NoConsent)
	}
	may := s.purpose(purpose)
	if may.reason != event.None {
		return refuse(may.reason)
	}
	if s.leaves() {
		return refuse(event.CrossBorder)
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

// May reports whether a record grants a purpose here, and why not. Cookies,
// preferences and the handle ask it; events go through Judge.
func May(p site.Purpose, s *Situation) event.Reason {
	if why := s.barred(); why != event.None {
		return why
	}
	got := s.purpose(p)
	switch {
	case got.reason != event.None:
		return got.reason
	case got.basis != event.BasisRecord:
		return event.NoConsent
	case p != site.CrossBorder && s.leaves():
		return event.CrossBorder
	}
	return event.None
}

// barred returns why nothing but the necessary may be kept, whatever the
// purpose: an expired record is a no under every regime, like a forged one.
func (s *Situation) barred() event.Reason {
	switch {
	case s.Site.Status == site.Stopped:
		return event.SiteStopped
	case s.Problem != event.None:
		return s.Problem
	case s.expired():
		return event.Expired
	}
	return event.None
}

// leaves reports whether keeping anything here would take it out of the site's
// region without the consent that this needs.
func (s *Situation) leaves() bool {
	return s.Away && s.purpose(site.CrossBorder).reason != event.None
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
	decision, why := s.decided(use)
	if s.signalDenies(p, decision) {
		return allowance{reason: event.GPC}
	}
	switch decision {
	case Granted:
		return allowance{basis: event.BasisRecord}
	case Denied:
		return allowance{reason: event.NoConsent}
	}
	// Leaving the region is never a default: PIPL 39 asks for a consent of its own.
	// Nor is keeping preferences: they lie in the visitor's browser (ePrivacy 5(3)).
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
	case s.Record.Policy < s.Site.Policy.AskedSince() || c.Version < use.Version:
		return Unset, event.PolicyOutdated
	}
	return c.Decision, event.None
}

// expired reports whether there is a record whose time is over. A record knows
// its day and not its hour: a grant counts from that day's first moment, so
// that it never lasts too long, a refusal from its last, so that nobody is
// asked again too soon. A record of the future is not believed either.
func (s *Situation) expired() bool {
	if s.Record.Site == "" {
		return false
	}
	const day = 24 * time.Hour
	made := time.Unix(int64(s.Record.Day)*86400, 0)
	lasts := s.Site.ConsentLifetime
	if !s.Record.Grants() {
		lasts += day
	}
	return !s.Now.Before(made.Add(lasts)) || s.Now.Before(made.Add(-day))
}

// signalDenies reports whether Sec-GPC says no to a purpose decided so. A grant
// given here, with the signal on, is a choice about that very signal; elsewhere
// than under opt_in the law makes the signal itself the visitor's choice.
func (s *Situation) signalDenies(p site.Purpose, decision Decision) bool {
	if !s.GPC || p != site.Marketing {
		return false
	}
	stands := s.Regime == site.OptIn && s.Record.Signal && decision == Granted
	return !stands
}

// minor reports whether only the necessary is allowed because of age. Who said
// to be a minor stays one where the site no longer asks.
func (s *Situation) minor() bool {
	switch s.Record.Age {
	case Adult:
		return false
	case Minor:
		return !s.Record.Guardian
	}
	return s.Site.Minors.Ask
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

// StateOf returns what counts now: per purpose, and whether to ask. A grant
// that a signal or age stands against is shown as denied, and so is what the
// signal denies before any choice. Where the node stands is left out: a
// decision is the visitor's and holds on every node.
func StateOf(s *Situation) State {
	var st State
	for _, use := range s.Site.Purposes {
		decision := Unset
		if s.Problem == event.None && !s.expired() {
			decision, _ = s.decided(use)
		}
		signal := s.signalDenies(use.ID, decision)
		// Under opt_out no grant stands against the signal: asking would be idle.
		st.Ask = st.Ask || decision == Unset && (!signal || s.Regime == site.OptIn)
		if signal || decision == Granted && s.minor() {
			decision = Denied
		}
		st.Decisions[use.ID] = decision
	}
	// A site that has begun to ask for age asks those whose grants wait for it.
	waits := s.Site.Minors.Ask && s.Record.Age == NotAsked && s.Record.Grants()
	st.Ask = (st.Ask || waits) && s.Site.Status == site.Live
	return st
}
