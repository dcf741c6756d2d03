package store

import (
	"context"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/edge/event"
)

// TestPolicy_5_3_RestoreForgets backs a store up, has people erased and mail
// taken back, and restores: whoever was erased since is gone again with a new
// receipt, whoever was erased before stays so, the others and the ledger are
// whole, and mail stays unwanted.
func TestPolicy_5_3_RestoreForgets(t *testing.T) {
	dial := enginetest.Start(t)
	old := openOn(t, dial, "old")
	removePartsAtOnce(t, old)
	heads := map[string]Head{}
	lives(t, old, heads, "1", "shop", 1, 2, 3, 4)
	if err := old.Insert(t.Context(), "mail", mailLife("shop", 9)); err != nil {
		t.Fatal(err)
	}
	left, err := old.MailUntold(t.Context(), "shop", UntoldPage{Most: 10})
	if err != nil || len(left) != 1 || old.MailTold(t.Context(), "shop", []uint64{left[0].Key}) != nil {
		t.Fatalf("who left: %+v, %v", left, err)
	}
	lives(t, old, heads, "2", "blog", 5)
	tombstones(t, old, "t1", "shop", 1)
	eraseAll(t, old, 1)
	// Erased in all but bytes, and there again: the erasure goes on where it is.
	tombstones(t, old, "t1 again", "shop", 4)
	for one(t, old, "SELECT toString(max(step)) FROM erasures FINAL WHERE step < 4") != "2" {
		if _, err := old.Erase(t.Context(), erasing); err != nil {
			t.Fatal(err)
		}
	}
	lives(t, old, heads, "3", "shop", 4)
	if err := old.Backup(t.Context(), "File('one')"); err != nil {
		t.Fatal(err)
	}
	eraseAll(t, old, 1)
	tombstones(t, old, "t2", "shop", 2)
	mailHash := func(site string, recipient uint64) [16]byte { return hashOf(site+"/mail", recipient) }
	sealMail := func(_ string, recipient uint64) string { return "sealed mail " + seal(recipient)[len("sealed "):] }
	tomb := event.Erasure{Site: "shop", Hash: mailHash("shop", 9), Subject: sealMail("shop", 9), Requested: time.Now().UTC().Truncate(time.Millisecond), By: event.ByRecipient}
	if err := old.Insert(t.Context(), "t2 mail", Batch{Erasures: []*event.Erasure{&tomb}}); err != nil {
		t.Fatal(err)
	}
	eraseAll(t, old, 2)
	tombstones(t, old, "t3", "shop", 3) // asked for, not begun
	gone := []event.Statement{{Site: "shop", Recipient: 77, Time: time.Now().UTC().Truncate(time.Second), All: event.Denied, By: "recipient"}}
	// What the erased recipient said since is theirs, with its proof.
	since := tomb.Requested.Truncate(time.Second).Add(2 * time.Second)
	gone = append(gone,
		event.Statement{Site: "shop", Recipient: 9, Time: since, Open: event.Granted, By: "token crm", Proof: "form 8"},
		event.Statement{Site: "blog", Recipient: 9, Time: since, Open: event.Granted, By: "token crm", Proof: "form 9"})
	if err := old.PutMailConsents(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := old.BeginWindDown(t.Context(), WindDown{Site: "blog", Begun: time.Now(), By: "shell anna"}); err != nil {
		t.Fatal(err)
	}
	asked, err := old.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	s, err := Open(Options{Dial: dial, Database: "restored"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Restore(t.Context(), "old", "File('one')"); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, "SELECT concat(toString(arraySort(groupUniqArray(visitor))), ' ', toString(countIf(recipient = 9))) FROM events"); got != "[0,2,3,4,5] 3" {
		t.Fatalf("the backup holds %s", got)
	}
	options := ReplayOptions{Subject: hashOf, Seal: func(_ string, v uint64) string { return seal(v) }, Recipient: mailHash, SealRecipient: sealMail}
	again, err := s.Replay(t.Context(), asked, options)
	if err != nil || again != 3 {
		t.Fatalf("%d people are erased again, %v; want 3", again, err)
	}
	if whole, err := s.Erased(t.Context()); err != nil || whole {
		t.Errorf("before: erased %t, %v", whole, err)
	}
	removePartsAtOnce(t, s)
	eraseAll(t, s, 4)
	for range 2 { // rows, bytes
		if _, err := s.WindDown(t.Context(), WindDownOptions{Drained: func(time.Time) bool { return true }}); err != nil {
			t.Fatal(err)
		}
	}
	if whole, err := s.Erased(t.Context()); err != nil || !whole {
		t.Errorf("after: erased %t, %v", whole, err)
	}
	if err := s.ReplaySince(t.Context(), asked, options); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, "SELECT concat(toString(groupUniqArray(visitor)), ' ', toString(count())) FROM events"); got != "[4] 12" {
		t.Errorf("visitors and events: %s", got)
	}
	if got := one(t, s, "SELECT toString(groupUniqArray(visitor)) FROM touches"); got != "[4]" {
		t.Errorf("visitors of touches: %s", got)
	}
	if got := one(t, s, "SELECT countIf(step = 4 AND receipt != '' AND subject = '') FROM erasures FINAL"); got != "5" {
		t.Errorf("%s receipts, want 5", got)
	}
	if m, err := s.MailConsent(t.Context(), "shop", []uint64{77}); err != nil || !m[77].Unsubscribed() {
		t.Errorf("the recipient: %+v, %v", m[77], err)
	}
	if got := one(t, s, "SELECT arrayStringConcat(groupUniqArray(concat(site, ' ', proof, sealed)), ', ') FROM mail_consents WHERE recipient = 9 AND (proof != '' OR sealed != '')"); got != "shop form 8" {
		t.Errorf("proofs of the recipient: %s, want what they said after they were erased", got)
	}
	if left, err := s.Untold(t.Context(), append(asked.Withdrawals, Withdrawal{Site: "shop", Record: [16]byte{9}}, Withdrawal{Site: "shop", Record: [16]byte{9}})); err != nil || len(left) != 1 || left[0].Record != [16]byte{9} {
		t.Errorf("not told of: %+v, %v; want the one record that nobody knows", left, err)
	}
	// The views of the restored database feed its own tables.
	lives(t, s, heads, "after", "shop", 5)
	if got := one(t, s, "SELECT toString(arraySort(groupUniqArray(visitor))) FROM touches"); got != "[4,5]" {
		t.Errorf("visitors of touches after an insert: %s", got)
	}
	if got := one(t, old, "SELECT toString(arraySort(groupUniqArray(visitor))) FROM touches WHERE site = 'shop'"); got != "[3,4]" {
		t.Errorf("the old database's touches: %s", got)
	}
	if err := s.Restore(t.Context(), "old", "File('one')"); err == nil {
		t.Error("a database that is there was restored over")
	}
}

// TestDestinations: a destination is a place for backups and nothing more, and
// no error tells what it says.
func TestDestinations(t *testing.T) {
	for text, want := range map[string]bool{
		"File('one')": true, "Disk('backups', 'one')": true, "S3('https://s3.example/b', 'key', 'it''s')": true, "S3(named, filename = 'one')": true, "S3(named, 'one')": true,
		"File('one'); DROP DATABASE kunji": false, "File('one') SETTINGS async = 1": false, "url('x')": false, "File('a') --')": false,
		"File((SELECT 1))": false, "": false, "File('one'": false, "File('a'), File('b')": false,
	} {
		if got := isDestination(text); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
	s, err := Open(Options{DSN: "clickhouse://127.0.0.1:1/kunji"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Backup(context.Background(), "File('a'); SELECT 1"); err != ErrDestination { //nolint:errorlint // it is returned as it is
		t.Errorf("Backup: %v", err)
	}
}
