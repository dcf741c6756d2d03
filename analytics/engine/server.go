package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxQuerySize is ClickHouse's max_query_size times four, in bytes: the part
// of a request that is a statement rather than data.
const maxQuerySize = 1 << 20

// server answers ClickHouse's HTTP interface with the sessions of a pool.
type server struct {
	pool  *pool
	memo  memo
	hello []byte
}

func newServer(p *pool) (*server, error) {
	s := &server{pool: p}
	err := with(context.Background(), p.reads, defaultDatabase, func(c *connection) error {
		r, err := c.query(statement{sql: "SELECT version(), timezone()", format: "TabSeparatedRaw"})
		if err != nil {
			return fmt.Errorf("engine: ask for its version: %w", err)
		}
		defer r.close()
		version, timezone, _ := strings.Cut(strings.TrimSpace(string(r.bytes())), "\t")
		s.hello = helloBlock(version, timezone)
		return nil
	})
	return s, err
}

// ServeHTTP implements http.Handler: GET /ping, and statements on /.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ping":
		_, _ = io.WriteString(w, "Ok.\n")
	case "/", "/query":
		if err := s.serveStatement(w, r); err != nil {
			writeException(w, asException(err))
		}
	default:
		http.Error(w, "There is no handle "+r.URL.Path+": statements go to /", http.StatusNotFound)
	}
}

// serveStatement runs the statement of r. An error it returns was met before
// anything was answered.
func (s *server) serveStatement(w http.ResponseWriter, r *http.Request) error {
	q, err := parseRequest(r)
	if err != nil {
		return err
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return badRequest("the embedded engine takes no external tables: pass the values as a parameter of type Array")
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return badRequest("the embedded engine takes no Content-Encoding, got %q", enc)
	}
	text, rest, err := readStatement(q.query, r.Body)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(text)) == helloQuery && q.format == "Native" {
		w.Header().Set("X-ClickHouse-Format", "Native")
		_, _ = w.Write(s.hello) // the client may be gone
		return nil
	}
	j := &job{server: s, request: q, sql: scanSQL(text), tag: newTag()}
	if rest == nil && len(q.params) > 0 {
		j.sql.keepValues()
	}
	if err := j.admit(rest != nil); err != nil {
		return err
	}
	setHeaders(w, j)
	if i := j.sql.insert; i != nil && i.format != "" {
		data := io.Reader(bytes.NewReader(text[i.data:]))
		if rest != nil {
			data = io.MultiReader(data, rest)
		}
		return j.serveInsert(r.Context(), w, data)
	}
	err = j.serveQuery(r.Context(), w)
	var late *lateError
	if errors.As(err, &late) {
		writeLateException(w, j.tag, asException(late.err))
		return nil
	}
	return err
}

// analyse says what a statement is.
func (s *server) analyse(sql string) (analysis, error) {
	return s.memo.analyse(sql, s.pool.analyse)
}

// readStatement joins the query parameter and the body, as ClickHouse does.
// What of the body is beyond maxQuerySize is returned as rest.
func readStatement(query string, body io.Reader) (text []byte, rest io.Reader, err error) {
	if len(query) > maxQuerySize {
		return nil, nil, refusal(62, "SYNTAX_ERROR", "the statement has %d bytes, more than %d", len(query), maxQuerySize)
	}
	var b bytes.Buffer
	if query != "" {
		b.WriteString(query)
		b.WriteByte('\n')
	}
	_, err = io.CopyN(&b, body, int64(maxQuerySize))
	switch {
	case err == nil:
		return b.Bytes(), body, nil
	case errors.Is(err, io.EOF):
		return b.Bytes(), nil, nil
	}
	return nil, nil, badRequest("read the request: %v", err)
}

// newTag makes the comment that marks a statement, so that it can be killed.
func newTag() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "/*" + hex.EncodeToString(b[:]) + "*/ "
}

func setHeaders(w http.ResponseWriter, j *job) {
	h := w.Header()
	h.Set("X-ClickHouse-Format", j.format())
	h.Set("Content-Type", "application/octet-stream")
	if j.queryID != "" {
		h.Set("X-ClickHouse-Query-Id", strings.Map(printable, j.queryID))
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// writeException answers with an error in ClickHouse's form.
func writeException(w http.ResponseWriter, e *exception) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	h.Del("X-ClickHouse-Exception-Tag")
	w.WriteHeader(statusOf(e.code))
	_, _ = io.WriteString(w, e.text+"\n") // the client may be gone
}

// writeSummary sets X-ClickHouse-Summary.
func writeSummary(w http.ResponseWriter, s summary) {
	w.Header().Set("X-ClickHouse-Summary", fmt.Sprintf(
		`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d","elapsed_ns":"%d"}`,
		s.readRows, s.readBytes, s.writtenRows, s.writtenBytes, int64(s.elapsed*1e9)))
}
