package consent

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// TestPolicy_6_4_OnlyAYesToThatVeryPurpose goes through every situation: a hit is
// kept in exactly those where nothing speaks against it.
func TestPolicy_6_4_OnlyAYesToThatVeryPurpose(t *testing.T) {
	live, stopped := &site.Site{Policy: site.FirstPolicy()}, &site.Site{Policy: site.FirstPolicy(), Status: site.Stopped}
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

// TestPolicy_2_3_5_3_2_2_AMaterialVersionAsksRecipientsToo: a yes from before the
// newest material version is unset for both purposes, one from its day on
// counts, and a no is one whatever version comes.
func TestPolicy_2_3_5_3_2_2_AMaterialVersionAsksRecipientsToo(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	control := []site.Material{site.MaterialControl}
	st := &site.Site{Zone: zone, Policy: &site.Policy{Versions: []site.PolicyVersion{
		{Number: 1, Date: day(1)}, {Number: 2, Date: day(10), Material: control}, {Number: 3, Date: day(20)},
	}}}
	begins := time.Date(2026, 11, 10, 0, 0, 0, 0, zone)
	for _, c := range []struct {
		choice event.Choice
		at     time.Time
		want   event.Reason
	}{
		{event.Granted, begins.Add(-time.Second), event.PolicyOutdated},
		{event.Granted, begins.AddDate(-1, 0, 0), event.PolicyOutdated},
		{event.Granted, time.Time{}, event.PolicyOutdated},
		{event.Granted, begins, event.None},
		{event.Granted, day(21), event.None},
		{event.Denied, begins.Add(-time.Second), event.Withdrawal},
		{event.Denied, begins, event.Withdrawal},
		{event.Unset, time.Time{}, event.NoConsent},
	} {
		for kind, s := range map[event.Kind]MailSituation{
			event.MailOpen:  {Site: st, Open: c.choice, OpenAt: c.at, ClickAt: begins},
			event.MailClick: {Site: st, Click: c.choice, ClickAt: c.at, OpenAt: begins},
		} {
			if v := JudgeMail(kind, &s); v.Reason != c.want {
				t.Errorf("%s, choice %d at %s: %s, want %s", kind, c.choice, c.at, v.Reason, c.want)
			}
			s.All = event.Denied
			if v := JudgeMail(kind, &s); v.Reason != event.Unsubscribed {
				t.Errorf("%s, unsubscribed: %s", kind, v.Reason)
			}
		}
	}
}
