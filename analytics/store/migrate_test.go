package store

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func testMigrate(t *testing.T, dial dialer) {
	s, err := Open(Options{Dial: dial, Database: "fresh"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	applied, err := s.Migrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, m := range files {
		want = append(want, m.name)
	}
	if !slices.Equal(applied, want) {
		t.Errorf("applied %v, want %v", applied, want)
	}

	t.Run("a second time does nothing", func(t *testing.T) {
		if again, err := s.Migrate(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("applied %v, %v", again, err)
		}
	})
	t.Run("two at once do it once", func(t *testing.T) { migrateAtOnce(t, dial) })
	t.Run("a later file is applied alone", func(t *testing.T) {
		later := append(slices.Clone(files), migration{number: 990, name: "990_x.sql", text: "CREATE TABLE IF NOT EXISTS x{{onCluster}} (a UInt8)\nENGINE = {{engine \"MergeTree\"}} ORDER BY a;\n\nALTER TABLE x ADD COLUMN IF NOT EXISTS b UInt8;\n"})
		applied, err := s.migrate(t.Context(), later)
		if err != nil || !slices.Equal(applied, []string{"990_x.sql"}) {
			t.Fatalf("applied %v, %v", applied, err)
		}
		// This program knows nothing of file 990: it is the older one now.
		if _, err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "990_x.sql") {
			t.Errorf("an older program migrates a newer database: %v", err)
		}
	})
	t.Run("a changed file is refused", func(t *testing.T) {
		changed := slices.Clone(files)
		changed[1].checksum[0]++
		_, err := s.migrate(t.Context(), append(changed, migration{number: 990}))
		if err == nil || !strings.Contains(err.Error(), files[1].name+" was changed after it was applied") {
			t.Errorf("got %v", err)
		}
	})
}

func migrateAtOnce(t *testing.T, dial dialer) {
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		s, err := Open(Options{Dial: dial, Database: "at_once"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		wg.Go(func() { _, errs[i] = s.Migrate(t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	s := openOn(t, dial, "at_once")
	if got := one(t, s, "SELECT count() = uniqExact(number) FROM schema_migrations FINAL"); got != "1" && got != "true" {
		t.Errorf("recorded twice: %s", got)
	}
}

func TestMigrateWaitsForNobody(t *testing.T) {
	s, err := Open(Options{DSN: "clickhouse://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if applied, err := s.Migrate(t.Context()); err == nil || len(applied) > 0 {
		t.Errorf("migrated an unreachable server: %v, %v", applied, err)
	}
}

func TestLoadMigrationsRefuses(t *testing.T) {
	f := func(want string, names ...string) {
		t.Helper()
		files := fstest.MapFS{}
		for _, n := range names {
			files["schema/"+n] = &fstest.MapFile{Data: []byte("SELECT 1;\n")}
		}
		if _, err := loadMigrations(files, "schema"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", names, err, want)
		}
	}
	f("same number", "010_a.sql", "010_b.sql")
	f("name it like", "costs.sql")
	f("name it like", "1_costs.sql")
}

// withoutToken are the tables that no batch reaches: the store's own, where the
// same row twice does no harm.
var withoutToken = map[string]bool{"schema_migrations": true, "key_ring": true, "erasing_days": true}

// repeatable is what a statement says that may run twice: a setting is set to the
// same again.
var repeatable = regexp.MustCompile(`IF NOT EXISTS|IF EXISTS|MODIFY SETTING`)

var created = regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (\w+)`)

// TestSchemaFiles keeps what every table that an insert reaches needs: without
// its own window a retry counts twice, without fsync a power cut loses what was
// acknowledged, without IF NOT EXISTS a migration cannot be resumed.
func TestSchemaFiles(t *testing.T) {
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range files {
		statements, err := m.statements(form{database: "kunji"})
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements {
			if !repeatable.MatchString(sql) {
				t.Errorf("%s: a statement that cannot run twice:\n%s", m.name, sql)
			}
			if !strings.Contains(sql, "CREATE TABLE") || strings.Contains(sql, "ENGINE = Memory") {
				continue
			}
			for _, want := range []string{"fsync_after_insert = 1", "fsync_part_directory = 1"} {
				if !strings.Contains(sql, want) {
					t.Errorf("%s: a table without %s", m.name, want)
				}
			}
			if name := created.FindStringSubmatch(sql)[1]; !withoutToken[name] && !strings.Contains(sql, "non_replicated_deduplication_window = 100000") {
				t.Errorf("%s: a table without a deduplication window", m.name)
			}
		}
	}
}

// TestPolicy_7_2_NoColumnForWhatIsNotKept: an address, a user agent, a mail
// address, a cookie or a query string cannot be stored where no column is.
func TestPolicy_7_2_NoColumnForWhatIsNotKept(t *testing.T) {
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`(?m)^    ([a-z0-9_]+) +[A-Z]`)
	forbidden := regexp.MustCompile(`^ip|_ip$|address|agent|e?mail$|cookie|query|fingerprint|click_id$|age_years|birth`)
	found := 0
	for _, m := range files {
		for _, c := range column.FindAllStringSubmatch(m.text, -1) {
			found++
			if m.name == "020_key_ring.sql" {
				continue // names keys, not people
			}
			if forbidden.MatchString(c[1]) {
				t.Errorf("%s has a column %s", m.name, c[1])
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d columns were found: the test does not see the schema", found)
	}
}
