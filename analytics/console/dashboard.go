package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

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
	Shared         string // what a shared link shows; empty for somebody signed in
	Segments       []link
	Question       string   // as a query string
	MayKeep        bool     // segments and marks can be kept
	Back           string   // this page, where forms return to
	ShareReport    bool     // links can be shared
	FilterColumns  []option // what the report can be filtered by
	Carried        []field  // what forms of the page send along
	Cards          []card
	Chart          *chart
	Options        []optionField
	Compares       bool // the report can be compared
	Tables         []tableView
	UploadAt       string // where costs are uploaded, for those who may
	Complete       string
	Retained       string // from when on everything is kept, where the report reaches further back
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
	asked := r.URL.Query()
	if target := addFilter(asked); target != "" {
		http.Redirect(w, r, r.URL.Path+"?"+target, http.StatusSeeOther)
		return
	}
	own, fault := c.siteOrFirst(principalOf(r), asked.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	if !asked.Has("compare") {
		asked.Set("compare", string(report.PreviousPeriod))
	}
	c.showReport(w, r, &viewer{site: own, name: name, asked: asked, who: principalOf(r)})
}

// viewer is who looks at which question: somebody signed in, or whoever has a
// shared link.
type viewer struct {
	site   *site.Site
	name   string
	asked  url.Values
	who    *principal   // nil with a shared link
	shared *report.Note // nil for somebody signed in
}

// showReport makes the page.
func (c *Console) showReport(w http.ResponseWriter, r *http.Request, by *viewer) {
	ctx, cancel := context.WithTimeout(r.Context(), c.opt.QueryTimeout)
	defer cancel()
	query, err := c.parseQuestion(ctx, by.site, by.name, by.asked)
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
	drillDown(&query, by.name, by.asked)
	view := reportView{page: c.newPage(w, r, "report."+by.name), Report: by.name, Path: r.URL.Path}
	view.Site = by.site
	view.Lead = view.T("report." + by.name + ".lead")
	view.complete(query.CompleteUntil)
	carry := carried(query, by.name)
	if by.shared != nil {
		view.share(*by.shared, query)
	} else {
		view.navigate(by.who, r.URL.Path, with(carry, "filter", by.asked["filter"]...))
		view.form(c, by.who, query)
		view.bring(c, filterIsland)
		if err := c.offerNotes(ctx, &view, by.who, query); err != nil {
			c.fail(w, r, c.reportProblem(r, err))
			return
		}
		if by.name == "costs" && by.who.role.may(uploadCosts) {
			view.UploadAt = uploadPath + "?" + url.Values{"site": {by.site.ID}}.Encode()
		}
	}
	if hasChart(by.name) {
		view.bring(c, chartIsland)
	}
	if r.URL.Query().Get("ask") == "no" { // it was taken back
		view.Empty, view.EmptySaid = true, view.T("waiting.cancelled")
		c.render(w, http.StatusOK, "report", view)
		return
	}
	answered := make(chan answers, 1)
	q := question{report.Watch(c.opt.Source), by.name, query}
	go func() { answered <- q.ask(ctx, &view.page) }()
	c.showWhenAnswered(w, r, q, view, func(v *reportView, a answers) {
		v.fill(a.table, carry)
		if v.Chart = a.chart; v.Chart == nil {
			v.leave(c, chartIsland)
		}
	}, answered)
}

// timeseriesReport is drawn as a chart itself.
const timeseriesReport = "timeseries"

// chartReports have the visits by day above their table.
var chartReports = [...]string{"campaigns", "channels", "sources", timeseriesReport}

func hasChart(name string) bool { return slices.Contains(chartReports[:], name) }

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
func visitsByDay(ctx context.Context, src report.Source, p *page, q report.Query) (*chart, error) {
	q.Compare, q.Options = report.NoCompare, report.Options{}
	series, err := report.Run(ctx, src, timeseriesReport, q)
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
	v.complete(t.Meta.CompleteUntil)
	if v.Complete == "" {
		v.Complete = v.T("meta.empty")
	}
	if since := t.Meta.RetainedSince; since != 0 {
		v.Retained = v.T("meta.retained", since.String())
		if t.Meta.SumsBefore {
			v.Retained = v.T("meta.retained.sums", since.String())
		}
	}
}

// complete says up to when the figures are complete, where that is known.
func (v *reportView) complete(until time.Time) {
	if !until.IsZero() {
		v.Complete = v.T("meta.complete", clock(until, v.Site.Zone), v.Site.Zone.String())
	}
}

// cards shows the totals, each with its change.
func (v *reportView) cards(t *report.Table) {
	names := []string{
		"visitors", "visits", "page_views", "conversions", "rate", "value", "cost", "roas", "sent", "recipients", "opens", "clicks", "click_to_open", "unsubscribed",
		"shown", "accepted", "rejected", "accept_rate", "share_low", "share_high", "hits", "week_1",
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
