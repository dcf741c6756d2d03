package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// wantViewed proves that sales and visitor_days have what events have, each once,
// after the merges that join rows which came twice.
func wantViewed(t testing.TB, s *Store) {
	t.Helper()
	for _, f := range []struct{ name, viewed, events string }{
		{
			"sales", "SELECT * EXCEPT (sale, place) FROM sales FINAL",
			"SELECT site, kind, local_day, time, event_id, visitor, consent_record, attributed, channel, source, medium, campaign, content, term, value, currency, machine, keep_until " +
				"FROM events WHERE kind IN ('conversion', 'refund')",
		},
		{
			"visitor_days", "SELECT * FROM visitor_days FINAL",
			"SELECT site, visitor, local_day, max(e.keep_until) FROM events AS e WHERE kind IN ('page_view', 'visit') AND machine = 0 AND visitor != 0 GROUP BY site, visitor, local_day",
		},
	} {
		const all = "SELECT count(), groupArray(x) FROM (SELECT tuple(*) AS x FROM ("
		got, want := one(t, s, all+f.viewed+") ORDER BY toString(x))"), one(t, s, all+f.events+") ORDER BY toString(x))")
		if got != want {
			t.Errorf("%s has\n%s\nevents have\n%s", f.name, got, want)
		}
	}
}

// testFill: a database from before the tables that are filled gets their history,
// once, however often its first start is interrupted.
func testFill(t *testing.T, s *Store) {
	forget := func() { // what the files made, as if they had not been applied
		for _, name := range []string{"events_to_sales", "events_to_visitor_days", "sales", "visitor_days"} {
			exec(t, s, "DROP TABLE IF EXISTS "+name+" SYNC")
		}
		exec(t, s, "DELETE FROM schema_migrations WHERE number IN (60, 61)")
	}
	forget()
	lives(t, s, map[string]Head{}, "before", "shop", 1, 2, 3)
	lives(t, s, map[string]Head{}, "another", "blog", 1)

	t.Run("interrupted", func(t *testing.T) {
		files, err := loadMigrations(schemaFiles, "schema")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range files {
			if !filled[m.number] {
				continue
			}
			if err := s.apply(t.Context(), m); err != nil { // a crash before the fill
				t.Fatal(err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.fill(ended, m); !errors.Is(err, context.Canceled) {
				t.Fatalf("filled after its end: %v", err)
			}
			if err := s.fill(t.Context(), m); err != nil { // and one behind it
				t.Fatal(err)
			}
		}
		lives(t, s, map[string]Head{}, "meanwhile", "shop", 4)
		applied, err := s.Migrate(t.Context())
		if err != nil || !slices.Equal(applied, []string{"060_sales.sql", "061_visitor_days.sql"}) {
			t.Fatalf("applied %v, %v", applied, err)
		}
		wantViewed(t, s)
		lives(t, s, map[string]Head{}, "after", "shop", 5)
		wantViewed(t, s)
	})
	t.Run("erased", func(t *testing.T) {
		forget()
		if _, err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		removePartsAtOnce(t, s)
		tombstones(t, s, "erase", "shop", 2)
		eraseAll(t, s, 1)
		wantViewed(t, s)
		if got := one(t, s, "SELECT (SELECT count() FROM sales WHERE site = 'shop' AND visitor = 2) + (SELECT count() FROM visitor_days WHERE site = 'shop' AND visitor = 2)"); got != "0" {
			t.Errorf("%s rows of the erased visitor", got)
		}
		if got := one(t, s, "SELECT (SELECT countIf(visitor = 1) > 0 FROM sales) AND (SELECT count() > 0 FROM sales WHERE kind = 'conversion')"); !strings.Contains("1true", got) {
			t.Error("the others have no sales: the test sees nothing")
		}
	})
}
