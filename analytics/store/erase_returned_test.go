package store

import (
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// mailHit is an open or a click of a mail recipient at a moment.
func mailHit(n int, kind event.Kind, recipient uint64, at time.Time) event.Record {
	e := sample(n)
	e.Site, e.Kind, e.Visitor, e.Session, e.Recipient, e.Record = "shop", kind, 0, 0, recipient, [16]byte{}
	e.Basis, e.Time = event.BasisMail, at
	e.LocalDay = int32(at.Unix() / 86400)
	e.KeepUntil = e.LocalDay + 400
	return event.Record{Event: e}
}

// testEraseReturned: a recipient who says a new yes after they asked to be erased is
// measured again from then on; all from before it goes, also what a node kept that
// had not heard of the request.
func testEraseReturned(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	s.forgotten.subject, s.forgotten.recipient = hashOf, mailHashOf
	asked := time.Now().UTC().Truncate(time.Second).Add(-3 * time.Hour)
	insert := func(token string, records ...event.Record) {
		t.Helper()
		var b Batch
		for _, r := range records {
			b.Add(r)
		}
		if err := s.Insert(t.Context(), token, b); err != nil {
			t.Fatal(err)
		}
	}
	yes := func(recipient uint64, at time.Time) event.Record {
		return event.Record{Statement: &event.Statement{
			Site: "shop", Recipient: recipient, Time: at, Open: event.Granted, Click: event.Granted, By: event.ByThemselves, Proof: "the page of mail preferences, in en",
		}}
	}
	const back, away = 7, 8
	for _, recipient := range []uint64{back, away} {
		if err := s.Insert(t.Context(), map[uint64]string{back: "a", away: "b"}[recipient], mailLife("shop", recipient)); err != nil {
			t.Fatal(err)
		}
		eraseMail(t, s, "shop", recipient, asked)
	}
	eraseMail(t, s, "shop", back, asked.Add(-24*time.Hour)) // the newest request counts
	insert("unheard", mailHit(1, event.MailOpen, back, asked.Add(5*time.Minute)), mailHit(2, event.MailOpen, away, asked.Add(5*time.Minute)))
	insert("left out", mailHit(7, event.MailOpen, back, asked.Add(time.Minute)), mailHit(8, event.MailOpen, away, asked.Add(time.Minute)))
	insert("again", yes(back, asked.Add(time.Hour)), mailHit(3, event.MailOpen, back, asked.Add(time.Hour)), mailHit(4, event.MailClick, back, asked.Add(2*time.Hour)))
	opened := func(want string) {
		t.Helper()
		if got := one(t, s, "SELECT concat(toString(countIf(recipient = 7)), ' ', toString(countIf(recipient = 8))) FROM events"); got != want {
			t.Errorf("rows of who came back, and of who did not: %s, want %s", got, want)
		}
	}
	opened("6 4")
	for _, r := range eraseAll(t, s, 3) {
		if r.Events != 4 || r.Consents != 2 {
			t.Errorf("receipt %+v", r)
		}
	}
	opened("2 0")
	if got := one(t, s, "SELECT concat(toString(sum(mail_opens)), ' ', toString(sum(mail_clicks))) FROM campaign_day"); got != "1 1" {
		t.Errorf("the rollup's opens and clicks: %s", got)
	}
	if got := one(t, s, "SELECT groupArray((recipient, mail_open, mail_click, proof != '')) FROM mail_consents WHERE mailing = 0"); got != "[[7,1,1,1]]" {
		t.Errorf("what they agreed to: %s", got)
	}
	// What comes late is judged by its time as well.
	insert("late", yes(back, asked), mailHit(5, event.MailOpen, back, asked), mailHit(6, event.MailOpen, back, asked.Add(150*time.Minute)))
	opened("3 0")
	if got := one(t, s, "SELECT count() FROM mail_consents WHERE mail_open = 1"); got != "1" {
		t.Errorf("%s yeses, want the new one", got)
	}
	m, err := s.MailConsent(t.Context(), "shop", []uint64{back})
	if err != nil || m[back].Open != event.Granted || m[back].Click != event.Granted {
		t.Errorf("what counts: %+v, %v", m, err)
	}
	eraseMail(t, s, "shop", back, asked.Add(170*time.Minute))
	eraseAll(t, s, 1)
	opened("0 0")
}
