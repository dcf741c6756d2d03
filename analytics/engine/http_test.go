package engine_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// httpClient speaks to an engine as curl --unix-socket would.
type httpClient struct {
	t    *testing.T
	http *http.Client
}

func newHTTPClient(t *testing.T, dial func(context.Context) (net.Conn, error)) httpClient {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	t.Cleanup(tr.CloseIdleConnections)
	return httpClient{t, &http.Client{Transport: tr}}
}

// do posts body with parameters, as name, value, …
func (c httpClient) do(body io.Reader, parameters ...string) (int, string, http.Header) {
	c.t.Helper()
	v := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		v.Set(parameters[i], parameters[i+1])
	}
	r, err := c.http.Post("http://engine/?"+v.Encode(), "", body)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

// want posts sql and expects the answer want.
func (c httpClient) want(want, sql string, parameters ...string) {
	c.t.Helper()
	status, got, _ := c.do(strings.NewReader(sql), parameters...)
	if status != http.StatusOK || got != want {
		c.t.Errorf("%s %v:\n got %d %q\nwant 200 %q", sql, parameters, status, got, want)
	}
}

// refuse posts sql and expects ClickHouse's error code.
func (c httpClient) refuse(status int, code, sql string, parameters ...string) {
	c.t.Helper()
	gotStatus, text, h := c.do(strings.NewReader(sql), parameters...)
	if gotStatus != status || h.Get("X-ClickHouse-Exception-Code") != code {
		c.t.Errorf("%s %v: got %d, code %q: %s\nwant %d, code %s", sql, parameters,
			gotStatus, h.Get("X-ClickHouse-Exception-Code"), text, status, code)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	c := newHTTPClient(t, enginetest.Start(t))
	t.Run("ping", func(t *testing.T) {
		r, err := c.http.Get("http://engine/ping")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if b, _ := io.ReadAll(r.Body); string(b) != "Ok.\n" {
			t.Errorf("got %q", b)
		}
	})
	t.Run("formats", c.at(testFormats))
	t.Run("settings", c.at(testSettingsReachEveryStatement))
	t.Run("read only", c.at(testReadOnly))
	t.Run("refusals", c.at(testRefusals))
	t.Run("failed output", c.at(testFailedOutputIsGone))
	t.Run("inserts", c.at(testInserts))
	t.Run("broken insert", c.at(testBrokenInsert))
	t.Run("databases", c.at(testDatabases))
}

func (c httpClient) at(f func(httpClient)) func(*testing.T) {
	return func(t *testing.T) { f(httpClient{t, c.http}) }
}

func testFormats(c httpClient) {
	c.want("1\t2\n", "SELECT 1, 2")
	c.want("1,2\n", "SELECT 1, 2 FORMAT CSV")
	c.want("1,2\n", "SELECT 1, 2;", "default_format", "CSV")
	c.want("1\t2\n", "1, 2", "query", "SELECT")
	c.want(strings.Repeat("x\n", 200000), "SELECT 'x' FROM numbers(200000)")
	status, body, h := c.do(strings.NewReader("SELECT number FROM numbers(200000) FORMAT JSON"), "query_id", "q\r\n1")
	if status != 200 || strings.Count(body, `"meta"`) != 1 || !strings.Contains(body, `"rows": 200000`) {
		c.t.Errorf("JSON is not one document: %d, %d bytes", status, len(body))
	}
	if h.Get("X-ClickHouse-Format") != "JSON" || h.Get("X-ClickHouse-Query-Id") != "q1" || h.Get("X-ClickHouse-Summary") == "" {
		c.t.Errorf("headers: %v", h)
	}
	_, body, _ = c.do(strings.NewReader("SELECT throwIf(number = 900000) FROM numbers(1000000)"))
	if !strings.Contains(body, "\r\n__exception__\r\n") || !strings.Contains(body, "Code: 395.") {
		c.t.Error("no exception block after a result had begun")
	}
	status, body, _ = c.do(strings.NewReader("SELECT throwIf(number = 900000) FROM numbers(1000000)"), "wait_end_of_query", "1")
	if status != 500 || !strings.HasPrefix(body, "Code: 395.") {
		c.t.Errorf("wait_end_of_query: got %d %.80q", status, body)
	}
}

// testSettingsReachEveryStatement runs texts that are hard to cut, each with a
// setting that it reads back, against the engine's own idea of them.
func testSettingsReachEveryStatement(c httpClient) {
	const value = `x', readonly = 1, max_threads = '7 /* -- $$ \`
	const read = "SELECT getSetting('log_comment')"
	const answer = `x\', readonly = 1, max_threads = \'7 /* -- $$ \\` + "\n"
	for _, sql := range []string{
		read, read + ";", read + " -- x", read + " // x", read + " # x", read + " #! x", read + " /* a /* ' */ b */ ; ",
		read + " FORMAT TSV", read + " FORMAT TSV;", read + " SETTINGS max_threads = 1", read + " SETTINGS max_threads = 1 FORMAT TSV",
		read + " FORMAT TSV SETTINGS max_threads = 1", "(" + read + ")", "WITH 1 AS format " + read, "/* ; */ " + read,
		"-- '\n" + read, "\ufeff" + read, "FROM (SELECT 1 AS format) AS f " + read,
		read + " WHERE 'a\\' FORMAT CSV ' != $$ ' FORMAT CSV $$", read + " WHERE ‘; FORMAT’ != ''",
		read + " FROM (SELECT 1 AS `FORMAT`) WHERE `FORMAT` = 1", read + " UNION DISTINCT " + read,
	} {
		c.want(answer, sql, "log_comment", value)
	}
	c.want("\n", read) // and none of them is left
	for _, ddl := range []string{
		"CREATE TABLE s (a UInt8, format UInt8) ENGINE = MergeTree ORDER BY a SETTINGS index_granularity = 1024",
		"ALTER TABLE s ADD COLUMN b UInt8", "INSERT INTO s VALUES (1, 2, 3)", "INSERT INTO s SELECT 2, 2, 2",
		"INSERT INTO s SETTINGS max_threads = 1 SELECT 2, 2, 2 SETTINGS max_threads = 2",
		"DELETE FROM s WHERE a = 1", "ALTER TABLE s UPDATE b = 1 WHERE a = 2", "OPTIMIZE TABLE s FINAL",
		"RENAME TABLE s TO s2", "TRUNCATE TABLE s2", "CREATE VIEW temporary AS SELECT * FROM s2", "DROP VIEW temporary", "DROP TABLE s2",
	} {
		c.want("", ddl, "log_comment", value, "max_threads", "1")
		c.refuse(400, "115", ddl, "no_such_setting", "1")
	}
}

func testReadOnly(c httpClient) {
	c.want("", "CREATE TABLE ro (a UInt8) ENGINE = Memory")
	for _, sql := range []string{
		"SELECT count() FROM ro", "WITH 0 AS x SELECT x", "EXISTS TABLE nowhere", "-- DROP\nSELECT 0",
	} {
		c.want("0\n", sql, "readonly", "1")
		c.want("0\n", sql, "readonly", "2")
	}
	for _, level := range []string{"1", "2"} {
		for _, sql := range []string{
			"INSERT INTO ro VALUES (1)", "INSERT INTO ro FORMAT CSV 1\n", "INSERT INTO ro SELECT 1", "DROP TABLE ro", "TRUNCATE TABLE ro",
			"ALTER TABLE ro ADD COLUMN b UInt8", "CREATE TABLE ro2 (a UInt8) ENGINE = Memory", "DELETE FROM ro WHERE 1", "UPDATE ro SET a = 1 WHERE 1",
			"SYSTEM STOP MERGES", "KILL QUERY WHERE 1", "CREATE FUNCTION f AS x -> x", "BACKUP TABLE ro TO File('/tmp/x')",
			"INSERT INTO FUNCTION file('/tmp/x', CSV, 'a UInt8') VALUES (1)", "/* SELECT */ DROP TABLE ro",
			"INSERT INTO ro SETTINGS readonly = 0 SELECT 1",
		} {
			c.refuse(403, "164", sql, "readonly", level)
		}
	}
	c.refuse(403, "164", "SELECT * FROM file('/etc/hostname', LineAsString)", "readonly", "1")
	c.refuse(403, "164", "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", "readonly", "1")
	c.want("0\n", "SELECT count() FROM ro")
	c.want("", "DROP TABLE ro")
}

func testRefusals(c httpClient) {
	c.refuse(501, "48", "SET max_threads = 1")
	c.refuse(501, "48", "USE default")
	c.refuse(501, "48", "CREATE TEMPORARY TABLE x (a UInt8)")
	c.refuse(501, "48", "SELECT 1 INTO OUTFILE '/tmp/kunji-outfile'")
	c.refuse(501, "48", "INSERT INTO x FROM INFILE '/etc/passwd' FORMAT CSV")
	c.refuse(400, "62", "SELECT 1; SELECT 2")
	c.refuse(400, "62", "nonsense")
	c.refuse(400, "62", "")
	c.refuse(400, "62", "-- nothing\n;")
	c.refuse(400, "62", "SELECT '"+strings.Repeat("x", 1<<20)+"'")
	c.refuse(400, "36", "SELECT 1", "session_id", "x")
	c.refuse(400, "36", "SELECT 1", "compress", "1")
	c.refuse(400, "36", "SELECT 1", "max_threads = 1, readonly", "1")
	c.refuse(400, "36", "SELECT 1", "default_format", "CSV SETTINGS readonly=0")
	c.refuse(404, "81", "SELECT 1", "database", "no`where")
	c.refuse(404, "60", "SELECT * FROM nowhere")
	c.refuse(400, "457", "SELECT {x:UInt8}", "param_x", "300x")
	c.want("it's `; DROP\n", "SELECT {x:String} FORMAT TSVRaw", "param_x", "it's `; DROP")
}

// testFailedOutputIsGone lets statements fail after they wrote output, on every
// session: none of it may stand in the answer of the next statement.
func testFailedOutputIsGone(c httpClient) {
	for _, format := range []string{"TSV", "JSON"} {
		for _, hold := range []string{"0", "1"} {
			for range 5 {
				c.do(strings.NewReader("SELECT throwIf(number = 150000) FROM numbers(200000)"), "default_format", format, "wait_end_of_query", hold)
			}
			for range 5 {
				c.want("1\n", "SELECT 1")
				c.want("1\n", "EXISTS TABLE system.one")
				c.want("([])", "SELECT arrayFilter(x -> x, [0]) FORMAT Values", "wait_end_of_query", "1")
			}
		}
	}
}

func testInserts(c httpClient) {
	c.want("", "CREATE TABLE bytes (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	binary := append([]byte{1, 0, 0, 0, 0x80, 2}, all...) // RowBinary: UInt32, length 256, bytes
	insert := func(head string, data []byte, parameters ...string) {
		c.t.Helper()
		if status, text, _ := c.do(bytes.NewReader(append([]byte(head), data...)), parameters...); status != 200 {
			c.t.Errorf("%s: %s", head, text)
		}
	}
	insert("INSERT INTO bytes FORMAT RowBinary\n", binary)
	insert("", binary, "query", "INSERT INTO bytes FORMAT RowBinary")
	insert("INSERT INTO bytes VALUES ", append(append([]byte("(1 + 0, unhex('"), []byte(strings.ToUpper(hexOf(all)))...), []byte("'))")...))
	insert("INSERT INTO bytes SELECT 1, {s:String}", nil, "param_s", escapeTSV(all))
	insert("INSERT INTO bytes VALUES (1, {s:String})", nil, "param_s", escapeTSV(all))
	c.want("5\t1\t1\n", "SELECT count(), uniqExact(s), countIf(hex(s) != {h:String}) = 0 FROM bytes", "param_h", strings.ToUpper(hexOf(all)))
	// More than one piece, and more than what is read as a statement.
	big := bytes.Repeat([]byte("7,abcdefghij\n"), 300000)
	insert("INSERT INTO bytes FORMAT CSV\n", big)
	c.want("300000\n", "SELECT count() FROM bytes WHERE n = 7")
	c.refuse(400, "27", "INSERT INTO bytes FORMAT CSV\n1,a\nx,b\n")
	c.refuse(404, "60", "INSERT INTO nowhere FORMAT CSV\n1,a\n")
	c.want("", "DROP TABLE bytes")
}

// testBrokenInsert sends half of a body: nothing of it may be kept, and the
// session must be free again.
func testBrokenInsert(c httpClient) {
	c.want("", "CREATE TABLE half (s String) ENGINE = MergeTree ORDER BY s")
	for range 5 {
		body, w := io.Pipe()
		go func() {
			_, _ = w.Write(bytes.Repeat([]byte("abc\n"), 100000))
			_ = w.CloseWithError(io.ErrClosedPipe)
		}()
		r, err := c.http.Post("http://engine/?query=INSERT+INTO+half+FORMAT+CSV", "", body)
		if err == nil {
			_ = r.Body.Close()
			c.t.Error("a broken body was answered")
		}
	}
	c.want("", "INSERT INTO half VALUES ('x')")
	c.want("1\n", "SELECT count() FROM half")
	c.want("", "DROP TABLE half")
}

func testDatabases(c httpClient) {
	c.want("", "CREATE DATABASE `a``b\\\\`")
	c.want("a`b\\\n", "SELECT currentDatabase() FORMAT TSVRaw", "database", "a`b\\")
	for range 6 {
		c.want("default\n", "SELECT currentDatabase()")
	}
	c.want("", "CREATE TABLE t (a UInt8) ENGINE = Memory", "database", "a`b\\")
	c.want("", "INSERT INTO t VALUES (1)", "database", "a`b\\")
	c.want("1\n", "SELECT * FROM t", "database", "a`b\\")
	c.refuse(404, "60", "SELECT * FROM t")
	c.want("", "DROP DATABASE `a``b\\\\`")
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// escapeTSV writes bytes as the HTTP interface wants a parameter's value.
func escapeTSV(b []byte) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(string(b))
}
