package store

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func testQuery(t *testing.T, s *Store) {
	ctx := t.Context()
	rows, err := s.Query(ctx, "SELECT {text:String}, {number:UInt64}, {list:Array(String)}, {day:Date}, {at:DateTime64(3, 'UTC')}, toUInt64(getSetting('max_threads')) SETTINGS max_threads = 3",
		map[string]any{"text": hostile, "number": uint64(1<<64 - 1), "list": []string{"a'b", "中"}, "day": "2026-11-24", "at": time.UnixMilli(1_700_000_000_123)})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var text string
	var number, threads uint64
	var list []string
	var day, at time.Time
	if !rows.Next() {
		t.Fatalf("no row: %v", rows.Err())
	}
	if err := rows.Scan(&text, &number, &list, &day, &at, &threads); err != nil {
		t.Fatal(err)
	}
	if text != hostile || number != 1<<64-1 || strings.Join(list, "|") != "a'b|中" || day.Format("2006-01-02") != "2026-11-24" || at.UnixMilli() != 1_700_000_000_123 || threads != 3 {
		t.Errorf("parameters came back as %q %d %q %v %v %d", text, number, list, day, at, threads)
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("more rows, or %v", rows.Err())
	}

	if got := one(t, s, "SELECT getSetting('max_threads') = 3"); got == "true" || got == "1" {
		t.Error("the setting stayed on the connection")
	}
	if s.embedded {
		threadsOf := func(ctx context.Context) (n uint64) {
			rows, err := s.Query(ctx, "SELECT toUInt64(getSetting('max_threads'))", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				if err := rows.Scan(&n); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		own, beside := threadsOf(ctx), Threads(ctx, 1)
		if got := threadsOf(beside); got != 1 {
			t.Errorf("%d threads, of one", got)
		}
		if got := threadsOf(Threads(beside, 0)); got != own {
			t.Errorf("%d threads, of as many as the engine gives: %d", got, own)
		}
	}
	if _, err := s.Query(ctx, "CREATE TABLE made_by_a_report (a UInt8) ENGINE = Memory", nil); err == nil {
		t.Error("a report made a table")
	}
	var e *Error
	if _, err := s.Query(ctx, "SELECT nothing FROM nowhere", nil); !errors.As(err, &e) || e.Name != "UNKNOWN_TABLE" {
		t.Errorf("got %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Query(cancelled, "SELECT 1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func testSQLReads(t *testing.T, s *Store) {
	const query = "SELECT 1 AS n, 'a,\"b\t\n' AS text, toDate('2026-11-24') AS day, toDateTime64('2026-11-24 01:02:03.004', 3, 'UTC') AS at, " +
		"CAST(NULL AS Nullable(UInt8)) AS none, [1, 2] AS list, map('k', 'v<') AS m, toDecimal64('-12.5', 4) AS money, 1.5 AS f, 18446744073709551615 AS big"
	f := func(format, want string) {
		t.Helper()
		var b strings.Builder
		if err := s.SQL(t.Context(), &b, query+"; -- the end", format, false); err != nil {
			t.Errorf("%s: %v", format, err)
		} else if b.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, b.String(), want)
		}
	}
	f("tsv", "n\ttext\tday\tat\tnone\tlist\tm\tmoney\tf\tbig\n"+
		`1	a,"b\t\n	2026-11-24	2026-11-24 01:02:03.004	\N	[1,2]	{"k":"v<"}	-12.5	1.5	18446744073709551615`+"\n")
	f("csv", "n,text,day,at,none,list,m,money,f,big\n"+
		"1,\"a,\"\"b\t\n\",2026-11-24,2026-11-24 01:02:03.004,,\"[1,2]\",\"{\"\"k\"\":\"\"v<\"\"}\",-12.5,1.5,18446744073709551615\n")
	f("jsonl", `{"n":1,"text":"a,\"b\t\n","day":"2026-11-24","at":"2026-11-24 01:02:03.004","none":null,"list":[1,2],"m":{"k":"v<"},"money":"-12.5","f":1.5,"big":18446744073709551615}`+"\n")
	f("table", "n  text    day         at                       none  list   m           money  f    big\n"+
		"─  ────    ───         ──                       ────  ────   ─           ─────  ─    ───\n"+
		"1  a,\"b\uFFFD\uFFFD  2026-11-24  2026-11-24 01:02:03.004  NULL  [1,2]  {\"k\":\"v<\"}  -12.5  1.5  18446744073709551615\n")

	var b strings.Builder
	if err := s.SQL(t.Context(), &b, "SELECT number, toString(number) AS text FROM numbers(3) WHERE number > 0", "json", false); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Columns []resultColumn
		Rows    []map[string]any
	}
	if err := json.Unmarshal([]byte(b.String()), &doc); err != nil || len(doc.Rows) != 2 || doc.Columns[0] != (resultColumn{"number", "UInt64"}) || doc.Rows[1]["text"] != "2" {
		t.Errorf("%v: %s", err, b.String())
	}
	b.Reset()
	if err := s.SQL(t.Context(), &b, "SELECT * FROM events", "csv", false); err != nil {
		t.Error(err)
	}
	if all, err := csv.NewReader(strings.NewReader(b.String())).ReadAll(); err != nil || len(all) != 1 || len(all[0]) < 40 {
		t.Errorf("no rows should leave the header: %v, %v", all, err)
	}
	for _, q := range []string{
		"SHOW TABLES", "DESCRIBE events", "EXISTS TABLE events", "EXPLAIN SELECT 1", "SHOW CREATE TABLE events",
		"WITH 1 AS a SELECT a", "(SELECT 1) UNION ALL (SELECT 2)", "SELECT 1 INTERSECT SELECT 1", "SELECT 'INSERT; INTO OUTFILE \\' PARALLEL WITH', 1 AS `FORMAT x`", "SELECT 1 SETTINGS max_threads = 1",
	} {
		b.Reset()
		if err := s.SQL(t.Context(), &b, q, "tsv", false); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v, %q", q, err, b.String())
		}
	}
}

func testSQLRefuses(t *testing.T, s *Store) {
	f := func(query, want string, write bool) {
		t.Helper()
		var b strings.Builder
		err := s.SQL(t.Context(), &b, query, "tsv", write)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	const changes = "without --write"
	for _, q := range []string{
		"DROP TABLE events", "TRUNCATE TABLE events", "INSERT INTO notices (site) VALUES ('x')", "INSERT INTO notices SELECT * FROM notices",
		"ALTER TABLE events DELETE WHERE 1", "DELETE FROM events WHERE 1", "CREATE TABLE x (a UInt8) ENGINE = Memory", "OPTIMIZE TABLE events",
		"SYSTEM STOP MERGES", "KILL QUERY WHERE 1", "/* SELECT */ DROP TABLE events", "-- SELECT\nDROP TABLE events", "RENAME TABLE events TO x",
		"SELECT 1 PARALLEL WITH DROP TABLE events", "SHOW TABLES PARALLEL WITH DROP TABLE events", "WITH x AS (SELECT 1) INSERT INTO notices (count) SELECT 1", "GRANT ALL ON *.* TO x",
		"INSERT INTO FUNCTION file('/tmp/x', 'CSV') SELECT 1",
	} {
		f(q, changes, false)
	}
	for _, write := range []bool{false, true} {
		f("SET max_threads = 1", "SET and USE are not run", write)
		f("/* */ USE system", "SET and USE are not run", write)
		f("SELECT 1; DROP TABLE events", "SYNTAX_ERROR", write)
		f("SELECT nonsense FROM (", "SYNTAX_ERROR", write)
		f("", "SYNTAX_ERROR", write)
		f("SELECT 1 INTO OUTFILE '/tmp/kunji-store-test'", "INTO OUTFILE", write)
		f("SHOW TABLES INTO OUTFILE '/tmp/kunji-store-test'", "INTO OUTFILE", write)
		f("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "FORMAT CSV is not taken: ask for one of table", write)
	}
	if err := s.SQL(t.Context(), &strings.Builder{}, "SELECT 1", "xml", false); err == nil || !strings.Contains(err.Error(), "write one of table") {
		t.Errorf("format xml: %v", err)
	}
	if got := one(t, s, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name IN ('events', 'x')"); got != "1" {
		t.Errorf("%s of the tables events and x are there, want events alone", got)
	}
	if err := s.SQL(t.Context(), &strings.Builder{}, "INSERT INTO notices (site, day, count) SELECT 'x', today(), 7", "tsv", true); err != nil {
		t.Error(err)
	}
	if got := one(t, s, "SELECT sum(count) FROM notices"); got != "7" {
		t.Errorf("--write wrote %s", got)
	}
}
