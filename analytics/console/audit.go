package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

const (
	auditPath      = "/audit"
	auditPageLines = 100 // on a page
)

// auditActions are what the log may say was done.
var auditActions = []string{
	"signed_in", "sign_in_failed", "sign_in_held", "signed_out", "costs_uploaded", "rates_uploaded", "link_made", "mail_consents_stored",
	"segment_made", "segment_changed", "segment_deleted", "mark_made", "mark_changed", "mark_deleted", "share_made", "share_deleted",
	"erasure_requested", "person_exported", "rights_link_made", "site_exported", "site_wound_down",
}

type auditLineJSON struct {
	Time   string `json:"time"`
	Actor  string `json:"actor"`
	Action string `json:"action"`
	Site   string `json:"site"`
	Detail string `json:"detail"`
}

// auditData answers with lines of the audit log.
func (c *Console) auditData(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, readAudit) {
		return
	}
	format, ok := c.formatOf(w, r)
	if !ok {
		return
	}
	asked := r.URL.Query()
	lines := auditPageLines
	if text := asked.Get("lines"); text != "" {
		lines, _ = strconv.Atoi(text) // 0 is refused as every wrong number is
	}
	list, next, fault := c.readAudit(r, asked, lines)
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	if format == "csv" {
		c.writeCSV(w, r, "audit", auditList(list))
		return
	}
	out := []auditLineJSON{}
	for _, a := range list {
		out = append(out, auditLineJSON{a.Time.UTC().Format("2006-01-02T15:04:05.000Z"), a.Actor, a.Action, a.Site, a.Detail})
	}
	writeJSON(w, map[string]any{"lines": out, "next": next})
}

// readAudit asks for lines about the account's sites; only who sees every site
// sees lines that are about none, such as sign-ins.
func (c *Console) readAudit(r *http.Request, asked url.Values, lines int) ([]report.Action, string, *problem) {
	who := principalOf(r)
	q := report.AuditQuery{Action: asked.Get("action"), Before: asked.Get("before"), Lines: lines}
	if id := asked.Get("site"); id != "" {
		own, fault := c.siteFor(who, id)
		if fault != nil {
			return nil, "", fault
		}
		q.Site = own.ID
	}
	if !slices.Contains(who.sites, "*") {
		q.Sites = who.sites
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	list, next, err := report.ReadAudit(ctx, c.opt.Source, q)
	if err != nil {
		fault := c.reportProblem(r, err)
		return nil, "", &fault
	}
	return list, next, nil
}

type auditLine struct{ Time, Actor, Action, Site, Detail string }

type auditView struct {
	page
	Sites, Actions []option
	Lines          []auditLine
	Older          string // address of the page with older lines
	CSV            string // of the lines shown
}

// auditPage shows who did what.
func (c *Console) auditPage(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, readAudit) {
		return
	}
	asked := r.URL.Query()
	list, next, fault := c.readAudit(r, asked, auditPageLines)
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	who := principalOf(r)
	v := auditView{page: c.newPage(w, r, "nav.audit")}
	v.navigate(who, auditPath, url.Values{"site": {asked.Get("site")}})
	v.Sites = append(v.Sites, option{"", v.T("audit.anysite"), asked.Get("site") == ""})
	for _, s := range c.sitesOf(who) {
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == asked.Get("site")})
	}
	v.Actions = append(v.Actions, option{"", v.T("audit.any"), asked.Get("action") == ""})
	for _, name := range auditActions {
		v.Actions = append(v.Actions, option{name, v.T("audit.action." + name), name == asked.Get("action")})
	}
	for _, a := range list {
		v.Lines = append(v.Lines, v.line(a))
	}
	v.CSV = "/api/v1/audit?" + with(with(asked, "format", "csv"), "excel", "1").Encode()
	if next != "" {
		v.Older = auditPath + "?" + with(asked, "before", next).Encode()
	}
	c.render(w, http.StatusOK, "audit", v)
}

func (v *auditView) line(a report.Action) auditLine {
	one := auditLine{a.Time.UTC().Format(time.DateTime), a.Actor, a.Action, a.Site, a.Detail}
	if key := "audit.action." + a.Action; v.T(key) != key {
		one.Action = v.T(key)
	}
	return one
}
