package report

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
	"github.com/kunjicloud/kunji/analytics/store"
)

// TestReportsOverShards runs the same as TestReports against Distributed tables
// with two shards, each with the rows that its key gives it: half of the
// visitors on one, half on the other, and no order of events on the same shard as
// its repetition unless the key says so.
func TestReportsOverShards(t *testing.T) {
	db := openShards(t)
	for name, test := range onEngine {
		t.Run(name, func(t *testing.T) { test(t, db) })
	}
	for _, table := range []string{"events", "touches", "sales", "visitor_days", "campaign_day"} {
		var left, all uint64
		row(t, db, "SELECT countIf(_shard_num = 1), count() FROM "+table, &left, &all)
		if left < all/10 || left > all-all/10 {
			t.Errorf("shard 1 has %d of %d rows of %s: the test does not see two shards", left, all, table)
		}
	}
}

// writers says to which store rows go for those who read another one.
var writers sync.Map

// distributedKey finds the sharding key of a Distributed table.
var distributedKey = regexp.MustCompile(`_local', (.+)\)$`)

// openShards returns a store that reads two shards. Both are one engine: what is
// written goes through Distributed tables of one shard into local tables, and
// what is read comes from views that show each shard its part of them.
func openShards(t testing.TB) *store.Store {
	t.Helper()
	dial := enginetest.StartOptions(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine"), ConfigXML: []byte(enginetest.Clusters)}).Dial
	written := openStore(t, store.Options{Dial: dial, Database: "written", Cluster: "one"})
	db := openStore(t, store.Options{Dial: dial})
	writers.Store(db, written)
	for _, view := range []string{"events_to_touches", "events_to_sales", "events_to_visitor_days", "events_to_campaign_day"} {
		exec(t, db, "DROP VIEW "+view)
	}
	rows, err := db.Query(t.Context(), "SELECT name, engine_full FROM system.tables WHERE database = 'written' AND engine = 'Distributed'", nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for rows.Next() {
		var name, full string
		if err := rows.Scan(&name, &full); err != nil {
			t.Fatal(err)
		}
		m := distributedKey.FindStringSubmatch(full)
		if m == nil {
			t.Fatalf("%s has no sharding key: %s", name, full)
		}
		keys[name] = m[1]
	}
	if err := rows.Close(); err != nil || len(keys) < 6 {
		t.Fatalf("%d Distributed tables, %v", len(keys), err)
	}
	for name, key := range keys {
		exec(t, db, fmt.Sprintf("CREATE VIEW %s_shard AS SELECT * FROM written.%s_local WHERE (%s) %% 2 + 1 = shardNum()", name, name, key))
		exec(t, db, fmt.Sprintf("CREATE OR REPLACE TABLE %s AS written.%s_local ENGINE = Distributed(two, currentDatabase(), %s_shard)", name, name, name))
	}
	return db
}

func exec(t testing.TB, db *store.Store, sql string) {
	t.Helper()
	if err := db.SQL(context.Background(), io.Discard, sql, "tsv", true); err != nil {
		t.Fatal(err)
	}
}

func row(t testing.TB, db *store.Store, sql string, dest ...any) {
	t.Helper()
	rows, err := db.Query(context.Background(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s: no row, %v", sql, rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		t.Fatal(err)
	}
}
