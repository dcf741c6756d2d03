package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// listReports answers with the reports that the role covers.
func (c *Console) listReports(w http.ResponseWriter, r *http.Request) {
	names := []string{}
	for _, name := range report.Names() {
		if principalOf(r).role.may(toRead(name)) {
			names = append(names, name)
		}
	}
	sites := []string{}
	for _, s := range c.sitesOf(principalOf(r)) {
		sites = append(sites, s.ID)
	}
	writeJSON(w, map[string][]string{"reports": names, "sites": sites})
}

// reportData answers with a report as JSON or CSV.
func (c *Console) reportData(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, toRead(r.PathValue("name"))) {
		return
	}
	asked := r.URL.Query()
	format, ok := c.formatOf(w, r)
	if !ok {
		return
	}
	own, fault := c.siteFor(principalOf(r), asked.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	c.answerReport(w, r, own, r.PathValue("name"), asked, format, asked.Get("part"))
}

// answerReport answers a question as JSON or CSV.
func (c *Console) answerReport(w http.ResponseWriter, r *http.Request, own *site.Site, name string, asked url.Values, format, partName string) {
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	query, err := c.parseQuestion(ctx, own, name, asked)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	table, err := report.Run(ctx, c.opt.Source, name, query)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	part := table.Part(partName)
	if part == nil || part != table && format == "json" {
		c.fail(w, r, problem{
			Status: http.StatusBadRequest, Code: "bad_parameter", Parameter: "part", Detail: fmt.Sprintf("the report has no part %q as %s", partName, format),
			Fix: "leave it out; with format=csv name a table of more",
		})
		return
	}
	part.Meta.Report = table.Meta.Report
	c.writeTable(w, r, part, format)
}

// parseQuestion reads what was asked of a report.
func (c *Console) parseQuestion(ctx context.Context, own *site.Site, name string, asked url.Values) (report.Query, error) {
	query, err := report.ParseQuery(own, asked.Get("from"), asked.Get("to"), asked.Get("compare"), asked["filter"], c.opt.Now())
	if err == nil {
		err = setOptions(&query, name, asked)
	}
	if err == nil && c.opt.CompleteUntil != nil {
		query.CompleteUntil = c.opt.CompleteUntil(ctx)
	}
	return query, err
}

type hitJSON struct {
	Kind      string `json:"kind,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Count     *int64 `json:"count"` // null: fewer_than says below what it is
	FewerThan int    `json:"fewer_than,omitempty"`
}

// installationData answers with what was heard of a site's tag.
func (c *Console) installationData(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, readInstallation) {
		return
	}
	format, ok := c.formatOf(w, r)
	if !ok {
		return
	}
	own, fault := c.siteFor(principalOf(r), r.URL.Query().Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	in, err := report.CheckInstallation(ctx, c.opt.Source, own, c.opt.Now())
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	if format == "csv" {
		c.writeCSV(w, r, "installation_"+own.ID, hitList(in, own.MinGroup))
		return
	}
	var last *string
	if !in.LastEvent.IsZero() {
		text := in.LastEvent.UTC().Format(time.RFC3339)
		last = &text
	}
	writeJSON(w, map[string]any{
		"site": in.Site, "verdict": in.Verdict, "since": in.Since.Format(time.RFC3339), "until": in.Until.Format(time.RFC3339),
		"last_event": last, "recorded": hits(in.Recorded, own.MinGroup), "machines": hits(in.Machines, own.MinGroup),
		"refused": hits(in.Refused, own.MinGroup), "banner_shown": in.BannerShown, "banner_answered": in.BannerAnswered,
	})
}

func hits(list []report.HitCount, least int) []hitJSON {
	out := []hitJSON{}
	for _, h := range list {
		one := hitJSON{Kind: h.Kind, Reason: h.Reason, Count: &h.Count}
		if h.Few {
			one.Count, one.FewerThan = nil, least
		}
		out = append(out, one)
	}
	return out
}

func writeJSON(w http.ResponseWriter, value any) { writeStatus(w, http.StatusOK, value) }

// writeStatus does it with another status.
func writeStatus(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has left; there is nobody to tell
}
