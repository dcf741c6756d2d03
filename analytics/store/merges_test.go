package store

import (
	"context"
	"testing"
	"time"
)

// testHurry: merges are put off while a backlog comes, for nobody else's
// statements, and not for long.
func testHurry(t *testing.T, s *Store) {
	merges := func() bool { return becomesOne(t, s) }
	s.Hurry(t.Context())
	if merges() {
		t.Fatal("a table was merged behind Hurry")
	}
	if err := s.change(t.Context(), "rewrite", "ALTER TABLE refusals DELETE WHERE site = 'shop'"); err != nil {
		t.Fatal(err)
	}
	if !merges() {
		t.Error("a statement that rewrites parts leaves merges put off")
	}

	s.merges.rest = time.Time{}
	end := s.rewriting()
	s.Hurry(t.Context())
	if !merges() {
		t.Error("merges are put off under a statement that rewrites parts")
	}
	end()
	s.Hurry(t.Context())
	if merges() {
		t.Error("a statement that has ended keeps merges from being put off")
	}
	deadline := time.Now().Add(30 * time.Second)
	for !merges() {
		if time.Now().After(deadline) {
			t.Fatal("nobody hurries, and merges do not go on")
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Hurry(t.Context())
	if !merges() {
		t.Error("merges are put off anew without a rest")
	}
}

// becomesOne adds two parts to a table and reports whether they become one.
func becomesOne(t *testing.T, s *Store) bool {
	t.Helper()
	for range 2 {
		if err := s.conn.Exec(t.Context(), "INSERT INTO refusals (site, hour, count) SELECT 'shop', now(), 1 SETTINGS insert_deduplicate = 0"); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.conn.Exec(t.Context(), "OPTIMIZE TABLE refusals FINAL") // refused meanwhile
	return one(t, s, "SELECT count() FROM system.parts WHERE database = '"+s.database+"' AND table = 'refusals' AND active") == "1"
}

// testHurryClosed: a store that is closed leaves merges to the next one.
func testHurryClosed(t *testing.T, s *Store, dial dialer) {
	other, err := Open(Options{Dial: dial, Database: s.database})
	if err != nil {
		t.Fatal(err)
	}
	other.Hurry(context.Background())
	if becomesOne(t, s) {
		t.Error("a table was merged behind Hurry")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if !becomesOne(t, s) {
		t.Error("merges stay put off")
	}
}
