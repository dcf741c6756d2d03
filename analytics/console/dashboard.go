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

type card struct {
	Name, Value, Change, Class, Before string
}

type cell struct {
	Text    string
	Numeric bool
	Header  bool
	URL     string  // filters by this cell
	Bar     float64 // percent of the largest, in the row's first cell
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
	Cards          []card
	Chart          *chart
	Headings       []cell
	Rows           []tableRow
	Totals         []cell
	Notes          []string
	CSV            string
	Complete       string
	Empty          bool
	InstallationAt string
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
	own, fault := c.siteOrFirst(who, asked.Get("site"))
	if fault != nil {
		c.fail(w, r, *fault)
		return
	}
	if !asked.Has("compare") {
		asked.Set("compare", string(report.PreviousPeriod))
	}
	query, err := report.ParseQuery(own, asked.Get("from"), asked.Get("to"), asked.Get("compare"), asked["filter"], c.opt.Now())
	if err != nil {
		c.fail(w, r, c.reportProblem(r, err))
		return
	}
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
	carry := carried(query)
	view.navigate(who, r.URL.Path, carry)
	view.form(c, who, query)
	view.fill(table, carry)
	if len(query.Filters) == 0 && table.Column("visits") >= 0 {
		query.CompleteUntil = table.Meta.CompleteUntil
		if view.Chart, err = c.visitsByDay(ctx, &view.page, query); err != nil {
			c.fail(w, r, c.reportProblem(r, err))
			return
		}
	}
	c.render(w, http.StatusOK, "report", view)
}

// visitsByDay asks for the chart above the table.
func (c *Console) visitsByDay(ctx context.Context, p *page, q report.Query) (*chart, error) {
	q.Compare = report.NoCompare
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

// fill lays the table out for people.
func (v *reportView) fill(t *report.Table, carry url.Values) {
	v.CSV = "/api/v1/reports/" + t.Meta.Report + "?" + with(with(with(carry, "filter", v.FilterValues...), "format", "csv"), "excel", "1").Encode()
	v.cards(t)
	largest := largestOf(t)
	for _, column := range t.Columns {
		v.Headings = append(v.Headings, cell{Text: heading(&v.page, column), Numeric: column.Numeric()})
	}
	for i, row := range t.Rows {
		if i == shownRows {
			break
		}
		v.Rows = append(v.Rows, v.row(t, row, carry, largest))
	}
	for i, column := range t.Columns {
		text := ""
		if column.Numeric() {
			text = figure(column, t.Totals[i])
		}
		v.Totals = append(v.Totals, cell{Text: text, Numeric: column.Numeric()})
	}
	v.Totals[0].Text, v.Totals[0].Header = v.T("row.total"), true
	v.notes(t)
	v.Empty = len(t.Rows) == 0
	v.InstallationAt = "/installation?site=" + url.QueryEscape(t.Meta.Site)
	v.Complete = v.T("meta.empty")
	if !t.Meta.CompleteUntil.IsZero() {
		v.Complete = v.T("meta.complete", clock(t.Meta.CompleteUntil, v.Site.Zone), t.Meta.Timezone)
	}
}

// cards shows the totals, each with its change.
func (v *reportView) cards(t *report.Table) {
	for _, name := range []string{"visitors", "visits", "page_views", "conversions", "rate", "value", "shown", "accepted", "rejected", "accept_rate"} {
		i := t.Column(name)
		if i < 0 {
			continue
		}
		one := card{Name: heading(&v.page, t.Columns[i]), Value: figure(t.Columns[i], t.Totals[i])}
		if t.Compare != nil {
			one.Change, one.Class = change(&v.page, t.Columns[i], t.Totals[i], t.Compare.Totals[i])
			one.Before = v.T("change.before", figure(t.Columns[i], t.Compare.Totals[i]))
		}
		v.Cards = append(v.Cards, one)
	}
}

// barColumn is the figure that the bar behind a row's name stands for.
func barColumn(t *report.Table) int {
	for _, name := range []string{"visits", "page_views", "shown"} {
		if i := t.Column(name); i >= 0 {
			return i
		}
	}
	return -1
}

func largestOf(t *report.Table) float64 {
	largest := 0.0
	if i := barColumn(t); i >= 0 {
		for _, row := range t.Rows {
			n, _ := number(row.Cells[i])
			largest = max(largest, n)
		}
	}
	return largest
}

func (v *reportView) row(t *report.Table, row report.Row, carry url.Values, largest float64) tableRow {
	out := tableRow{}
	for i, column := range t.Columns {
		one := cell{Text: figure(column, row.Cells[i]), Numeric: column.Numeric(), Header: i == 0}
		if text, ok := row.Cells[i].(string); ok && row.Kind == report.Measured && text != "" {
			one.Text = v.label(column, text)
			one.URL = v.Path + "?" + with(carry, "filter", append(slices.Clone(v.FilterValues), column.Name+":"+text)...).Encode()
		}
		if i == 0 && largest > 0 {
			n, _ := number(row.Cells[barColumn(t)])
			one.Bar = float64(int(n/largest*1000)) / 10
		}
		out.Cells = append(out.Cells, one)
	}
	switch row.Kind {
	case report.NotConsented:
		out.Class, out.Cells[0].Text = "apart", v.T("row.not_consented")
	case report.Folded:
		out.Class, out.Cells[0].Text = "apart", v.T("row.folded", t.Meta.MinGroup)
	}
	return out
}

// label translates what the edge writes where a source or channel has no name
// of its own; a campaign called the same keeps its name.
func (v *reportView) label(column report.Column, text string) string {
	key := "label." + text
	if column.Name == "campaign" || v.T(key) == key {
		return text
	}
	return v.T(key)
}

// notes says what stands behind special rows and sums.
func (v *reportView) notes(t *report.Table) {
	for _, row := range t.Rows {
		if len(row.Cells) > 0 && row.Cells[0] == laterSource {
			v.Notes = append(v.Notes, v.T("note.later"))
		}
		switch row.Kind {
		case report.NotConsented:
			v.Notes = append(v.Notes, v.T("row.not_consented.note"))
		case report.Folded:
			v.Notes = append(v.Notes, v.T("row.folded.note", t.Meta.MinGroup, t.Meta.FoldedGroups))
		}
	}
	if t.Meta.OtherCurrencies > 0 {
		v.Notes = append(v.Notes, v.T("meta.currency", t.Meta.Currency, count(t.Meta.OtherCurrencies)))
	}
	if t.Column("conversions") >= 0 {
		v.Notes = append(v.Notes, v.T("meta.machines"))
	}
}
