package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// job is one statement on its way through the engine.
type job struct {
	request
	server *server
	sql    sqlText
	tag    string
	class  uint32
}

// format is the statement's own output format, else the request's.
func (j *job) format() string {
	if j.sql.format != "" {
		return j.sql.format
	}
	return j.request.format
}

// admit refuses what must not run: no or several statements, statements that
// would leave a trace on the session they share with others, files of this
// machine, and writes of a read-only request. more says that the text was cut.
func (j *job) admit(more bool) error {
	s := &j.sql
	withData := s.insert != nil && s.insert.format != ""
	switch {
	case s.body == 0:
		return refusal(62, "SYNTAX_ERROR", "Empty query")
	case more && !withData:
		return refusal(62, "SYNTAX_ERROR", "the statement has more than %d bytes", maxQuerySize)
	case s.verb == "SET" || s.verb == "USE":
		return refusal(48, "NOT_IMPLEMENTED", "%s is not possible: sessions are shared; put settings into SETTINGS or parameters of the request, and the database into the parameter database", s.verb)
	case s.makesTemporary():
		return refusal(48, "NOT_IMPLEMENTED", "a temporary table is not possible: sessions are shared; use ENGINE = Memory under a name of your own")
	case s.outfile:
		return refusal(48, "NOT_IMPLEMENTED", "INTO OUTFILE and FROM INFILE are not possible: the data goes over HTTP")
	}
	parsed := string(s.text[s.begin:])
	if withData {
		parsed = string(s.text[s.begin:s.insert.head]) + " FORMAT " + s.insert.format
		if s.insert.format == "Values" {
			parsed = string(s.text[s.begin:s.insert.head]) + " VALUES"
		}
	}
	a, err := j.server.analyse(parsed)
	if err != nil {
		return err
	}
	j.class = a.class
	if a.statements > 1 {
		return refusal(62, "SYNTAX_ERROR", "%d statements in one request: send them one by one", a.statements)
	}
	// What does not parse runs too: the engine says best what is wrong with it.
	if j.readOnly && a.statements == 1 && a.class != classReadOnly {
		return refusal(164, "READONLY", "Cannot execute query in readonly mode: the statement writes or controls the engine")
	}
	return nil
}

// statement is what the engine is given.
func (j *job) statement() statement {
	sql := j.sql.rewrite(j.tag, j.request.format, j.settings)
	if j.sql.insert == nil && len(j.settings) > 0 && j.class != classReadOnly {
		// A few statements of a kind that takes settings do not (CREATE USER).
		if a, err := j.server.pool.analyse(sql); err == nil && a.statements == 0 {
			sql = j.sql.rewrite(j.tag, j.request.format, nil)
		}
	}
	return statement{sql: sql, format: j.format(), params: j.params}
}

// lane is where the statement runs: inserts, and what the driver asks before
// an insert, do not wait behind reports.
func (j *job) lane() chan *connection {
	switch j.sql.verb {
	case "INSERT":
		if j.sql.insert != nil && j.sql.insert.format == "" {
			return j.server.pool.reads // INSERT … SELECT may take long
		}
		return j.server.pool.writes
	case "DESCRIBE", "DESC", "EXISTS":
		return j.server.pool.writes
	}
	return j.server.pool.reads
}

// Formats whose chunks, written one after the other, are one result. The
// library writes the others' head and foot around every chunk.
var rowFormats = map[string]bool{
	"Native": true, "RowBinary": true, "TSV": true, "TabSeparated": true, "TSVRaw": true, "TabSeparatedRaw": true,
	"CSV": true, "JSONEachRow": true, "NDJSON": true, "JSONLines": true, "JSONCompactEachRow": true,
}

// serveQuery runs a statement that takes no data.
func (j *job) serveQuery(ctx context.Context, w http.ResponseWriter) error {
	return with(ctx, j.lane(), j.database, func(c *connection) error {
		defer j.server.pool.killOnDone(ctx, j.tag)()
		if j.streams() {
			return j.streamQuery(w, c)
		}
		if j.class != classReadOnly {
			defer j.server.memo.changing()()
		}
		r, err := c.query(j.statement())
		if err != nil {
			return err
		}
		defer r.close()
		writeSummary(w, r.summary())
		_, _ = w.Write(r.bytes()) // the client may be gone
		return nil
	})
}

