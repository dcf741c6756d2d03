package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

// problem is why a request was not answered (RFC 9457). Detail says what is
// wrong, with the value; Fix what to do.
type problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Code      string   `json:"code"`
	Detail    string   `json:"detail"`
	Fix       string   `json:"fix,omitempty"`
	Parameter string   `json:"parameter,omitempty"`
	Known     []string `json:"known,omitempty"` // what could have been asked for
	Instance  string   `json:"instance"`

	Faults     []report.Fault `json:"faults,omitempty"`      // of an uploaded file
	MoreFaults bool           `json:"more_faults,omitempty"` // than are listed

	retryAfter time.Duration
}

// fail answers with a problem: as JSON below /api/, else as a page.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, p problem) {
	p.Type = "urn:kunji:problem:" + p.Code
	p.Title = http.StatusText(p.Status)
	p.Instance = r.URL.Path
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.retryAfter/time.Second)+1))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="kunji"`)
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		c.problemPage(w, r, p)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(true)
	_ = out.Encode(p) // the client has left; there is nobody to tell
}

// asReportError finds which part of a request an error says is wrong.
func asReportError(err error) (*report.Error, bool) {
	var wrong *report.Error
	return wrong, errors.As(err, &wrong)
}

// reportProblem says which problem an error of package report is.
func (c *Console) reportProblem(r *http.Request, err error) problem {
	var wrong *report.Error
	switch {
	case errors.As(err, &wrong):
		return problem{Status: http.StatusBadRequest, Code: "bad_parameter", Parameter: wrong.Parameter, Detail: wrong.Problem, Fix: wrong.Fix}
	case errors.Is(err, report.ErrUnknown):
		return problem{
			Status: http.StatusNotFound, Code: "unknown_report", Parameter: "name", Known: report.Names(),
			Detail: "no report is called " + strconv.Quote(r.PathValue("name")), Fix: "ask for one of " + strings.Join(report.Names(), ", "),
		}
	case errors.Is(err, context.DeadlineExceeded):
		return problem{
			Status: http.StatusGatewayTimeout, Code: "too_slow", Detail: "the report took longer than " + c.opt.QueryTimeout.String() + " and was ended",
			Fix: "ask for fewer days",
		}
	}
	if r.Context().Err() == nil {
		path := r.URL.Path
		if r.PathValue("token") != "" { // which no log keeps
			path = r.Pattern
		}
		c.opt.Logger.Error("report failed", "path", path, "error", err)
	}
	return problem{
		Status: http.StatusServiceUnavailable, Code: "store_unavailable", Detail: "the store did not answer; what was recorded is safe in the spool",
		Fix: "try again in a minute; the reason is in the service's log", retryAfter: time.Minute,
	}
}
