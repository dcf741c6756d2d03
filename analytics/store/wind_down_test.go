package store

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// everything is a row of a site in each table that a wind-down empties.
func everything(t testing.TB, s *Store, heads map[string]Head, site string) {
	t.Helper()
	lives(t, s, heads, "lives of "+site, site, 1, 2)
	b := mailLife(site, 7)
	b.Add(event.Record{Refusal: &event.Refusal{Site: site, Hour: time.Now(), Kind: event.PageView, Reason: event.NoConsent, Count: 1}})
	b.Add(event.Record{Notice: &event.Notice{Site: site, Day: int32(time.Now().Unix() / 86400), Outcome: event.Shown, Count: 1}})
	if err := s.Insert(t.Context(), "more of "+site, b); err != nil {
		t.Fatal(err)
	}
	// A day whose sums are kept without its visitors, interrupted.
	exec(t, s, "INSERT INTO keeping_days VALUES ('"+site+"', '2025-01-01')")
	exec(t, s, "INSERT INTO campaign_keeping (site, local_day, visits) VALUES ('"+site+"', '2025-01-01', 1)")
	for _, err := range []error{
		s.PutCosts(t.Context(), []Cost{{Site: site, Day: 20000, Source: "news", Amount: 1, Currency: "CNY"}}),
		s.PutRates(t.Context(), []Rate{{Site: site, Currency: "USD", Day: 20000, Worth: 7 * RateUnit}}),
		s.PutNote(t.Context(), Note{Site: site, Kind: "mark", ID: "1", Name: "new", Owner: "anna", Created: time.Now()}),
		s.AddMailSent(t.Context(), []MailSent{{Site: site, Day: 20000, Campaign: "spring", Mails: 1}}),
		s.MailTold(t.Context(), site, []uint64{1}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// testWindDown: all of one site goes but the proof, over a restart between any two
// steps, nothing of it comes back, and the other site keeps all it has.
func testWindDown(t *testing.T, s *Store, dial dialer) {
	heads := map[string]Head{}
	for _, site := range []string{"shop", "blog"} {
		everything(t, s, heads, site)
	}
	other, err := s.SiteRows(t.Context(), "blog")
	if err != nil {
		t.Fatal(err)
	}
	for name := range siteTables {
		if other[name] == 0 {
			t.Errorf("the test has no row of %s", name)
		}
		exec(t, s, "ALTER TABLE "+name+" MODIFY SETTING old_parts_lifetime = 0")
	}
	mine := maps.Clone(other)
	const who = "shell anna"
	if err := s.BeginWindDown(t.Context(), WindDown{Site: "shop", Begun: time.Now(), By: who, Reason: "ticket 9"}); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginWindDown(t.Context(), WindDown{Site: "shop", Begun: time.Now(), By: "somebody else"}); err != nil {
		t.Fatal(err)
	}
	o := WindDownOptions{Signer: erasing.Signer, Drained: func(time.Time) bool { return true }}
	var done []WindDown
	states := map[string]bool{}
	for deadline := time.Now().Add(time.Minute); len(done) == 0 && time.Now().Before(deadline); {
		again := openWith(t, Options{Dial: dial, Database: s.Database()}) // as after a crash
		if done, err = again.WindDown(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		all, err := again.WindDowns(t.Context())
		if err != nil || len(all) != 1 || all[0].Site != "shop" || all[0].Reason != "ticket 9" {
			t.Fatalf("%+v, %v", all, err)
		}
		states[all[0].State] = true
	}
	if len(done) != 1 || !slices.Equal(slices.Sorted(maps.Keys(states)), []string{"deleted", "done", "masked"}) {
		t.Fatalf("done %+v by %v", done, states)
	}
	var rows uint64
	for name, n := range mine {
		if name != "consents" {
			rows += n
		}
	}
	w := done[0]
	if w.Rows != rows || w.Consents != mine["consents"] || w.By != who || string(w.Signature) != string(erasing.Signer.Sign("shop", w.Message())) {
		t.Errorf("the receipt %+v, want %d rows and %d consents", w, rows, mine["consents"])
	}
	left(t, s, "shop", map[string]uint64{})
	left(t, s, "blog", other)
	nodesSay(t, s, w)
	if got := one(t, s, "SELECT concat(toString(count()), ' ', toString(countIf(subject = 0 AND erased AND salt = toFixedString('', 16)))) FROM consents WHERE site = 'shop'"); got != "2 2" {
		t.Errorf("proof, and without a subject: %s", got)
	}
	chains, err := s.VerifyLedger(t.Context(), VerifyOptions{Signer: erasing.Signer})
	if err != nil || len(chains) != 2 || chains[0].Break != nil || chains[1].Break != nil || chains[1].Blanks != 2 {
		t.Errorf("the ledger: %+v, %v", chains, err)
	}

	// What comes late is proof, or nothing.
	fresh := openWith(t, Options{Dial: dial, Database: s.Database(), Subject: hashOf}) // has to hear of it
	lives(t, fresh, heads, "late", "shop", 3)
	if err := fresh.Insert(t.Context(), "late mail", mailLife("shop", 8)); err != nil {
		t.Fatal(err)
	}
	left(t, s, "shop", map[string]uint64{})
	if got := one(t, s, "SELECT count() FROM consents WHERE site = 'shop'"); got != "3" {
		t.Errorf("%s records of proof", got)
	}
	for name, err := range map[string]error{
		"costs": fresh.PutCosts(t.Context(), []Cost{{Site: "blog"}, {Site: "shop"}}), "mail": fresh.AddMailSent(t.Context(), []MailSent{{Site: "shop"}}),
		"consents": fresh.PutMailConsents(t.Context(), []event.Statement{{Site: "shop", Recipient: 1, Time: time.Now(), Open: event.Denied}}),
		"notes":    fresh.PutNote(t.Context(), Note{Site: "shop", Owner: "anna"}),
	} {
		if !errors.Is(err, ErrWoundDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// nodesSay: each node's addendum is kept once, as it was signed; a node that wrote
// proof and has said nothing is named.
func nodesSay(t *testing.T, s *Store, w WindDown) {
	t.Helper()
	said, silent, err := s.NodesCleaned(t.Context(), w)
	if err != nil || len(said) != 0 || !slices.Equal(silent, [][16]byte{nodeA}) {
		t.Errorf("before any node says so: %v, silent %v, %v", said, silent, err)
	}
	want := []NodeCleaned{
		{Site: w.Site, Node: nodeB, Begun: w.Begun, Cleaned: w.Begun.Add(time.Second)},
		{Site: w.Site, Node: nodeA, Begun: w.Begun, Cleaned: w.Begun.Add(time.Minute), Aside: 3, Statements: 4},
	}
	for i := range want {
		want[i].Signature = erasing.Signer.Sign(w.Site, want[i].Message())
		for range 2 {
			if err := s.PutNodeCleaned(t.Context(), want[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if said, silent, err = s.NodesCleaned(t.Context(), w); err != nil || !reflect.DeepEqual(said, want) || len(silent) != 0 {
		t.Errorf("nodes say %+v, want %+v; silent %v, %v", said, want, silent, err)
	}
	ends, err := s.EndsUntold(t.Context())
	if err != nil || len(ends) != 1 || ends[0].Site != w.Site {
		t.Errorf("ends to be told: %+v, %v", ends, err)
	}
	if err := s.EndTold(t.Context(), ends[0]); err != nil {
		t.Fatal(err)
	}
	if ends, err = s.EndsUntold(t.Context()); err != nil || len(ends) != 0 {
		t.Errorf("told again: %+v, %v", ends, err)
	}
}

// left compares what there is of a site.
func left(t *testing.T, s *Store, site string, want map[string]uint64) {
	t.Helper()
	got, err := s.SiteRows(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	for name := range siteTables {
		if got[name] != want[name] {
			t.Errorf("%s has %d rows of %s, want %d", name, got[name], site, want[name])
		}
	}
}
