package store

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// parse has ClickHouse parse the statement and judges the result, not the text:
// comments, brackets and WITH hide what a statement does. The text travels as a
// parameter, so nothing in it is run: the embedded library would run what
// follows a semicolon, even behind EXPLAIN.
func (s *Store) parse(ctx context.Context, query string) (statementKind, error) {
	const op = "parse the statement"
	canonical, err := s.lines(ctx, op, "SELECT formatQuerySingleLine({query:String})", map[string]any{"query": query})
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Code == codeSyntaxError {
			e.Message, _, _ = strings.Cut(e.Message, ": In scope SELECT formatQuery")
		}
		return 0, err
	}
	// Canonical text is one statement without comments.
	tree, err := s.lines(ctx, op, "EXPLAIN AST "+strings.Join(canonical, "\n"), nil)
	if err != nil {
		return 0, err
	}
	return judge(tree)
}

// judge reads the tree of EXPLAIN AST: a node a line, one blank of indentation
// a level.
func judge(tree []string) (statementKind, error) {
	root := 0
	for root < len(tree) && node(tree[root]) == "Explain" {
		root++ // what it explains has to be harmless as well
	}
	if root == len(tree) {
		return statementRead, nil
	}
	name := node(tree[root])
	switch {
	case name == "Set" || name == "UseQuery":
		return statementSession, nil
	case name == "SelectWithUnionQuery", name == "SelectIntersectExceptQuery":
		return statementRead, judgeOutput(tree[root:])
	case strings.HasPrefix(name, "Show"), strings.HasPrefix(name, "Exists"), name == "DescribeQuery":
		return statementRead, nil
	}
	return statementWrite, nil
}

// judgeOutput refuses what a query says about its output: a file is written on
// the server (a literal below the root), a format is not the caller's (an
// identifier there).
func judgeOutput(tree []string) error {
	level := indent(tree[0]) + 1
	for _, line := range tree[1:] {
		if indent(line) != level {
			continue
		}
		switch node(line) {
		case "Literal":
			return errors.New("store: INTO OUTFILE is not run: redirect the output instead")
		case "Identifier":
			// Native is the driver's own, which the embedded engine writes behind
			// the statement to put the settings after it.
			if name := strings.TrimPrefix(strings.TrimSpace(line), "Identifier "); name != "Native" {
				return fmt.Errorf("store: FORMAT %s is not taken: ask for one of %s with --format", name, strings.Join(Formats(), ", "))
			}
		}
	}
	return nil
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func node(line string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return name
}

// lines returns the values of a single text column, cut at line ends.
func (s *Store) lines(ctx context.Context, op, sql string, params map[string]any) ([]string, error) {
	rows, err := s.query(ctx, op, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	}
	return all, rows.Err()
}
