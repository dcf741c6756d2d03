package consent

import (
	"testing"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_6_4_OnlyAYesToThatVeryPurpose goes through every situation: a hit is
// kept in exactly those where nothing speaks against it.
func TestPolicy_6_4_OnlyAYesToThatVeryPurpose(t *testing.T) {
	live, stopped := &site.Site{}, &site.Site{Status: site.Stopped}
	choices := []event.Choice{event.Unset, event.Granted, event.Denied}
	kept := 0
	for _, kind := range event.Kinds() {
		for n := range 3 * 3 * 3 * 2 * 2 * 2 {
			s := MailSituation{Site: live, Open: choices[n%3], Click: choices[n/3%3], All: choices[n/9%3], Unheard: n/27%2 == 1, Away: n/54%2 == 1}
			if n/108 == 1 {
				s.Site = stopped
			}
			v := JudgeMail(kind, &s)
			yes := kind == event.MailOpen && s.Open == event.Granted || kind == event.MailClick && s.Click == event.Granted
			want := yes && s.All != event.Denied && !s.Unheard && !s.Away && s.Site == live
			if got := v.Reason == event.None; got != want {
				t.Errorf("%s, %+v: %s", kind, s, v.Reason)
			}
			if v.Reason == event.None {
				kept++
				if v.Basis != event.BasisMail || !v.Attributed {
					t.Errorf("%s: %+v", kind, v)
				}
			}
		}
	}
	if kept != 2*3*2 { // two kinds, any word on the other purpose, not unsubscribed
		t.Errorf("kept in %d situations", kept)
	}
	for reason, s := range map[event.Reason]MailSituation{
		event.SiteStopped:  {Site: stopped, Open: event.Granted},
		event.Unsubscribed: {Site: live, Open: event.Granted, All: event.Denied, Unheard: true},
		event.Withdrawal:   {Site: live, Open: event.Denied, Click: event.Granted, Unheard: true},
		event.Overloaded:   {Site: live, Open: event.Granted, Unheard: true},
		event.NoConsent:    {Site: live, Click: event.Granted},
		event.CrossBorder:  {Site: live, Open: event.Granted, Away: true},
	} {
		if v := JudgeMail(event.MailOpen, &s); v.Reason != reason {
			t.Errorf("%s, want %s", v.Reason, reason)
		}
	}
}
