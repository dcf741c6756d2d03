package engine

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// setting is one name and value of a statement's SETTINGS clause.
type setting struct{ name, value string }

// request is what the parameters of an HTTP request ask for; the statement is
// in the query parameter, in the body or partly in both.
type request struct {
	query    string
	database string
	format   string // where the statement names none
	queryID  string
	hold     bool // answer only when the whole result is known (wait_end_of_query)
	readOnly bool
	settings []setting
	params   []parameter
}

// Parameters of the HTTP interface that are neither settings nor of use here:
// the socket's owner is the only user, and nothing is compressed on a socket.
var ignoredParameters = map[string]bool{
	"user": true, "password": true, "quota_key": true, "client_protocol_version": true, "buffer_size": true,
	"http_method": true, "stacktrace": true, "enable_http_compression": true, "send_progress_in_http_headers": true,
}

// Parameters that ask for what this server does not have, and why.
var refusedParameters = map[string]string{
	"session_id":      "sessions share nothing here: put settings into each request",
	"session_timeout": "sessions share nothing here: put settings into each request",
	"session_check":   "sessions share nothing here: put settings into each request",
	"role":            "the embedded engine has one user and no roles",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseRequest reads the parameters and headers of r.
func parseRequest(r *http.Request) (request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return request{}, badRequest("the address has malformed parameters: %v", err)
	}
	q := request{database: r.Header.Get("X-ClickHouse-Database"), format: r.Header.Get("X-ClickHouse-Format")}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := q.set(name, values[name][len(values[name])-1]); err != nil {
			return request{}, err
		}
	}
	if q.database == "" {
		q.database = defaultDatabase
	}
	if q.format == "" {
		q.format = "TabSeparated"
	}
	if !settingName.MatchString(q.format) {
		return request{}, badRequest("default_format %q is not the name of a format", q.format)
	}
	return q, nil
}

// set takes one parameter.
func (q *request) set(name, value string) error {
	switch {
	case name == "query":
		q.query = value
	case name == "database":
		q.database = value
	case name == "default_format":
		q.format = value
	case name == "query_id":
		q.queryID = value
	case name == "wait_end_of_query":
		q.hold = isOn(value)
	case strings.HasPrefix(name, "param_"):
		q.params = append(q.params, parameter{strings.TrimPrefix(name, "param_"), value})
	case name == "compress" || name == "decompress":
		if isOn(value) {
			return badRequest("%s=1: the embedded engine speaks without compression (clickhouse.CompressionNone)", name)
		}
	case refusedParameters[name] != "":
		return badRequest("%s: %s", name, refusedParameters[name])
	case ignoredParameters[name]:
	case !settingName.MatchString(name):
		return badRequest("%q is not the name of a setting", name)
	default:
		if name == "readonly" && value != "0" {
			q.readOnly = true
		}
		q.settings = append(q.settings, setting{name, value})
	}
	return nil
}

func isOn(value string) bool { return value == "1" || strings.EqualFold(value, "true") }

// badRequest is a refusal of this server, with ClickHouse's BAD_ARGUMENTS.
func badRequest(format string, args ...any) *exception {
	return refusal(36, "BAD_ARGUMENTS", format, args...)
}

// refusal is an error of this server in ClickHouse's form.
func refusal(code int, name, format string, args ...any) *exception {
	return &exception{code: code, text: fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), name)}
}
