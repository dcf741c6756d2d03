package console

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// byteOrderMark makes Excel read a CSV file as UTF-8.
const byteOrderMark = "\ufeff"

// formatOf reads whether JSON or CSV is asked for; it answers itself where it is
// something else.
func (c *Console) formatOf(w http.ResponseWriter, r *http.Request) (format string, ok bool) {
	switch format = r.URL.Query().Get("format"); format {
	case "":
		return "json", true
	case "json", "csv":
		return format, true
	}
	c.fail(w, r, problem{
		Status: http.StatusBadRequest, Code: "bad_parameter", Parameter: "format", Known: []string{"json", "csv"},
		Detail: fmt.Sprintf("unknown format %q", format), Fix: "write json or csv",
	})
	return "", false
}

// writeTable answers with a report's table. As CSV it has its totals as a last
// line where that is asked for.
func (c *Console) writeTable(w http.ResponseWriter, r *http.Request, table *report.Table, format string) {
	if format == "csv" {
		if r.URL.Query().Get("totals") == "1" {
			table = table.TotalsAsRow()
		}
		name := strings.Trim(table.Meta.Report+"_"+table.Name, "_")
		c.writeCSV(w, r, fmt.Sprintf("%s_%s_%s_%s", name, table.Meta.Site, table.Meta.From, table.Meta.To), table)
		return
	}
	var b bytes.Buffer
	if err := report.WriteJSON(&b, table); err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b.Bytes()) // the client has left; there is nobody to tell
}

// writeCSV answers with a file, with a byte order mark for Excel where that is
// asked for.
func (c *Console) writeCSV(w http.ResponseWriter, r *http.Request, name string, table *report.Table) {
	var b bytes.Buffer
	if r.URL.Query().Get("excel") == "1" {
		b.WriteString(byteOrderMark)
	}
	if err := report.WriteCSV(&b, table); err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".csv"))
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	_, _ = w.Write(b.Bytes()) // the client has left; there is nobody to tell
}

// csvOf asks for a site's list as a file.
func csvOf(own *site.Site) string {
	return url.Values{"site": {own.ID}, "format": {"csv"}, "excel": {"1"}}.Encode()
}

// list is a table of texts and figures that is no report.
func list(columns ...string) *report.Table {
	t := &report.Table{}
	for _, name := range columns {
		t.Columns = append(t.Columns, report.Column{Name: name, Type: report.Text})
	}
	return t
}

// auditList is the audit log as a file.
func auditList(lines []report.Action) *report.Table {
	t := list("time", "actor", "action", "site", "detail")
	for _, a := range lines {
		t.Rows = append(t.Rows, report.Row{Cells: []any{a.Time.UTC().Format(time.RFC3339), a.Actor, a.Action, a.Site, a.Detail}})
	}
	return t
}

// noteList is what people keep, as a file: filters one after another, and a
// shared link as its path.
func noteList(notes []noteJSON) *report.Table {
	t := list("id", "name", "owner", "created", "day", "filters", "report", "question", "expires", "path")
	for _, n := range notes {
		t.Rows = append(t.Rows, report.Row{Cells: []any{n.ID, n.Name, n.Owner, n.Created, n.Day, strings.Join(n.Filters, "; "), n.Report, n.Question, n.Expires, n.Path}})
	}
	return t
}

// hitList is the last hour of a tag as a file. Where there are too few to be
// told of, fewer_than says so in place of the count.
func hitList(in *report.Installation, least int) *report.Table {
	t := list("outcome", "kind", "reason", "count", "fewer_than")
	for _, part := range []struct {
		outcome string
		hits    []report.HitCount
	}{{"recorded", in.Recorded}, {"machine", in.Machines}, {"refused", in.Refused}} {
		for _, h := range part.hits {
			cells := []any{part.outcome, h.Kind, h.Reason, h.Count, nil}
			if h.Few {
				cells[3], cells[4] = nil, int64(least)
			}
			t.Rows = append(t.Rows, report.Row{Cells: cells})
		}
	}
	return t
}
