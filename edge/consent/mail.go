package consent

import (
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// MailSituation is all that counts for a decision about a mail recipient's hit.
type MailSituation struct {
	Site        *site.Site
	Open, Click event.Choice // mail_open, mail_click, as they were said last
	// OpenAt and ClickAt are when.
	OpenAt, ClickAt time.Time
	All             event.Choice // Denied: unsubscribed
	Unheard         bool         // this node may lack what was said elsewhere
	Away            bool         // this node's region is not the site's
}

// MailChoice returns what counts now of a choice that a recipient made at a time.
// A yes from before the newest material policy version is unset: it was given to
// something else, or to somebody else (policy 2.3.5, 3.2.2). A no stays one.
func MailChoice(s *site.Site, said event.Choice, at time.Time) event.Choice {
	if said == event.Granted && at.Before(s.AskedFrom()) {
		return event.Unset
	}
	return said
}

// JudgeMail decides about a mail_open or a mail_click; other kinds are refused.
// Only a yes of the recipient to that very purpose counts, now as it did when the
// mail was sent (CNIL 2026-042: opens apart from clicks, unknown is no, and a
// withdrawal reaches sent mail). Nobody can agree by mail to their data leaving
// the region (PIPL 39), so nothing is kept outside it.
func JudgeMail(kind event.Kind, s *MailSituation) Verdict {
	said, at := s.Open, s.OpenAt
	if kind == event.MailClick {
		said, at = s.Click, s.ClickAt
	}
	switch {
	case kind != event.MailOpen && kind != event.MailClick:
		return refuse(event.NoConsent)
	case s.Site.Status == site.Stopped:
		return refuse(event.SiteStopped)
	case s.All == event.Denied:
		return refuse(event.Unsubscribed)
	case said == event.Denied:
		return refuse(event.Withdrawal)
	case s.Unheard:
		return refuse(event.Overloaded)
	case said != event.Granted:
		return refuse(event.NoConsent)
	case MailChoice(s.Site, said, at) != event.Granted:
		return refuse(event.PolicyOutdated)
	case s.Away:
		return refuse(event.CrossBorder)
	}
	return Verdict{Basis: event.BasisMail, Attributed: true}
}
