package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/edge/event"
)

// TestCluster runs what TestStore runs against Distributed tables, on an engine
// that is a cluster of one shard.
func TestCluster(t *testing.T) {
	dial := startClusters(t)
	for name, run := range onEngine {
		t.Run(name, func(t *testing.T) { run(t, openOwn(t, Options{Dial: dial, Database: name, Cluster: "one"})) })
	}
	t.Run("syntax", func(t *testing.T) { testClusterSyntax(t, openWith(t, Options{Dial: dial, Cluster: "one"})) })
	t.Run("split", func(t *testing.T) { testSplit(t, openOwn(t, Options{Dial: dial, Database: "split", Cluster: "two"})) })
	t.Run("column", func(t *testing.T) {
		testLaterColumn(t, openOwn(t, Options{Dial: dial, Database: "later", Cluster: "one"}))
	})
}

func startClusters(t testing.TB) dialer {
	t.Helper()
	return enginetest.StartOptions(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine"), ConfigXML: []byte(enginetest.Clusters)}).Dial
}

// replicatedForm is what a real cluster gets.
var replicatedForm = form{cluster: "events_cluster", database: "kunji", keeper: true}

// testClusterSyntax has ClickHouse parse all that only a cluster with a keeper
// can run.
func testClusterSyntax(t *testing.T, s *Store) {
	all := []string{
		replicatedForm.deleteConsents(),
		"ALTER TABLE " + replicatedForm.change("events") + " DROP PARTITION 196912",
		"ALTER TABLE events_local" + replicatedForm.onCluster() + " APPLY DELETED MASK IN PARTITION ID '202611'",
		"SYSTEM SYNC REPLICA" + replicatedForm.onCluster() + " kunji.events_local",
		"SELECT min(toUnixTimestamp(remove_time)) FROM " + replicatedForm.system("parts") + " WHERE table IN " + replicatedForm.names(siteTables),
		"CREATE DATABASE IF NOT EXISTS kunji" + replicatedForm.onCluster(),
	}
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range files {
		statements, err := m.statements(replicatedForm)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, statements...)
	}
	for _, sql := range all {
		if _, err := s.parse(t.Context(), sql); err != nil {
			t.Errorf("%v\n%s", err, sql)
		}
	}
	if _, err := s.parse(t.Context(), "SYSTEM SYNC REPLICA ON CLUSTER"); err == nil {
		t.Error("half a statement is parsed: the test does not see")
	}
}

// TestClusterForm keeps what holds for every statement of the schema on a
// cluster: it reaches all servers, each table is replicated with a window that
// outlasts days, and no sharded table is named without its local one.
func TestClusterForm(t *testing.T) {
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	fronts := map[string]bool{}
	for _, m := range files {
		statements, err := m.statements(replicatedForm)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements {
			if !strings.Contains(sql, " ON CLUSTER events_cluster") {
				t.Errorf("%s: reaches one server alone:\n%s", m.name, sql)
			}
			if !strings.Contains(sql, "CREATE TABLE") {
				continue
			}
			name := created.FindStringSubmatch(sql)[1]
			key, spread := sharded[strings.TrimSuffix(name, localSuffix)]
			switch {
			case strings.Contains(sql, "ENGINE = Distributed"):
				fronts[name] = true
				if !strings.HasSuffix(sql, name+localSuffix+", "+key+")") {
					t.Errorf("%s: the front of %s is not sharded by %s:\n%s", m.name, name, key, sql)
				}
			case spread != strings.HasSuffix(name, localSuffix), spread != strings.Contains(sql, "/{shard}/"), spread == strings.Contains(sql, "tables/all/"):
				t.Errorf("%s: %s is stored at the wrong place", m.name, name)
			case !withoutToken[name] && !strings.HasPrefix(name, "erasing") && !strings.Contains(sql, "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 2592000"):
				t.Errorf("%s: %s has no deduplication window", m.name, name)
			case !strings.Contains(sql, "ENGINE = Replicated"):
				t.Errorf("%s: %s is not replicated", m.name, name)
			}
		}
	}
	for name := range sharded {
		if !fronts[name] {
			t.Errorf("%s has no Distributed table", name)
		}
	}
}

// TestExpand: a statement for one server becomes those for a cluster.
func TestExpand(t *testing.T) {
	f := func(statement string, want ...string) {
		t.Helper()
		got := form{cluster: "c", database: "d"}.expand(statement)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	const front = "touches AS touches_local\nENGINE = Distributed(c, d, touches_local, cityHash64(visitor))"
	f("CREATE TABLE IF NOT EXISTS touches (a UInt8)", "CREATE TABLE IF NOT EXISTS touches_local (a UInt8)", "CREATE TABLE IF NOT EXISTS "+front)
	f("ALTER TABLE touches ADD COLUMN b UInt8", "ALTER TABLE touches_local ADD COLUMN b UInt8", "CREATE OR REPLACE TABLE "+front)
	f("CREATE MATERIALIZED VIEW IF NOT EXISTS v TO touches AS SELECT a FROM events AS e", "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO touches_local AS SELECT a FROM events_local AS e")
	f("DROP TABLE IF EXISTS touches", "DROP TABLE IF EXISTS touches_local", "DROP TABLE IF EXISTS touches")
	f("INSERT INTO rates SELECT a FROM events", "INSERT INTO rates SELECT a FROM events")
	f("ALTER TABLE rates ADD COLUMN b UInt8", "ALTER TABLE rates ADD COLUMN b UInt8")
}

// testSplit: every row of a visitor goes to one shard, and both shards get
// some. The engine is both, so what is left on it of a batch is what one of them
// took: the other's rows come under the same token, and are left out there.
func testSplit(t *testing.T, s *Store) {
	var b Batch
	for n := range 400 {
		e := sample(n)
		e.Visitor = uint64(1 + n%40)
		b.Events = append(b.Events, e)
	}
	b.Events = append(b.Events, &event.Event{Time: b.Events[0].Time, Site: "shop", Kind: event.MailOpen, ID: mustID(t, "00112233445566778899aabbccddeeff")})
	for range 2 {
		if err := s.Insert(t.Context(), "1", b); err != nil {
			t.Fatal(err)
		}
		if got := one(t, s, "SELECT count() BETWEEN 100 AND 300, uniqExact("+sharded["events"]+" % 2), max(n), min(n) FROM "+
			"(SELECT *, count() OVER (PARTITION BY visitor) AS n FROM events_local WHERE visitor != 0)"); got != "true\t1\t10\t10" && got != "1\t1\t10\t10" {
			t.Errorf("one shard has %s", got)
		}
	}
}

// testLaterColumn: a column that a later file adds is there in the Distributed
// table too.
func testLaterColumn(t *testing.T, s *Store) {
	files, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		t.Fatal(err)
	}
	later := append(files, migration{number: 990, name: "990_x.sql", text: "ALTER TABLE events{{onCluster}} ADD COLUMN IF NOT EXISTS later UInt8 DEFAULT 7;\n"})
	if err := s.Insert(t.Context(), "1", Batch{Events: []*event.Event{sample(1)}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a crash before it was recorded applies it again
		if err := s.apply(t.Context(), later[len(later)-1]); err != nil {
			t.Fatal(err)
		}
		if got := one(t, s, "SELECT later FROM events"); got != "7" {
			t.Errorf("the column holds %q", got)
		}
	}
}
