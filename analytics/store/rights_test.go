package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// testWithdrawn reads the feed as a node does: to its end, then what is new.
func testWithdrawn(t *testing.T, s *Store) {
	put := func(token string, from, n int) {
		t.Helper()
		var b Batch
		for i := from; i < from+n; i++ {
			c := decision(3, lastDay) // grants nothing
			if i%2 == 0 {
				c.Previous, c.Withdraws = [16]byte{5, 14: byte(i >> 8), 15: byte(i)}, true
			}
			b.Add(event.Record{Consent: c})
		}
		b.Chain(nodeA, nil)
		if err := s.Insert(t.Context(), token, b); err != nil {
			t.Fatal(err)
		}
	}
	heard := map[[16]byte]int{}
	cursor, pages := "", 0
	hear := func() {
		t.Helper()
		for {
			all, next, more, err := s.Withdrawn(t.Context(), cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range all {
				if w.Site != "shop" || !w.Time.Equal(decision(3, 0).Time) {
					t.Errorf("%+v", w)
				}
				heard[w.Record]++
			}
			pages++
			if cursor = next; !more {
				return
			}
		}
	}
	hear()
	if len(heard) != 0 {
		t.Errorf("an empty ledger says %v", heard)
	}
	put("1", 0, 25_000) // more than a page, taken in one moment
	hear()
	if len(heard) != 12_500 || pages != 3 {
		t.Errorf("%d records on %d pages", len(heard), pages)
	}
	before := cursor
	hear()
	if cursor != before {
		t.Errorf("the cursor moved from %q to %q though nothing came", before, cursor)
	}
	put("2", 25_000, 10)
	hear()
	if len(heard) != 12_505 {
		t.Errorf("%d records", len(heard))
	}
	// A record that another one only followed is void once late hits have come.
	followed := decision(3, lastDay)
	followed.Previous = [16]byte{6}
	var b Batch
	b.Add(event.Record{Consent: followed})
	b.Chain(nodeA, nil)
	if err := s.Insert(t.Context(), "3", b); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		taken string
		want  int
	}{{"now64(3) + toIntervalHour(1)", 0}, {"now64(3) - toIntervalMinute(2)", 1}} {
		exec(t, s, "ALTER TABLE consents UPDATE taken = "+step.taken+" WHERE notEmpty(previous) AND NOT withdraws SETTINGS mutations_sync = 2")
		hear()
		if got := heard[[16]byte{6}]; got != step.want {
			t.Errorf("taken at %s, the record before was heard of %d times, want %d", step.taken, got, step.want)
		}
	}
	if _, _, _, err := s.Withdrawn(t.Context(), "nonsense"); err == nil {
		t.Error("a cursor of another kind was taken")
	}
}

// testErasedAreVoid: the feed tells of the records of whoever was erased, also to a
// node that has heard all that was taken before, and of those that come later.
func testErasedAreVoid(t *testing.T, s *Store) {
	s.forgotten.subject = hashOf
	heard, cursor := map[[16]byte]bool{}, ""
	hear := func(what string, want ...byte) {
		t.Helper()
		all, next, _, err := s.Withdrawn(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range all {
			heard[w.Record] = true
		}
		missing := len(heard) != len(want)
		for _, v := range want {
			missing = missing || !heard[[16]byte{4, 15: v}]
		}
		if cursor = next; missing {
			t.Errorf("%s: heard of %v, want those of %v", what, heard, want)
		}
	}
	heads := map[string]Head{}
	lives(t, s, heads, "1", "shop", 1, 2)
	exec(t, s, "ALTER TABLE consents UPDATE taken = now64(3) - toIntervalDay(1) WHERE true SETTINGS mutations_sync = 2")
	taken := decision(9, lastDay)
	taken.Previous, taken.Withdraws = [16]byte{4, 15: 99}, true
	b := Batch{Consents: []*Entry{{Consent: taken}}}
	b.Chain(nodeB, nil)
	if err := s.Insert(t.Context(), "2", b); err != nil {
		t.Fatal(err)
	}
	tombstones(t, s, "3", "shop", 1, 3)
	hear("before", 99)
	if _, err := s.Erase(t.Context(), erasing); err != nil {
		t.Fatal(err)
	}
	hear("erased", 99, 1)
	lives(t, s, heads, "4", "shop", 3, 4)
	hear("a late record", 99, 1, 3)
	lives(t, s, heads, "5", "blog", 5)
	tombstones(t, s, "6", "blog", 5)
	if err := s.BeginWindDown(t.Context(), WindDown{Site: "blog", Begun: time.Now(), By: "shell anna"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), erasing); err != nil {
		t.Fatal(err)
	}
	hear("of a site that was wound down", 99, 1, 3)
	for _, r := range verify(t, s, VerifyOptions{}) {
		if r.Break != nil {
			t.Errorf("ledger of %s: broken at %+v", r.Site, r.Break)
		}
	}
}

// TestForgottenLeavesOthers: the filter takes out what names the erased until a
// day after they asked, and copies nothing where nobody is.
func TestForgottenLeavesOthers(t *testing.T) {
	s := &Store{now: func() time.Time { return ledgerDay }}
	s.forgotten.subject, s.forgotten.asked = hashOf, ledgerDay
	var b Batch
	for n := range 6 {
		e := sample(n)
		e.Visitor, e.Time = uint64(n%3), ledgerDay.Add(time.Duration(n)*12*time.Hour)
		c := decision(n+1, lastDay)
		c.Subject, c.Time = e.Visitor, e.Time
		b.Add(event.Record{Event: e})
		b.Add(event.Record{Consent: c})
	}
	left := func() (text string) {
		t.Helper()
		got, err := s.forgotten.filter(t.Context(), s, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got.Events {
			text += fmt.Sprint(e.Visitor)
		}
		text += " "
		for _, c := range got.Consents {
			text += fmt.Sprint(c.Subject)
			if c.Erased {
				text += "*"
			}
		}
		return text
	}
	before := b.Consents[1]
	for _, step := range []struct {
		site    string
		visitor uint64
		want    string
	}{
		{"blog", 1, "012012 012012"},
		{"shop", 7, "012012 012012"},
		{"shop", 1, "02012 00*2012"}, // the second of 1 is from 36 hours later
		{"shop", 2, "0012 00*0*012"},
	} {
		s.forgotten.add([]*event.Erasure{{Site: step.site, Hash: hashOf(step.site, step.visitor), Requested: ledgerDay.Add(time.Hour)}})
		if got := left(); got != step.want {
			t.Errorf("after %d of %s: %s, want %s", step.visitor, step.site, got, step.want)
		}
	}
	if b.Consents[1] != before || before.Subject != 1 {
		t.Error("the caller's batch was changed")
	}
}