// streams reports whether the statement's output is sent in chunks.
func (j *job) streams() bool {
	switch j.sql.verb {
	case "SELECT", "WITH", "FROM", "":
		return j.class == classReadOnly && !j.hold && rowFormats[j.format()]
	}
	return false
}

// streamQuery sends the chunks of a SELECT as they come. An error before the
// first becomes the status, one after it an exception block in the body.
func (j *job) streamQuery(w http.ResponseWriter, c *connection) error {
	st, err := c.stream(j.statement())
	if err != nil {
		return err
	}
	defer st.close() // cancels what is left when the client is gone
	for sent := false; ; sent = true {
		chunk, err := st.next()
		if err != nil {
			if sent {
				return &lateError{err}
			}
			return err
		}
		data := chunk.bytes()
		if len(data) == 0 {
			chunk.close()
			if !sent && j.format() == "Native" {
				return j.writeHeaderBlock(w, c)
			}
			return nil
		}
		if !sent {
			w.Header().Set("X-ClickHouse-Exception-Tag", exceptionTag(j.tag))
		}
		_, err = w.Write(data)
		chunk.close()
		if err != nil {
			return &lateError{fmt.Errorf("engine: the client is gone: %w", err)}
		}
	}
}

// writeHeaderBlock answers an empty result with the names and types of its
// columns, as a ClickHouse server does.
func (j *job) writeHeaderBlock(w http.ResponseWriter, c *connection) error {
	sql := "DESCRIBE TABLE (" + j.sql.bare() + "\n)"
	header, err := j.server.memo.header(fmt.Sprintf("%q %q %q %s", j.database, j.settings, j.params, sql), func() ([]byte, error) {
		r, err := c.query(statement{sql: j.tag + sql, format: "TabSeparatedRaw", params: j.params})
		if err != nil {
			return nil, fmt.Errorf("engine: describe an empty result: %w", err)
		}
		defer r.close()
		var columns []string
		for line := range strings.Lines(string(r.bytes())) {
			name, rest, _ := strings.Cut(line, "\t")
			kind, _, _ := strings.Cut(rest, "\t")
			columns = append(columns, name, kind)
		}
		return headerBlock(columns), nil
	})
	if err != nil {
		return err
	}
	_, _ = w.Write(header) // the client may be gone
	return nil
}

// lateError is an error of a statement whose answer has begun.
type lateError struct{ err error }

func (e *lateError) Error() string { return e.err.Error() }
func (e *lateError) Unwrap() error { return e.err }

// exceptionTag is the 16 characters that frame a late exception.
func exceptionTag(tag string) string { return strings.Trim(tag, "/* ") }

// writeLateException ends a body that had begun with the exception block of
// ClickHouse's HTTP interface.
func writeLateException(w http.ResponseWriter, tag string, e *exception) {
	t := exceptionTag(tag)
	_, _ = fmt.Fprintf(w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", t, e.text, len(e.text)+1, t)
}

// insertChunk is how many bytes of an insert are handed over at once.
const insertChunk = 256 << 10

// serveInsert runs an INSERT with the data that follows it.
func (j *job) serveInsert(ctx context.Context, w http.ResponseWriter, data io.Reader) error {
	return with(ctx, j.lane(), j.database, func(c *connection) error {
		defer j.server.pool.killOnDone(ctx, j.tag)()
		s := j.statement()
		s.format = j.sql.insert.format
		i, err := c.insert(s)
		if err != nil {
			return err
		}
		defer i.close()
		if err := appendAll(i, data); err != nil {
			return err
		}
		done, err := i.finish()
		if err != nil {
			return err
		}
		writeSummary(w, done)
		return nil
	})
}

// appendAll hands over all of data. A body that ends early is an error, never
// the end of the data.
func appendAll(i *insertion, data io.Reader) error {
	buffer := make([]byte, insertChunk)
	for filled := 0; ; {
		n, err := data.Read(buffer[filled:])
		filled += n
		if filled == len(buffer) || err != nil {
			if appendErr := i.append(buffer[:filled]); appendErr != nil {
				return appendErr
			}
			filled = 0
		}
		if err == io.EOF { //nolint:errorlint // a wrapped EOF is a broken body
			return nil
		}
		if err != nil {
			return badRequest("read the data of an INSERT: %v", err)
		}
	}
}
