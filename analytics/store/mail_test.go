package store

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

var mailNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func said(recipient uint64, at time.Time, open, click, all event.Choice, proof string) event.Statement {
	return event.Statement{Site: "shop", Recipient: recipient, Time: at, Open: open, Click: click, All: all, By: "token crm", Proof: proof}
}

// testMailConsent: the newest wins in whatever order statements come, a denial
// wins its second, and only a later proof takes an unsubscription back.
func testMailConsent(t *testing.T, s *Store) {
	const unset, granted, denied = event.Unset, event.Granted, event.Denied
	at := func(second int) time.Time { return mailNow.Add(time.Duration(second) * time.Second) }
	for _, step := range [][]event.Statement{
		{said(1, at(2), granted, unset, unset, "form"), said(2, at(9), denied, granted, unset, "")},
		{said(1, at(1), denied, denied, unset, ""), said(2, at(9), granted, unset, unset, "")},
		{said(3, at(5), unset, unset, denied, ""), said(3, at(6), granted, granted, granted, "")},
		{said(4, at(5), unset, unset, denied, ""), said(4, at(6), granted, unset, granted, "double opt-in")},
		{said(5, at(5), unset, unset, denied, ""), said(5, at(4), granted, unset, granted, "an older one")},
		{{Site: "blog", Recipient: 1, Time: at(30), Open: denied, By: event.ByThemselves}},
	} {
		for range 2 { // again: it changes nothing
			if err := s.PutMailConsents(t.Context(), step); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.MailConsent(t.Context(), "shop", []uint64{1, 2, 3, 4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint64]MailState{
		1: {granted, denied, unset, at(2), at(1), at(2)},
		2: {denied, granted, unset, at(9), at(9), at(9)},
		3: {granted, granted, denied, at(6), at(6), at(6)},
		4: {granted, unset, granted, at(6), time.Time{}, at(6)},
		5: {granted, unset, denied, at(4), time.Time{}, at(5)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	for name, bad := range map[string]event.Statement{
		"nobody":                   said(0, mailNow, granted, unset, unset, ""),
		"nothing":                  said(1, mailNow, unset, unset, unset, "p"),
		"nothing without a proof":  said(1, mailNow, unset, unset, granted, ""),
		"a choice that is none":    said(1, mailNow, 3, unset, unset, ""),
		"a time before all":        said(1, time.Unix(-1, 0), granted, unset, unset, ""),
		"a time that is to come":   said(1, s.now().Add(time.Hour), granted, unset, unset, ""),
		"no site, which is nobody": {Recipient: 1, Time: mailNow, Open: granted},
	} {
		if err := s.PutMailConsents(t.Context(), []event.Statement{bad}); !errors.Is(err, errUnfit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testMailFeed: statements through the spool and through the console both reach
// who follows, over pages, and those that were taken in one moment too.
func testMailFeed(t *testing.T, s *Store) {
	now := mailNow
	s.now = func() time.Time { return now }
	heard := map[uint64]event.Statement{}
	cursor, pages := "", 0
	hear := func() (rows int) {
		t.Helper()
		for {
			all, next, more, err := s.Statements(t.Context(), cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range all {
				heard[st.Recipient] = st
			}
			rows += len(all)
			pages++
			if cursor = next; !more {
				return rows
			}
		}
	}
	hear()
	many := make([]event.Statement, statementPage+10)
	for i := range many {
		many[i] = said(uint64(i)+1, mailNow, event.Granted, event.Unset, event.Unset, "import")
	}
	if err := s.PutMailConsents(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	hear()
	if len(heard) != len(many) || pages != 3 {
		t.Errorf("%d recipients on %d pages", len(heard), pages)
	}
	left := said(1<<63+1, mailNow, event.Unset, event.Unset, event.Denied, "")
	left.Sealed, left.By = "sealed", event.ByThemselves
	if err := s.Insert(t.Context(), "1", Batch{Statements: []*event.Statement{&left}}); err != nil {
		t.Fatal(err)
	}
	hear()
	want := event.Statement{Site: "shop", Recipient: left.Recipient, Time: left.Time, All: event.Denied}
	if got := heard[left.Recipient]; got != want {
		t.Errorf("heard %+v, want %+v", got, want)
	}
	// A row that became visible after later ones is still found, within a minute.
	if err := s.change(t.Context(), "test", "INSERT INTO mail_consents (site, recipient, time, mailing, taken) SELECT 'shop', 99999999, now(), 2, now64(3) - 300"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(farEvery)
	hear()
	if heard[99999999].All != event.Denied {
		t.Error("a row that came late was never heard of")
	}
	for _, bad := range []string{"nonsense", "1 2 3", "1 2 3 4 x shop"} {
		if _, _, _, err := s.Statements(t.Context(), bad); err == nil {
			t.Errorf("the cursor %q was taken", bad)
		}
	}
	gone, err := s.Unsubscribes(t.Context(), "shop", time.Time{})
	if err != nil || len(gone) != 1 || gone[0].Recipient != left.Recipient || gone[0].Sealed != "sealed" || !gone[0].Time.Equal(mailNow) {
		t.Fatalf("left: %+v, %v", gone, err)
	}
	if again, err := s.Unsubscribes(t.Context(), "shop", gone[0].Taken); err != nil || len(again) != 1 {
		t.Errorf("from the last one on: %+v, %v", again, err)
	}
	if other, err := s.Unsubscribes(t.Context(), "blog", time.Time{}); err != nil || len(other) != 0 {
		t.Errorf("another site: %+v, %v", other, err)
	}
}

func testMailSent(t *testing.T, s *Store) {
	autumn := MailSent{Site: "shop", Day: today, Source: "newsletter", Medium: "email", Campaign: "autumn", Pixel: true, Mails: 3}
	plain := autumn
	plain.Pixel, plain.Mails = false, 1
	for range 2 {
		if err := s.AddMailSent(t.Context(), []MailSent{autumn, plain, plain}); err != nil {
			t.Fatal(err)
		}
	}
	if got := one(t, s, "SELECT concat(toString(sumIf(mails, pixel = 1)), ' ', toString(sumIf(mails, pixel = 0)), ' ', toString(sum(links))) FROM mail_sent WHERE site = 'shop' AND campaign = 'autumn'"); got != "6 4 0" {
		t.Errorf("with and without a pixel: %s", got)
	}
	if err := s.AddMailSent(t.Context(), []MailSent{{Day: -1}}); !errors.Is(err, errUnfit) {
		t.Errorf("a day before all: %v", err)
	}
}
