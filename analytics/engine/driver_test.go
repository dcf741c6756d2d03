package engine_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// row has a column of every kind that the tables of the service use.
type row struct {
	Time     time.Time         `ch:"time"`
	Day      time.Time         `ch:"day"`
	Visitor  uint64            `ch:"visitor"`
	Source   string            `ch:"source"`
	Path     string            `ch:"path"`
	Props    map[string]string `ch:"props"`
	Value    decimal.Decimal   `ch:"value"`
	Bounced  *uint8            `ch:"bounced"`
	ID       uuid.UUID         `ch:"id"`
	Digest   string            `ch:"digest"`
	Tags     []string          `ch:"tags"`
	Share    float64           `ch:"share"`
	Machine  bool              `ch:"machine"`
	Currency *string           `ch:"currency"`
}

const rowTable = `CREATE TABLE rows (
	time DateTime64(3, 'UTC'), day Date, visitor UInt64, source LowCardinality(String), path String,
	props Map(LowCardinality(String), String), value Decimal(18, 4), bounced Nullable(UInt8), id UUID,
	digest FixedString(4), tags Array(LowCardinality(String)), share Float64, machine Bool,
	currency LowCardinality(Nullable(String))
) ENGINE = MergeTree ORDER BY visitor`

func TestDriverRoundTrip(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), clickhouse.Settings{"max_threads": 2, "async_insert": 0})
	ctx := t.Context()
	if err := db.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(ctx, rowTable); err != nil {
		t.Fatal(err)
	}
	allBytes := make([]byte, 256)
	for i := range allBytes {
		allBytes[i] = byte(i)
	}
	one, eur := uint8(1), "EUR"
	want := []row{
		{
			Time: time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC), Day: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC),
			Visitor: 1, Source: "news'letter", Path: string(allBytes), Props: map[string]string{"a": "b", "\x00": "\xff"},
			Value: decimal.RequireFromString("-12.3400"), Bounced: &one, ID: uuid.New(), Digest: "\x00\x01\xfe\xff",
			Tags: []string{"x", "", "x"}, Share: 0.25, Machine: true, Currency: &eur,
		},
		{
			Time: time.UnixMilli(1).UTC(), Day: time.Unix(0, 0).UTC(), Visitor: 1<<64 - 1, Props: map[string]string{},
			Value: decimal.RequireFromString("0.0001"), ID: uuid.Nil, Digest: "\x00\x00\x00\x00", Tags: []string{},
		},
	}
	batch, err := db.PrepareBatch(ctx, "INSERT INTO rows")
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if err := batch.AppendStruct(&want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var got []row
	if err := db.Select(ctx, &got, "SELECT * FROM rows ORDER BY visitor"); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if !got[i].Value.Equal(want[i].Value) {
			t.Errorf("row %d: value %s, want %s", i, got[i].Value, want[i].Value)
		}
		got[i].Value = want[i].Value // equal decimals may differ in their digits
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("row %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestDriverParametersAndSettings(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"max_threads": 1, "log_comment": `a', readonly = 0 -- \`,
	}))
	const nasty = "it's {y:String} -- \\ \t\n \x00 /* 😀"
	var gotString, comment, threads string
	var gotList []uint64
	if err := db.QueryRow(ctx,
		`SELECT {x:String}, {list:Array(UInt64)}, toString(getSetting('log_comment')), toString(getSetting('max_threads'))`,
		clickhouse.Named("x", nasty), clickhouse.Named("list", []uint64{1, 2, 1<<64 - 1}),
	).Scan(&gotString, &gotList, &comment, &threads); err != nil {
		t.Fatal(err)
	}
	if gotString != nasty {
		t.Errorf("parameter x: got %q, want %q", gotString, nasty)
	}
	if !reflect.DeepEqual(gotList, []uint64{1, 2, 1<<64 - 1}) {
		t.Errorf("parameter list: got %v", gotList)
	}
	if comment != `a', readonly = 0 -- \` || threads != "1" {
		t.Errorf("settings: got log_comment %q and max_threads %s", comment, threads)
	}
	// The next statement on the same sessions has none of it.
	for range 8 {
		if err := db.QueryRow(t.Context(), "SELECT toString(getSetting('log_comment'))").Scan(&comment); err != nil {
			t.Fatal(err)
		}
		if comment != "" {
			t.Fatalf("a setting leaked into the next statement: log_comment %q", comment)
		}
	}
}

func TestDriverErrors(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	f := func(sql string, code int32) {
		t.Helper()
		rows, err := db.Query(t.Context(), sql)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			_ = rows.Close()
		}
		var e *clickhouse.Exception
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: got %v, want an exception of code %d", sql, err, code)
		}
	}
	f("SELECT * FROM nowhere", 60)
	f("SELECT (", 62)
	f("SELECT throwIf(number = 900000) FROM numbers(1000000)", 395) // after many blocks
	f("SELECT 1; SELECT 2", 62)
	f("SET max_threads = 1", 48)
	f("USE system", 48)
	f("/* a */ set max_threads = 1", 48)
	f("CREATE TEMPORARY TABLE x (a UInt8)", 48)
	f("CREATE OR REPLACE TEMPORARY TABLE x (a UInt8)", 48)
	f("SELECT 1 INTO OUTFILE '/tmp/x'", 48)
}

func TestDriverEmptyResultHasColumns(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	rows, err := db.Query(t.Context(), "SELECT number AS n, toString(number) AS `s p` FROM numbers(10) WHERE number > {x:UInt8} FORMAT Native", clickhouse.Named("x", 100))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if got := rows.Columns(); !reflect.DeepEqual(got, []string{"n", "s p"}) {
		t.Errorf("columns: %q", got)
	}
	if rows.Next() {
		t.Error("a row in an empty result")
	}
}

// The head of an empty result is remembered; not past a change of its table.
func TestDriverEmptyResultFollowsTheTable(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	kinds := func(comment string) (kinds []string) {
		t.Helper()
		rows, err := db.Query(t.Context(), comment+"SELECT * FROM changing FORMAT Native")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for _, c := range rows.ColumnTypes() {
			kinds = append(kinds, c.Name()+" "+c.DatabaseTypeName())
		}
		return kinds
	}
	for _, step := range []struct {
		change string
		want   []string
	}{
		{"CREATE TABLE changing (a UInt8) ENGINE = MergeTree ORDER BY tuple()", []string{"a UInt8"}},
		{"ALTER TABLE changing MODIFY COLUMN a String", []string{"a String"}},
		{"ALTER TABLE changing ADD COLUMN b Date", []string{"a String", "b Date"}},
		{"CREATE OR REPLACE TABLE changing (c UInt64) ENGINE = Memory", []string{"c UInt64"}},
	} {
		if err := db.Exec(t.Context(), step.change); err != nil {
			t.Fatal(err)
		}
		for _, comment := range []string{"", "", "/* asked by */ -- somebody\n"} {
			if got := kinds(comment); !reflect.DeepEqual(got, step.want) {
				t.Errorf("after %s: %q, want %q", step.change, got, step.want)
			}
		}
	}
}

func TestDriverEmptyResultFollowsTheParameters(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	for _, zone := range []string{"UTC", "Asia/Shanghai", "UTC"} {
		rows, err := db.Query(t.Context(), "SELECT toDateTime(0, {zone:String}) AS at WHERE 0", clickhouse.Named("zone", zone))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := rows.ColumnTypes()[0].DatabaseTypeName(), "DateTime('"+zone+"')"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		rows.Close()
	}
}

// By ClickHouse's own rule, a GiB of free memory for each thread, an engine this
// small would do everything on one.
func TestStatementsUseTwoProcessors(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	rows, err := db.Query(t.Context(), "EXPLAIN PIPELINE SELECT sum(number) FROM numbers_mt(100000000)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	parallel := func(line string) bool { return strings.HasSuffix(line, "AggregatingTransform × 2") }
	if slices.ContainsFunc(plan, parallel) != (runtime.NumCPU() > 1) {
		t.Errorf("on %d processors the plan is\n%s", runtime.NumCPU(), strings.Join(plan, "\n"))
	}
}

func TestDriverLargeResult(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	rows, err := db.Query(t.Context(), "SELECT number FROM numbers(1000000)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n, sum uint64
	for rows.Next() {
		var v uint64
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		n++
		sum += v
	}
	if err := rows.Err(); err != nil || n != 1e6 || sum != 499999500000 {
		t.Errorf("got %d rows, sum %d, error %v", n, sum, err)
	}
}

// TestInsertsPassReports takes every session for queries with endless ones: a
// batch still gets in.
func TestInsertsPassReports(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	if err := db.Exec(t.Context(), "CREATE TABLE lane (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 10)
	for range cap(ended) {
		go func() {
			var n uint64
			ended <- db.QueryRow(ctx, "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))").Scan(&n)
		}()
	}
	for range 3 {
		batch, err := db.PrepareBatch(t.Context(), "INSERT INTO lane")
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Append(uint64(1)); err != nil {
			t.Fatal(err)
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("an endless query ended: %v", err)
	default:
	}
	cancel()
	for range cap(ended) {
		<-ended
	}
	var n uint64
	if err := db.QueryRow(t.Context(), "SELECT count() FROM lane").Scan(&n); err != nil || n != 3 {
		t.Errorf("got %d rows, %v", n, err)
	}
}

// TestDriverCancel takes all sessions for queries but one with endless queries
// and cancels them: the queries after them can run only if each was freed.
func TestDriverCancel(t *testing.T) {
	t.Parallel()
	db := openDriver(t, enginetest.Start(t), nil)
	const endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 3)
	for range cap(failed) {
		go func() {
			var n uint64
			failed <- db.QueryRow(ctx, endless).Scan(&n)
		}()
	}
	soon, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	running := func() (n uint64) {
		t.Helper()
		if err := db.QueryRow(soon, "SELECT count() FROM system.processes WHERE position(query, 'sipHash64') > 0 AND position(query, 'system.processes') = 0").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for running() < uint64(cap(failed)) {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	for range cap(failed) {
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a cancelled context", err)
		}
	}
	for running() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			var one uint8
			results <- db.QueryRow(soon, "SELECT 1").Scan(&one)
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
