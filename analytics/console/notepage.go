package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// noteRow is a note on its page.
type noteRow struct {
	ID, Name, What, When, Owner string
	URL                         string // where it leads: the report, or the shared link
	Link                        string // a shared link to copy
	MayDelete                   bool
}

type notesView struct {
	page
	Kind      string // segments, marks, shares
	Sites     []option
	Rows      []noteRow
	Today     string
	Back      string
	Made      string // the id of what was just made
	MayChange bool
	CSV       string
}

// notesPage lists a site's segments, marks or shared links.
func (c *Console) notesPage(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesForPage(w, r, r.URL.Query().Get("site"))
	if !ok {
		return
	}
	notes, err := c.notesOf(r, own, kind, "")
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	who, sort := principalOf(r), r.PathValue("kind")
	v := notesView{page: c.newPage(w, r, "notes."+sort), Kind: sort, Made: r.URL.Query().Get("made"), MayChange: c.opt.Keeper != nil}
	v.Site, v.CSV = own, "/api/v1/notes/"+sort+"?"+csvOf(own)
	v.navigate(who, r.URL.Path, url.Values{"site": {own.ID}})
	v.Today = report.DayOf(c.opt.Now(), own.Zone).String()
	for _, s := range c.sitesOf(who) {
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == own.ID})
	}
	for _, n := range slices.Backward(notes) {
		row := noteRow{ID: n.ID, Name: n.Name, Owner: n.Owner, When: report.Day(n.Day).String(), MayDelete: v.MayChange && who.mayChange(n)}
		switch kind {
		case report.SegmentNote:
			filters := strings.Split(n.Body, "\n")
			row.What = v.filterTexts(filters)
			row.URL = "/reports/campaigns?" + url.Values{"site": {own.ID}, "filter": filters}.Encode()
		case report.ShareNote:
			name, _ := splitShare(n.Body)
			row.URL = c.sharePath(n)
			row.Link = c.origin(r) + row.URL
			row.What, row.When = v.T("report."+name), clock(n.Expires, own.Zone)
			if !c.opt.Now().Before(n.Expires) {
				row.When, row.Link = v.T("notes.ended"), ""
			}
		}
		v.Rows = append(v.Rows, row)
	}
	c.render(w, http.StatusOK, "notes", v)
}

// origin is this console's address: where people open it, or else what the
// request was sent to.
func (c *Console) origin(r *http.Request) string {
	switch {
	case c.opt.Origin != "":
		return c.opt.Origin
	case c.opt.Secure:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// notesForPage is notesFor, and the account's first site where none is named.
func (c *Console) notesForPage(w http.ResponseWriter, r *http.Request, siteID string) (kind string, own *site.Site, ok bool) {
	if siteID == "" {
		if all := c.sitesOf(principalOf(r)); len(all) > 0 {
			siteID = all[0].ID
		}
	}
	return c.notesFor(w, r, siteID)
}

// receiveNote keeps what a form sent, or takes a note back.
func (c *Console) receiveNote(w http.ResponseWriter, r *http.Request) {
	kind, own, ok := c.notesFor(w, r, r.PostFormValue("site"))
	if !ok {
		return
	}
	back := "/notes/" + r.PathValue("kind") + "?" + url.Values{"site": {own.ID}}.Encode()
	if r.PostFormValue("do") == "delete" {
		n, ok := c.noteToChange(w, r, kind, own)
		if !ok {
			return
		}
		if err := c.dropNote(r, n); err != nil {
			c.fail(w, r, c.reportProblem(r, err))
			return
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	in := noteInput{
		Name: r.PostFormValue("name"), Day: r.PostFormValue("day"), Filters: r.PostForm["filter"],
		Report: r.PostFormValue("report"), Question: r.PostFormValue("question"),
	}
	in.Days, _ = strconv.Atoi(r.PostFormValue("days")) // 0, the default, where it is none
	in.Last, _ = strconv.Atoi(r.PostFormValue("last"))
	n, err := c.keepNote(r, kind, own, in, "")
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	if next := localPath(r.PostFormValue("next")); next != "/" {
		back = next
	} else {
		back += "&made=" + n.ID
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// filterTexts says filters in the page's language.
func (p page) filterTexts(filters []string) string {
	v := reportView{page: p}
	var all []string
	for _, text := range filters {
		if f, err := report.ParseFilter(text); err == nil {
			all = append(all, v.filterText(f))
		}
	}
	return strings.Join(all, "; ")
}

// offerNotes puts the site's segments that the report can answer beside its
// filters, and says whether links can be shared.
func (c *Console) offerNotes(ctx context.Context, v *reportView, who *principal, q report.Query) error {
	asked := with(carried(q, v.Report), "filter", v.FilterValues...)
	v.Question, v.Back = asked.Encode(), v.Path+"?"+asked.Encode()
	v.ShareReport = c.opt.Signer != nil && c.opt.Keeper != nil
	v.MayKeep = c.opt.Keeper != nil && who.role.may(readReports)
	notes, err := report.Notes(ctx, c.opt.Source, q.Site.ID, report.SegmentNote, "")
	if err != nil {
		return err
	}
	for _, n := range notes {
		filters := strings.Split(n.Body, "\n")
		var parsed []report.Filter
		for _, text := range filters {
			f, err := report.ParseFilter(text)
			if err != nil {
				return err
			}
			parsed = append(parsed, f)
		}
		if report.CanFilter(v.Report, parsed) == nil {
			v.Segments = append(v.Segments, link{
				Text: n.Name, URL: v.Path + "?" + with(carried(q, v.Report), "filter", filters...).Encode(), Current: slices.Equal(filters, v.FilterValues),
			})
		}
	}
	return nil
}

// share makes the page one that whoever has the link reads.
func (v *reportView) share(n report.Note, q report.Query) {
	v.Shared = v.T("share.shows", n.Name, q.From.String(), q.To.String(), clock(n.Expires, v.Site.Zone))
	for _, f := range q.Filters {
		v.FilterValues = append(v.FilterValues, v.filterText(f))
	}
}

// markView is a mark below a chart.
type markView struct{ Day, Text, Kind string }

// marksOn lists what is to be said about the days of a chart.
func marksOn(ctx context.Context, src report.Source, p *page, q report.Query) ([]report.Mark, []markView, error) {
	marks, err := report.Marks(ctx, src, q)
	if err != nil {
		return nil, nil, err
	}
	var views []markView
	for _, m := range marks {
		text := m.Detail
		if m.Kind != report.Written {
			text = p.T("mark." + m.Kind)
			if m.Detail != "" {
				text += ": " + m.Detail
			}
		}
		views = append(views, markView{m.Day.String(), text, m.Kind})
	}
	return marks, views, nil
}

// marksData answers with all marks on some days, those that set themselves
// included.
func (c *Console) marksData(w http.ResponseWriter, r *http.Request) {
	if !c.allow(w, r, readReports) {
		return
	}
	asked := r.URL.Query()
	own, fault := c.siteFor(principalOf(r), asked.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	query, err := c.parseQuestion(ctx, own, "timeseries", url.Values{"from": asked["from"], "to": asked["to"]})
	var marks []report.Mark
	if err == nil {
		marks, err = report.Marks(ctx, c.opt.Source, query)
	}
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	list := []map[string]string{}
	for _, m := range marks {
		one := map[string]string{"day": m.Day.String(), "kind": m.Kind, "detail": m.Detail}
		if m.ID != "" {
			one["id"], one["owner"] = m.ID, m.Owner
		}
		list = append(list, one)
	}
	writeJSON(w, map[string]any{"marks": list})
}
