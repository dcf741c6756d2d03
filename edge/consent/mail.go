package consent

import (
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// MailSituation is all that counts for a decision about a mail recipient's hit.
type MailSituation struct {
	Site        *site.Site
	Open, Click event.Choice // mail_open, mail_click, as they stand now
	All         event.Choice // Denied: unsubscribed
	Unheard     bool         // this node may lack what was said elsewhere
	Away        bool         // this node's region is not the site's
}

// JudgeMail decides about a mail_open or a mail_click; other kinds are refused.
// Only a yes of the recipient to that very purpose counts, now as it did when the
// mail was sent (CNIL 2026-042: opens apart from clicks, unknown is no, and a
// withdrawal reaches sent mail). Nobody can agree by mail to their data leaving
// the region (PIPL 39), so nothing is kept outside it.
func JudgeMail(kind event.Kind, s *MailSituation) Verdict {
	said := s.Open
	if kind == event.MailClick {
		said = s.Click
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
	case s.Away:
		return refuse(event.CrossBorder)
	}
	return Verdict{Basis: event.BasisMail, Attributed: true}
}
