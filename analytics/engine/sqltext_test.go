package engine

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRewrite(t *testing.T) {
	f := func(sql, want string) {
		t.Helper()
		s := scanSQL([]byte(sql))
		got := s.rewrite("", "Native", []setting{{"a", "1"}, {"b", `it's \`}})
		const settings = `a = '1', b = 'it\'s \\'`
		want = strings.ReplaceAll(want, "{S}", settings)
		if got != want {
			t.Errorf("%s\n got %q\nwant %q", sql, got, want)
		}
	}
	const end = "\nFORMAT Native\nSETTINGS {S}"

	f("SELECT 1", "SELECT 1"+end)
	f("SELECT 1 ; ", "SELECT 1"+end)
	f("SELECT 1 -- x", "SELECT 1"+end)
	f("SELECT 1;;\n/* a /* b */ ; c */ # x\n", "SELECT 1"+end)
	f("(SELECT 1) UNION ALL (SELECT 2 FORMAT_)", "(SELECT 1) UNION ALL (SELECT 2 FORMAT_)"+end)
	f("SELECT 1 FORMAT CSV", "SELECT 1 FORMAT CSV\nSETTINGS {S}")
	f("SELECT 1 format CSV settings c=1", "SELECT 1 format CSV settings c=1, {S}")
	f("SELECT 1 SETTINGS c=1 FORMAT CSV", "SELECT 1 SETTINGS c=1 FORMAT CSV\nSETTINGS {S}")
	f("SELECT 1 SETTINGS c=1", "SELECT 1 SETTINGS c=1"+end)
	f("SELECT ' FORMAT CSV SETTINGS c=1'", "SELECT ' FORMAT CSV SETTINGS c=1'"+end)
	f(`SELECT 'a\' FORMAT CSV'`, `SELECT 'a\' FORMAT CSV'`+end)
	f(`SELECT 'a'' FORMAT CSV'`, `SELECT 'a'' FORMAT CSV'`+end)
	f("SELECT $$ FORMAT CSV ' $$", "SELECT $$ FORMAT CSV ' $$"+end)
	f("SELECT $q$ $$ ; -- $q$", "SELECT $q$ $$ ; -- $q$"+end)
	f("SELECT ‘ FORMAT CSV ’", "SELECT ‘ FORMAT CSV ’"+end)
	f("SELECT `FORMAT` CSV", "SELECT `FORMAT` CSV"+end)
	f("SELECT format, settings FROM format f", "SELECT format, settings FROM format f"+end)
	f("SELECT * FROM db.format f", "SELECT * FROM db.format f"+end)
	f("SELECT (SELECT 1 FORMAT CSV)", "SELECT (SELECT 1 FORMAT CSV)"+end)
	f("DELETE FROM t WHERE a = 1", "DELETE FROM t WHERE a = 1\nSETTINGS {S}")
	f("DELETE FROM t WHERE settings = 1", "DELETE FROM t WHERE settings = 1\nSETTINGS {S}")
	f("DELETE FROM t WHERE a SETTINGS c = 1", "DELETE FROM t WHERE a SETTINGS c = 1, {S}")
	f("UPDATE t SET a = 1 WHERE b", "UPDATE t SET a = 1 WHERE b\nSETTINGS {S}")
	f("SYSTEM FLUSH LOGS", "SYSTEM FLUSH LOGS")

	// An INSERT: its data is not part of what is rewritten.
	f("INSERT INTO t FORMAT Native", "INSERT INTO t\nSETTINGS {S}")
	f("INSERT INTO t (a, `format`) FORMAT CSV 1,';", "INSERT INTO t (a, `format`)\nSETTINGS {S}")
	f("insert into t SETTINGS c=1 values (1, 'SETTINGS')", "insert into t SETTINGS c=1, {S}")
	f("INSERT INTO db.values VALUES (1)", "INSERT INTO db.values\nSETTINGS {S}")
	f("INSERT INTO format FORMAT CSV", "INSERT INTO format\nSETTINGS {S}")
	f("INSERT INTO TABLE values (a) VALUES (1)", "INSERT INTO TABLE values (a)\nSETTINGS {S}")
	f("INSERT INTO t SELECT 1", "INSERT INTO t\nSETTINGS {S}\n SELECT 1")
	f("INSERT INTO t (a) WITH 1 AS x SELECT x SETTINGS c=2", "INSERT INTO t (a)\nSETTINGS {S}\n WITH 1 AS x SELECT x SETTINGS c=2")

	// What has no end is left to the engine to refuse.
	f("SELECT 'a", "SELECT 'a")
	f("SELECT /* a", "SELECT /* a")
	f("SELECT `a", "SELECT `a")
}

func TestInsertData(t *testing.T) {
	f := func(sql, format, data string) {
		t.Helper()
		s := scanSQL([]byte(sql))
		if s.insert == nil || s.insert.format != format || sql[s.insert.data:] != data {
			t.Errorf("%q: got %+v", sql, s.insert)
		}
	}
	f("INSERT INTO t FORMAT Native\n\x00\x01'", "Native", "\x00\x01'")
	f("INSERT INTO t FORMAT CSV \r\n\n1", "CSV", "\n1")
	f("INSERT INTO t FORMAT JSONEachRow {\"a\":1}", "JSONEachRow", "{\"a\":1}")
	f("INSERT INTO t VALUES (1)", "Values", " (1)")
	f("INSERT INTO t FORMAT RowBinary", "RowBinary", "")
}

// TestLexerNeverLosesItsPlace cuts anything at all: tokens are in order, do
// not overlap and end at the end of the text.
func TestLexerNeverLosesItsPlace(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"'", `"`, "`", `\`, "$", "$$", "$a$", "--", "/*", "*/", "//", "# ", "#!", "#", "\n", " ", ";", "(", ")", ",",
		"SELECT", "FORMAT", "SETTINGS", "INSERT INTO", "VALUES", "t", "1e5", "‘", "’", "“", "”", "\u00a0", "\xff", "\x00",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), "")
		l := &lexer{text: []byte(text)}
		at := 0
		for {
			tok, err := l.next()
			if err != nil {
				break
			}
			if tok.start < at || tok.end < tok.start || tok.end > len(text) {
				t.Fatalf("%q: token %+v after %d", text, tok, at)
			}
			at = tok.end
			if tok.kind == tokenEnd {
				break
			}
			if tok.end == tok.start {
				t.Fatalf("%q: an empty token at %d", text, at)
			}
		}
		s := scanSQL([]byte(text))
		if out := s.rewrite("/*x*/", "Native", []setting{{"a", "1"}}); !strings.HasPrefix(out, "/*x*/") {
			t.Fatalf("%q: %q", text, out)
		}
	})
}
