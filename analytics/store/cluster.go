package store

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// deduplicationWindow is how many of its last inserts a table remembers. At one
// batch a second it outlasts a day of other nodes' inserts, at the ten seconds
// of a quiet site eleven days. deduplicationSeconds is the other bound that
// replicated tables have, an hour unless told: thirty days.
const (
	deduplicationWindow  = 100_000
	deduplicationSeconds = 30 * 24 * 3600
)

// sharded are the tables that a cluster spreads over its shards, with the key
// that chooses the shard. Each is a local table, NAME_local, behind a
// Distributed one that has its name, so that statements are the same in every
// form. All that a visitor did lies on one shard, and a view writes beside the
// rows it reads. A key must not be random: a batch that is repeated has to be
// cut in the same way, or its token would meet other rows.
//
// Every other table is small, and kept whole on every server of the cluster: as
// one table with a replica on each.
var sharded = map[string]string{
	"events":       "if(visitor = 0, cityHash64(event_id), cityHash64(visitor))",
	"touches":      "cityHash64(visitor)",
	"sales":        "if(visitor = 0, cityHash64(event_id), cityHash64(visitor))",
	"visitor_days": "cityHash64(visitor)",
	"campaign_day": "cityHash64(site, local_day, campaign)",
	// Not by subject, which an erasure blanks: a record and its blank copy lie on
	// one shard.
	"consents": "cityHash64(site, id, time)",
	"refusals": "cityHash64(site, hour, kind, reason, country, device)",
	"notices":  "cityHash64(site, day, outcome, country, device, language)",
}

const localSuffix = "_local"

// form is the shape that the schema files take: one server's, or a cluster's.
type form struct {
	cluster  string // empty: one server
	database string
	// keeper is false for a cluster that one embedded engine plays: nothing is
	// replicated, nothing said ON CLUSTER.
	keeper bool
}

func (f form) replicated() bool { return f.cluster != "" && f.keeper }

// onCluster is what follows a table's name in a statement for all servers.
func (f form) onCluster() string {
	if !f.replicated() {
		return ""
	}
	return " ON CLUSTER " + f.cluster
}

// placeholders fill in what differs between the forms; the files are the same.
func (f form) placeholders() template.FuncMap {
	return template.FuncMap{
		"onCluster": f.onCluster,
		"engine":    f.engine,
		"deduplicate": func() string {
			if f.replicated() {
				return fmt.Sprintf("replicated_deduplication_window = %d, replicated_deduplication_window_seconds = %d", deduplicationWindow, deduplicationSeconds)
			}
			return fmt.Sprintf("non_replicated_deduplication_window = %d", deduplicationWindow)
		},
	}
}

// Where a replicated table's replicas meet in the keeper. The servers' macros
// shard and replica tell them apart.
const (
	ofShard    = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
	everywhere = "'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'"
)

// engine names a table engine with its arguments. A table in memory would be
// another one on every server: it becomes one on disk whose removed parts go
// within seconds.
func (f form) engine(name string, args ...string) string {
	switch {
	case f.replicated() && name == "Memory":
		return "ReplicatedMergeTree(" + ofShard + ")\nORDER BY tuple()\nSETTINGS old_parts_lifetime = 1"
	case f.replicated():
		return "Replicated" + name + "(" + strings.Join(append([]string{ofShard}, args...), ", ") + ")"
	case len(args) == 0:
		return name
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// tableNames finds the tables that a statement of the schema is about: behind
// these words stands a name, and nothing else does.
var tableNames = regexp.MustCompile(`\b(CREATE TABLE IF NOT EXISTS|ALTER TABLE|DROP TABLE IF EXISTS|TO|FROM|JOIN) (\w+)`)

// expand turns a statement for one server into those for the form. What is said
// about a sharded table is said about its local one, and the Distributed one in
// front is made, or made anew when columns came. An INSERT stays as it is: it
// reads and writes through the Distributed tables.
func (f form) expand(statement string) []string {
	if f.cluster == "" || strings.Contains(statement, "INSERT INTO ") {
		return []string{statement}
	}
	var front string
	spread := false
	local := tableNames.ReplaceAllStringFunc(statement, func(found string) string {
		at := strings.LastIndexByte(found, ' ')
		verb, name := found[:at], found[at+1:]
		key, ok := sharded[name]
		if !ok {
			return found
		}
		spread = true
		switch verb {
		case "CREATE TABLE IF NOT EXISTS":
			front = f.distributed(verb, name, key)
		case "ALTER TABLE":
			front = f.distributed("CREATE OR REPLACE TABLE", name, key)
		case "DROP TABLE IF EXISTS":
			front = found + f.onCluster()
		}
		return found + localSuffix
	})
	if !spread {
		local = strings.Replace(local, ofShard, everywhere, 1)
	}
	if front == "" {
		return []string{local}
	}
	return []string{local, front}
}

func (f form) distributed(verb, name, key string) string {
	return fmt.Sprintf("%s %s%s AS %s\nENGINE = Distributed(%s, %s, %s, %s)",
		verb, name, f.onCluster(), name+localSuffix, f.cluster, f.database, name+localSuffix, key)
}

// settings adds what inserts need where a table may be Distributed: an answer
// means that the rows are on their shards, not in a queue of the server that
// was asked. The shards get the token and deduplicate by it.
func (f form) settings(s clickhouse.Settings) {
	if f.cluster == "" {
		return
	}
	s["distributed_foreground_insert"] = 1
	// A subquery about rows beside those of its table is answered by each shard.
	s["distributed_product_mode"] = "local"
}

// stored names the table that has a table's rows, for conditions on ClickHouse's
// own tables.
func (f form) stored(table string) string {
	if _, ok := sharded[table]; ok && f.cluster != "" {
		return table + localSuffix
	}
	return table
}

// change names a table in a statement that changes stored rows: DELETE, ALTER,
// TRUNCATE. A Distributed table takes none of these; a replicated one carries
// them to its replicas by itself, and ON CLUSTER to the other shards.
func (f form) change(table string) string {
	if stored := f.stored(table); stored != table {
		return stored + f.onCluster()
	}
	return table
}

// system names one of ClickHouse's own tables, of all servers.
func (f form) system(table string) string {
	if f.replicated() {
		return "clusterAllReplicas(" + f.cluster + ", system." + table + ")"
	}
	return "system." + table
}

// catchUp waits until every replica of the tables has what any of them has: what
// is read next may come from another server than what was written.
func (s *Store) catchUp(ctx context.Context, tables ...string) error {
	if !s.form.replicated() {
		return nil
	}
	for _, table := range tables {
		err := s.conn.Exec(ctx, "SYSTEM SYNC REPLICA"+s.form.onCluster()+" "+s.database+"."+s.form.stored(table))
		if err != nil {
			return wrap("wait for the replicas of "+table, err)
		}
	}
	return nil
}
