package store

import (
	"fmt"
	"slices"
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

func mailHashOf(site string, recipient uint64) [16]byte { return hashOf(site+"/mail", recipient) }

// eraseMail inserts the tombstone of a recipient.
func eraseMail(t testing.TB, s *Store, site string, recipient uint64, requested time.Time) {
	t.Helper()
	tomb := &event.Erasure{
		Site: site, Hash: mailHashOf(site, recipient), Subject: "sealed mail " + seal(recipient)[len("sealed "):], Requested: requested.UTC().Truncate(time.Millisecond), By: event.ByRecipient,
	}
	if err := s.Insert(t.Context(), fmt.Sprint("tombstone ", site, recipient, requested.UnixMilli()), Batch{Erasures: []*event.Erasure{tomb}}); err != nil {
		t.Fatal(err)
	}
}

// testEraseRecipient: opens, clicks, yes and proof go, the no stays; the visitor of
// the same number, the other recipient and the other site keep all of theirs.
func testEraseRecipient(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	s.forgotten.subject, s.forgotten.recipient = hashOf, mailHashOf
	lives(t, s, map[string]Head{}, "1", "shop", 7)
	for i, who := range []struct {
		site      string
		recipient uint64
	}{{"shop", 7}, {"shop", 8}, {"blog", 7}} {
		if err := s.Insert(t.Context(), fmt.Sprint("mail ", i), mailLife(who.site, who.recipient)); err != nil {
			t.Fatal(err)
		}
	}
	eraseMail(t, s, "shop", 7, time.Now())
	done := eraseAll(t, s, 1)
	if r := done[0]; r.Events != 3 || r.Touches != 0 || r.Consents != 2 || r.By != "recipient" {
		t.Errorf("receipt %+v", r)
	}
	const left = "SELECT concat(toString(countIf(recipient = 7 AND site = 'shop')), ' ', toString(countIf(recipient != 0)), ' ', toString(countIf(visitor = 7))) FROM events"
	if got := one(t, s, left); got != "0 6 12" {
		t.Errorf("their rows, all of mail, the visitor's: %s", got)
	}
	if got := one(t, s, "SELECT groupArray((mail_open, mail_click, mailing, said_by, proof, sealed)) FROM mail_consents WHERE site = 'shop' AND recipient = 7"); got != `[[0,0,2,"","","sealed"]]` {
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

// testEraseUntold (policy 2.3.2): the sender hears of somebody who left and was then
// erased; after that, or after untoldFor, the sender's name for them goes as well.
func testEraseUntold(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	removePartsAtOnce(t, s)
	s.forgotten.subject, s.forgotten.recipient = hashOf, mailHashOf
	const untold, told, old, other = 7, 8, 9, 10
	now := time.Now().UTC().Truncate(time.Second)
	left := func(recipient uint64, ago time.Duration) Batch {
		return Batch{Statements: []*event.Statement{{
			Site: "shop", Recipient: recipient, Time: now.Add(-ago), All: event.Denied, By: event.ByThemselves, Sealed: fmt.Sprint("ref ", recipient),
		}}}
	}
	insert := func(token string, b Batch) {
		t.Helper()
		if err := s.Insert(t.Context(), token, b); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	for _, recipient := range []uint64{told, other} {
		insert(fmt.Sprint("left ", recipient), left(recipient, time.Hour))
	}
	waiting := func() (keys []uint64, refs []string) {
		t.Helper()
		list, err := s.MailUntold(t.Context(), "shop", UntoldPage{Most: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range list {
			keys, refs = append(keys, u.Key), append(refs, u.Sealed)
		}
		return keys, refs
	}
	tell := func() {
		t.Helper()
		keys, _ := waiting()
		if err := s.MailTold(t.Context(), "shop", keys); err != nil {
			t.Fatal(err)
		}
	}
	tell()
	insert("left untold", left(untold, time.Hour))
	insert("left old", left(old, untoldFor+2*day))
	for _, recipient := range []uint64{untold, told, old} {
		eraseMail(t, s, "shop", recipient, now.Add(-time.Minute))
	}
	eraseAll(t, s, 3)
	if _, refs := waiting(); !slices.Equal(refs, []string{"ref 7"}) {
		t.Errorf("the webhook is to tell of %q", refs)
	}
	list, err := s.Unsubscribes(t.Context(), "shop", time.Time{})
	if err != nil || !slices.ContainsFunc(list, func(u Unsubscribe) bool { return u.Sealed == "ref 7" }) {
		t.Errorf("the list of who left: %+v, %v", list, err)
	}
	insert("late", left(untold, time.Hour))
	const ours = "SELECT groupUniqArray(said_by) FROM mail_consents WHERE recipient != 10"
	if got := one(t, s, ours); got != `[""]` {
		t.Errorf("who says so, of the erased: %s", got)
	}
	const refs = "SELECT arraySort(groupUniqArray(sealed)) FROM mail_consents WHERE sealed != ''"
	if got := one(t, s, refs); got != `["ref 10","ref 7"]` {
		t.Errorf("refs before the sender was told: %s", got)
	}
	tell()
	for _, want := range []string{`["ref 10","ref 7"]`, `["ref 10"]`} { // it is looked at now and then
		if _, err := s.Erase(t.Context(), erasing); err != nil {
			t.Fatal(err)
		}
		if got := one(t, s, refs); got != want {
			t.Errorf("refs once the sender was told: %s, want %s", got, want)
		}
		s.unnamed = time.Time{}
	}
}
