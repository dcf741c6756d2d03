package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ErrNoHTTP says that ClickHouse is spoken to by its native protocol, over which it
// formats nothing.
var ErrNoHTTP = errors.New("store: ClickHouse writes Parquet over its HTTP interface alone, and the configuration names its native one: say where that is, such as KUNJI_CLICKHOUSE_DSN=http://user:password@host:8123/kunji")

// Parquet has ClickHouse write the answer of a SELECT as Parquet to w. The SELECT
// cannot change anything. params are numbers, and texts without tabs or
// backslashes. The embedded engine holds the whole answer in memory before it
// sends it: ask for a million rows at most.
//
// An error after the first byte shows as a file without its end: whoever takes
// the answer checks that (package export does).
func (s *Store) Parquet(ctx context.Context, w io.Writer, query string, params map[string]any) error {
	const op = "write Parquet"
	if s.connect.Protocol != clickhouse.HTTP {
		return ErrNoHTTP
	}
	values := url.Values{
		"database": {s.database}, "readonly": {"2"}, "default_format": {"Parquet"},
		"output_format_parquet_compression_method": {"zstd"}, "output_format_parquet_string_as_string": {"1"},
	}
	for name, value := range params {
		values.Set("param_"+name, fmt.Sprint(value))
	}
	resp, err := s.rawPost(ctx, values, query)
	if err != nil {
		return wrap(op, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return rawError(op, resp)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return wrap(op, err)
	}
	return nil
}

// rawPost sends a statement to the first server that answers.
func (s *Store) rawPost(ctx context.Context, values url.Values, query string) (resp *http.Response, err error) {
	c := s.connect
	transport := &http.Transport{TLSClientConfig: c.TLS, DisableKeepAlives: true, DisableCompression: true}
	if c.DialContext != nil {
		transport.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) { return c.DialContext(ctx, addr) }
	}
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	for _, addr := range c.Addr {
		at := url.URL{Scheme: scheme, Host: addr, Path: "/" + strings.TrimPrefix(c.HttpUrlPath, "/"), RawQuery: values.Encode()}
		req, err2 := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(query))
		if err2 != nil {
			return nil, errors.New("the server's address is none")
		}
		for name, value := range c.HttpHeaders {
			req.Header.Set(name, value)
		}
		if c.Auth.Username != "" {
			req.Header.Set("X-ClickHouse-User", c.Auth.Username)
			req.Header.Set("X-ClickHouse-Key", c.Auth.Password)
		}
		if resp, err = transport.RoundTrip(req); err == nil {
			return resp, nil
		}
	}
	return nil, err
}

// exceptionText is how ClickHouse begins an error over HTTP.
var exceptionText = regexp.MustCompile(`^Code: (\d+)\. (?:DB::)?Exception: (?s)(.*)`)

// rawError reads ClickHouse's error.
func rawError(op string, resp *http.Response) error {
	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	m := exceptionText.FindSubmatch(text)
	if err != nil || m == nil {
		return fmt.Errorf("store: %s: ClickHouse answered %s", op, resp.Status)
	}
	code, _ := strconv.Atoi(string(m[1])) // digits
	return &Error{Op: op, Code: code, Message: strings.TrimSpace(string(m[2]))}
}
