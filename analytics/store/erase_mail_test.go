package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// mailLife is what a site keeps of a mail recipient: two opens and a click, a yes
// with its proof, and that they left.
func mailLife(site string, recipient uint64) (b Batch) {
	start := time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -5)
	day := int32(start.Unix() / 86400)
	for n, kind := range []event.Kind{event.MailOpen, event.MailOpen, event.MailClick} {
		e := sample(n)
		e.Site, e.Kind, e.Visitor, e.Session, e.Recipient, e.Record = site, kind, 0, 0, recipient, [16]byte{}
		e.Basis, e.Time, e.LocalDay, e.KeepUntil = event.BasisMail, start.Add(time.Duration(n)*time.Minute), day, day+400
		b.Add(event.Record{Event: e})
	}
	b.Add(event.Record{Statement: &event.Statement{Site: site, Recipient: recipient, Time: start, Open: event.Granted, By: "token crm", Proof: "form 7"}})
	b.Add(event.Record{Statement: &event.Statement{Site: site, Recipient: recipient, Time: start.Add(time.Hour), All: event.Denied, By: event.ByThemselves, Sealed: "sealed"}})
	return b
}

// testEraseRecipient: opens, clicks, yes and proof go, the no stays; the visitor of
// the same number, the other recipient and the other site keep all of theirs.
func testEraseRecipient(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	mailHash := func(site string, recipient uint64) [16]byte { return hashOf(site+"/mail", recipient) }
	s.forgotten.subject, s.forgotten.recipient = hashOf, mailHash
	lives(t, s, map[string]Head{}, "1", "shop", 7)
	for i, who := range []struct {
		site      string
		recipient uint64
	}{{"shop", 7}, {"shop", 8}, {"blog", 7}} {
		if err := s.Insert(t.Context(), fmt.Sprint("mail ", i), mailLife(who.site, who.recipient)); err != nil {
			t.Fatal(err)
		}
	}
	tomb := &event.Erasure{
		Site: "shop", Hash: mailHash("shop", 7), Subject: "sealed mail " + seal(7)[len("sealed "):], Requested: time.Now().UTC().Truncate(time.Millisecond), By: event.ByRecipient,
	}
	if err := s.Insert(t.Context(), "tombstone", Batch{Erasures: []*event.Erasure{tomb}}); err != nil {
		t.Fatal(err)
	}
	done := eraseAll(t, s, 1)
	if r := done[0]; r.Events != 3 || r.Touches != 0 || r.Consents != 2 || r.By != "recipient" {
		t.Errorf("receipt %+v", r)
	}
	const left = "SELECT concat(toString(countIf(recipient = 7 AND site = 'shop')), ' ', toString(countIf(recipient != 0)), ' ', toString(countIf(visitor = 7))) FROM events"
	if got := one(t, s, left); got != "0 6 12" {
		t.Errorf("their rows, all of mail, the visitor's: %s", got)
	}
	if got := one(t, s, "SELECT groupArray((mail_open, mail_click, mailing, said_by, proof, sealed)) FROM mail_consents WHERE site = 'shop' AND recipient = 7"); got != `[[0,0,2,"","",""]]` {
		t.Errorf("what they said: %s", got)
	}
	if got := one(t, s, "SELECT concat(toString(count()), ' ', toString(countIf(proof != '' OR sealed != ''))) FROM mail_consents WHERE (site, recipient) != ('shop', 7)"); got != "4 4" {
		t.Errorf("what others said, with proof: %s", got)
	}
	if got := one(t, s, "SELECT concat(toString(sum(mail_opens)), ' ', toString(sum(mail_clicks))) FROM campaign_day WHERE site = 'shop'"); got != "2 1" {
		t.Errorf("the rollup's opens and clicks: %s", got)
	}
	// A batch of another node that comes late brings back neither hits nor a yes.
	if err := s.Insert(t.Context(), "late", mailLife("shop", 7)); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, left); got != "0 6 12" {
		t.Errorf("after a late batch: %s", got)
	}
	m, err := s.MailConsent(t.Context(), "shop", []uint64{7})
	if err != nil || m[7].Open != event.Unset || !m[7].Unsubscribed() {
		t.Errorf("what counts: %+v, %v", m, err)
	}
	kept, err := s.AboutRecipient(t.Context(), "shop", 8)
	if err != nil || len(kept) != 2 || len(kept[0].Rows) != 3 || kept[1].Name != "mail_consents" || len(kept[1].Rows) != 2 {
		t.Errorf("kept about the other: %+v, %v", kept, err)
	}
}
