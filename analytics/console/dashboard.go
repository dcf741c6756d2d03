package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/site"
)

// shownRows is how many rows a page shows; the CSV has all of them.
const shownRows = 500

// laterSource is the source that the edge writes where the yes came on a later
// page than the first.
const laterSource = "(consented later)"

type option struct {
	Value, Text string
	Selected    bool
}

// field is a hidden input.
type field struct{ Name, Value string }

type card struct {
	Name, Value, Change, Class, Before string
}

type cell struct {
	Text    string
	Numeric bool
	Header  bool
	URL     string  // filters by this cell
	Bar     float64 // percent of the largest, in the row's first cell
	Heat    int     // 1 to 9: how strongly a part of one is shaded; 0 not at all
}

type tableRow struct {
	Class string
	Cells []cell
}

type reportView struct {
	page
	Report, Lead   string
	Path           string
	Sites          []option
	From, To       string
	Comparisons    []option
	Ranges         []link
	Filters        []link // to remove one each
	FilterValues   []string
	FilterColumns  []option // what the report can be filtered by
	Carried        []field  // what forms of the page send along
	Cards          []card
	Chart          *chart
	Options        []optionField
	Compares       bool // the report can be compared
	Tables         []tableView
	UploadAt       string // where costs are uploaded, for those who may
	Complete       string
	Empty          bool
	EmptySaid      string
	InstallationAt string // where to look when nothing is there
}

// reportPage shows a report with its form.
func (c *Console) reportPage(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !slices.Contains(navOrder[:], name) || !slices.Contains(report.Names(), name) {
		c.notFound(w, r)
		return
	}
	if !c.allow(w, r, toRead(name)) {
		return
	}
	who := principalOf(r)
	asked := r.URL.Query()
	if target := addFilter(asked); target != "" {
		http.Redirect(w, r, r.URL.Path+"?"+target, http.StatusSeeOther)
		return
	}
	own, fault := c.siteOrFirst(who, asked.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	if !asked.Has("compare") {
		asked.Set("compare", string(report.PreviousPeriod))
	}
	query, err := report.ParseQuery(own, asked.Get("from"), asked.Get("to"), asked.Get("compare"), asked["filter"], c.opt.Now())
	if err == nil {
		err = setOptions(&query, name, asked)
	}
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	drillDown(&query, name, asked)
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	if c.opt.CompleteUntil != nil {
		query.CompleteUntil = c.opt.CompleteUntil(ctx)
	}
	table, err := report.Run(ctx, c.opt.Source, name, query)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	view := reportView{page: c.newPage(w, r, "report."+name), Report: name, Path: r.URL.Path}
	view.Site = own
	view.Lead = view.T("report." + name + ".lead")
	carry := carried(query, name)
	view.navigate(who, r.URL.Path, with(carry, "filter", asked["filter"]...))
	view.form(c, who, query)
	if name == "costs" && who.role.may(uploadCosts) {
		view.UploadAt = uploadPath + "?" + url.Values{"site": {own.ID}}.Encode()
	}
	view.fill(table, carry)
	query.CompleteUntil = table.Meta.CompleteUntil
	if view.Chart, err = c.chartAbove(ctx, &view.page, table, query); err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	c.render(w, http.StatusOK, "report", view)
}

// chartReports have the visits by day above their table.
var chartReports = [...]string{"campaigns", "channels", "sources"}

// chartAbove draws the chart of a report; nil where it has none.
func (c *Console) chartAbove(ctx context.Context, p *page, t *report.Table, q report.Query) (*chart, error) {
	switch {
	case t.Meta.Report == "timeseries":
		return drawVisits(p, t), nil
	case slices.Contains(chartReports[:], t.Meta.Report):
		return c.visitsByDay(ctx, p, q)
	}
	return nil, nil
}

// drillDown shows what a single campaign is made of, unless it was asked for
// otherwise.
func drillDown(q *report.Query, name string, asked url.Values) {
	if name != "campaigns" || asked.Has("detail") {
		return
	}
	for _, f := range q.Filters {
		if f.Column == "campaign" {
			q.Options.Detail = report.ByTerm
		}
	}
}

// visitsByDay asks for the chart above the table.
func (c *Console) visitsByDay(ctx context.Context, p *page, q report.Query) (*chart, error) {
	q.Compare, q.Options = report.NoCompare, report.Options{}
	series, err := report.Run(ctx, c.opt.Source, "timeseries", q)
	if err != nil {
		return nil, err
	}
	return drawVisits(p, series), nil
}

// siteOrFirst is siteFor, and the first site of the account where none is
// named.
func (c *Console) siteOrFirst(who *principal, id string) (*site.Site, *problem) {
	if id == "" {
		if own := c.sitesOf(who); len(own) > 0 {
			return own[0], nil
		}
	}
	return c.siteFor(who, id)
}

// fill lays the report out for people.
func (v *reportView) fill(t *report.Table, carry url.Values) {
	if !t.Meta.Withheld {
		v.cards(t)
		v.tables(t, carry)
	}
	v.Compares = !slices.Contains([]string{"funnel", "retention", "costs"}, v.Report)
	v.Empty = len(t.Rows) == 0
	v.EmptySaid = v.T("row.none")
	switch {
	case t.Meta.Withheld:
		v.EmptySaid = v.T("filter.withheld", t.Meta.MinGroup)
	case v.Report == "costs":
		v.EmptySaid = v.T("costs.none")
	default:
		v.InstallationAt = "/installation?site=" + url.QueryEscape(t.Meta.Site)
	}
	v.Complete = v.T("meta.empty")
	if !t.Meta.CompleteUntil.IsZero() {
		v.Complete = v.T("meta.complete", clock(t.Meta.CompleteUntil, v.Site.Zone), t.Meta.Timezone)
	}
}

// cards shows the totals, each with its change.
func (v *reportView) cards(t *report.Table) {
	names := []string{
		"visitors", "visits", "page_views", "conversions", "rate", "value", "cost", "roas", "recipients", "opens", "clicks", "click_to_open",
		"shown", "accepted", "rejected", "accept_rate",
	}
	if t.Column("impressions") >= 0 { // there clicks are ours, and beside them the platform's
		names = slices.DeleteFunc(names, func(name string) bool { return name == "clicks" })
	}
	headings := map[string]string{}
	if v.Report == "attribution" { // every model has the same totals
		names = []string{"first", "first_value"}
		headings = map[string]string{"first": "conversions", "first_value": "value"}
	}
	for _, name := range names {
		i := t.Column(name)
		if i < 0 || t.Totals[i] == nil && v.Report == "funnel" {
			continue
		}
		column := t.Columns[i]
		if other := headings[name]; other != "" {
			column.Name = other
		}
		one := card{Name: heading(&v.page, column), Value: figure(column, t.Totals[i])}
		if t.Compare != nil {
			one.Change, one.Class = change(&v.page, column, t.Totals[i], t.Compare.Totals[i])
			one.Before = v.T("change.before", figure(column, t.Compare.Totals[i]))
		}
		v.Cards = append(v.Cards, one)
	}
}
