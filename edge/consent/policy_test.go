package consent

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// accepted is a record that says yes to all that testSite asks for.
func accepted() Record {
	r := Record{Site: "shop", Policy: 4, Day: dayOf(today), ID: [16]byte{1}}
	for p := site.Preferences; p <= site.CrossBorder; p++ {
		r.Choices[p] = Choice{Granted, 2}
	}
	return r
}

func refused() Record {
	r := Record{Site: "shop", Policy: 4, Day: dayOf(today)}
	for p := site.Preferences; p <= site.CrossBorder; p++ {
		r.Choices[p] = Choice{Denied, 2}
	}
	return r
}

func reasons(t *testing.T, s *Situation, want event.Reason, kinds ...event.Kind) {
	t.Helper()
	for _, k := range kinds {
		if got := Judge(k, s).Reason; got != want {
			t.Errorf("%s: reason %q, want %q", k, got, want)
		}
	}
}

func TestPolicy_2_1_5_PlainBrowsingKeepsNothing(t *testing.T) {
	s := &Situation{Site: testSite(), Now: today}
	reasons(t, s, event.NoConsent, event.Kinds()...)
	for p := site.Preferences; p <= site.CrossBorder; p++ {
		if May(p, s) == event.None {
			t.Errorf("%s may be kept before a choice", p)
		}
	}
}

func TestPolicy_2_3_5_WiderPurposeIsUnsetForEverybody(t *testing.T) {
	for name, record := range map[string]Record{"who accepted": accepted(), "who refused": refused()} {
		s := &Situation{Site: testSite(), Now: today, Record: record}
		s.Site.Purposes[2].Version = 3 // marketing
		st := StateOf(s)
		if st.Decisions[site.Marketing] != Unset || !st.Ask {
			t.Errorf("%s: marketing is %s, ask %t; want unset and asked again", name, st.Decisions[site.Marketing], st.Ask)
		}
		if st.Decisions[site.Analytics] == Unset {
			t.Errorf("%s: analytics, which did not change, is unset", name)
		}
		reasons(t, s, event.PolicyOutdated, event.Visit, event.Click, event.Conversion)
	}
}

func TestPolicy_2_3_5_NewPurposeIsAskedFor(t *testing.T) {
	r := accepted()
	r.Choices[site.Marketing] = Choice{}
	s := &Situation{Site: testSite(), Now: today, Record: r}
	if st := StateOf(s); st.Decisions[site.Marketing] != Unset || !st.Ask {
		t.Errorf("a purpose added later is %s, ask %t", st.Decisions[site.Marketing], st.Ask)
	}
	reasons(t, s, event.NoConsent, event.Visit)
	reasons(t, s, event.None, event.PageView)
}

func TestPolicy_2_4_OneSwitchPerPurpose(t *testing.T) {
	for p := site.Preferences; p <= site.Marketing; p++ {
		r := refused()
		r.Choices[p], r.ID = Choice{Granted, 2}, [16]byte{1}
		s := &Situation{Site: testSite(), Now: today, Record: r}
		for q := site.Preferences; q <= site.Marketing; q++ {
			if granted := May(q, s) == event.None; granted != (p == q) {
				t.Errorf("with %s granted alone, %s is granted: %t", p, q, granted)
			}
		}
	}
}

func TestPolicy_6_3_ChoicesLast(t *testing.T) {
	for name, record := range map[string]Record{"yes": accepted(), "no": refused()} {
		for _, after := range []time.Duration{0, 24 * time.Hour, 179 * 24 * time.Hour} {
			if StateOf(&Situation{Site: testSite(), Now: today.Add(after), Record: record}).Ask {
				t.Errorf("a %s is asked again after %s", name, after)
			}
		}
	}
}

func TestPolicy_7_6_CrossingNeedsAConsentOfItsOwn(t *testing.T) {
	for _, regime := range []site.Regime{site.OptIn, site.OptOut} {
		r := accepted()
		r.Choices[site.CrossBorder] = Choice{Denied, 2}
		s := &Situation{Site: testSite(), Regime: regime, Now: today, Record: r, Away: true}
		reasons(t, s, event.CrossBorder, event.PageView, event.Custom, event.Visit, event.Conversion)
		// Not events alone: "anything, on a node whose region is not the site's".
		for p := site.Preferences; p <= site.Marketing; p++ {
			if got := May(p, s); got != event.CrossBorder {
				t.Errorf("%s: May(%s) abroad = %q, want cross_border", regime, p, got)
			}
		}
		s.Away = false
		reasons(t, s, event.None, event.PageView, event.Visit)
	}
}

func TestPolicy_7_7_StoppedSiteCollectsNothing(t *testing.T) {
	s := &Situation{Site: testSite(), Now: today, Record: accepted()}
	s.Site.Status = site.Stopped
	reasons(t, s, event.SiteStopped, event.Kinds()...)
	for p := site.Preferences; p <= site.CrossBorder; p++ {
		if got := May(p, s); got != event.SiteStopped {
			t.Errorf("May(%s) = %q, want site_stopped", p, got)
		}
	}
	s.Record = Record{}
	if StateOf(s).Ask {
		t.Error("a stopped site asks")
	}
}

func TestPolicy_8_MinorsNeedAGuardiansYes(t *testing.T) {
	cases := []struct {
		name     string
		ask      bool
		age      Age
		guardian bool
		want     event.Reason
	}{
		{"not asked", false, NotAsked, false, event.None},
		{"asked, unanswered", true, Unanswered, false, event.NoConsent},
		{"accepted before the site asked", true, NotAsked, false, event.NoConsent},
		{"adult", true, Adult, false, event.None},
		{"minor", true, Minor, false, event.Minor},
		{"minor whose guardian agreed", true, Minor, true, event.None},
		{"minor after the site stopped asking", false, Minor, false, event.Minor},
	}
	for _, c := range cases {
		for _, regime := range []site.Regime{site.OptIn, site.OptOut} {
			r := accepted()
			r.Age, r.Guardian = c.age, c.guardian
			s := &Situation{Site: testSite(), Regime: regime, Now: today, Record: r}
			s.Site.Minors.Ask = c.ask
			for p := site.Preferences; p <= site.CrossBorder; p++ {
				if got := May(p, s); got != c.want {
					t.Errorf("%s, %s: May(%s) = %q, want %q", c.name, regime, p, got, c.want)
				}
			}
			reasons(t, s, c.want, event.PageView, event.Visit)
		}
	}
}

func TestPolicy_8_OptOutNeverCountsWhoMayBeAMinor(t *testing.T) {
	s := &Situation{Site: testSite(), Regime: site.OptOut, Now: today}
	reasons(t, s, event.None, event.PageView)
	s.Site.Minors.Ask = true
	reasons(t, s, event.NoConsent, event.PageView, event.Visit)
}

func TestPolicy_9_3_MaterialVersionUnsetsEveryDecision(t *testing.T) {
	for policy, counts := range map[int]bool{1: false, 2: false, 3: true, 4: true} {
		r := accepted()
		r.Policy = policy // version 3 is material, 4 is not
		s := &Situation{Site: testSite(), Now: today, Record: r}
		st := StateOf(s)
		for p := site.Preferences; p <= site.CrossBorder; p++ {
			if (st.Decisions[p] == Granted) != counts {
				t.Errorf("accepted under version %d: %s is %s", policy, p, st.Decisions[p])
			}
		}
		if st.Ask == counts {
			t.Errorf("accepted under version %d: ask %t", policy, st.Ask)
		}
	}
}
