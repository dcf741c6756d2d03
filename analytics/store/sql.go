package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// SQL runs one statement of an operator's and writes its rows to w in a format
// of Formats. Unless write is set, only statements that read are run: SELECT,
// SHOW, DESCRIBE, EXPLAIN and EXISTS. SET and USE are refused always: they would
// stay on a pooled connection and change what others ask; a SETTINGS clause
// does the same for one statement.
func (s *Store) SQL(ctx context.Context, w io.Writer, query, format string, write bool) error {
	out, err := newFormat(w, format)
	if err != nil {
		return err
	}
	kind, err := s.parse(ctx, query)
	if err != nil {
		return err
	}
	switch {
	case kind == statementSession:
		return errors.New("store: SET and USE are not run: put SETTINGS name = value into the statement, and the database before the table's name")
	case kind == statementWrite && !write:
		return errors.New("store: the statement changes something: only SELECT, SHOW, DESCRIBE, EXPLAIN and EXISTS are run without --write")
	case kind == statementWrite:
		return wrap("run the statement", s.conn.Exec(ctx, query))
	}
	rows, err := s.query(ctx, "run the statement", strings.TrimRight(query, "; \t\r\n"), nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	return out.writeRows(rows)
}

// statementKind is what a statement does.
type statementKind int

const (
	statementRead statementKind = iota
	statementWrite
	statementSession // changes the connection
)

// parse has ClickHouse parse the statement and judges what it understood, not
// what was written: comments and brackets hide what a statement does. The text
// travels as a parameter, so that nothing in it is run: the embedded library
// runs what follows a semicolon, even behind EXPLAIN.
func (s *Store) parse(ctx context.Context, query string) (statementKind, error) {
	var canonical string
	rows, err := s.query(ctx, "parse the statement", "SELECT formatQuerySingleLine({query:String})", map[string]any{"query": query})
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			err = rows.Scan(&canonical)
		}
		err = errors.Join(err, rows.Err())
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Message, _, _ = strings.Cut(e.Message, ": In scope SELECT formatQuery")
		}
		return 0, err
	}
	return judge(canonical)
}

// quoted matches the texts and quoted names of a canonical statement.
var quoted = regexp.MustCompile("'(?:[^'\\\\]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`")

// ownFormat matches a FORMAT clause at the end of a query without quotes.
var ownFormat = regexp.MustCompile(`\sFORMAT (\w+)(?: SETTINGS .*)?$`)

// judge tells what a canonical statement does: it is a single one, without
// comments, keywords in upper case, INSERT in front of its WITH.
func judge(canonical string) (statementKind, error) {
	bare := quoted.ReplaceAllString(canonical, "''")
	verb, _, _ := strings.Cut(bare, " ")
	switch verb {
	case "SET", "USE":
		return statementSession, nil
	case "SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS":
	default:
		return statementWrite, nil
	}
	if strings.Contains(bare, "PARALLEL WITH") {
		return statementWrite, nil // SELECT 1 PARALLEL WITH DROP TABLE t
	}
	if strings.Contains(bare, "INTO OUTFILE") {
		return 0, errors.New("store: INTO OUTFILE is not run: redirect the output instead")
	}
	if m := ownFormat.FindStringSubmatch(bare); m != nil {
		return 0, fmt.Errorf("store: FORMAT %s is not taken: ask for one of %s with --format", m[1], strings.Join(Formats(), ", "))
	}
	return statementRead, nil
}
