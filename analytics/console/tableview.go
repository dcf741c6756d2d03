package console

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
)

// tableView is a table as a page shows it.
type tableView struct {
	ID, Title string
	CSV       string
	Headings  []cell
	Rows      []tableRow
	Totals    []cell // none where no column has a total
	Notes     []string
}

// tables lays out the report's table and those that belong to it. The models
// of attribution become two tables: conversions, and their value.
func (v *reportView) tables(t *report.Table, carry url.Values) {
	if v.Report == "attribution" {
		isValue := func(c report.Column) bool { return strings.HasSuffix(c.Name, "_value") }
		counts := v.table(t, carry, "", func(c report.Column) bool { return !isValue(c) })
		values := v.table(t, carry, "", func(c report.Column) bool { return c.Type == report.Text || isValue(c) })
		counts.Title, values.Title = v.T("attribution.conversions"), v.T("attribution.value")
		values.ID, values.Notes, values.CSV = "values", nil, ""
		v.Tables = append(v.Tables, counts, values)
	} else {
		one := v.table(t, carry, "", func(report.Column) bool { return true })
		one.Title = v.Title
		v.Tables = append(v.Tables, one)
	}
	for _, more := range t.More {
		if len(more.Rows) == 0 {
			continue
		}
		one := v.table(more, carry, more.Name, func(report.Column) bool { return true })
		one.Title = v.T("part." + more.Name)
		v.Tables = append(v.Tables, one)
	}
}

// table lays one table out; shows says which columns.
func (v *reportView) table(t *report.Table, carry url.Values, part string, shows func(report.Column) bool) tableView {
	target := with(with(with(carry, "filter", v.FilterValues...), "format", "csv"), "excel", "1")
	at := "/api/v1/reports/" + v.Report
	if v.Shared != "" { // the link knows the question
		target, at = url.Values{"format": {"csv"}, "excel": {"1"}}, v.Path
	}
	if part != "" {
		target.Set("part", part)
	}
	out := tableView{ID: "table" + part, CSV: at + "?" + target.Encode()}
	var columns []int
	for i, column := range t.Columns {
		if shows(column) {
			columns = append(columns, i)
			out.Headings = append(out.Headings, cell{Text: heading(&v.page, column), Numeric: column.Numeric()})
		}
	}
	largest := largestOf(t)
	for i, row := range t.Rows {
		if i == shownRows {
			break
		}
		out.Rows = append(out.Rows, v.row(t, row, columns, carry, largest))
	}
	has := false
	for _, i := range columns {
		text := ""
		if t.Columns[i].Numeric() {
			text = figure(t.Columns[i], t.Totals[i])
			has = has || t.Totals[i] != nil
		}
		out.Totals = append(out.Totals, cell{Text: text, Numeric: t.Columns[i].Numeric()})
	}
	out.Totals[0].Text, out.Totals[0].Header = v.T("row.total"), true
	if !has {
		out.Totals = nil
	} else {
		target.Set("totals", "1")
		out.CSV = at + "?" + target.Encode()
	}
	out.Notes = v.notes(t)
	return out
}

// barColumn is the figure that the bar behind a row's name stands for.
func barColumn(t *report.Table) int {
	names := []string{"shown", "hits", "visits", "page_views", "linear", "conversions", "recipients", "visitors"}
	if t.Column("finding") >= 0 || t.Column("cohort") >= 0 {
		return -1
	}
	for _, name := range names {
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

func (v *reportView) row(t *report.Table, row report.Row, columns []int, carry url.Values, largest float64) tableRow {
	out := tableRow{}
	for n, i := range columns {
		column := t.Columns[i]
		one := cell{Text: v.figure(column, row.Cells[i]), Numeric: column.Numeric(), Header: n == 0}
		if text, ok := row.Cells[i].(string); ok && row.Kind == report.Measured && text != "" {
			one.Text = v.label(column, text)
			if v.Shared == "" && slices.Contains(report.Dimensions(v.Report), column.Name) {
				one.URL = v.Path + "?" + with(carry, "filter", append(slices.Clone(v.FilterValues), column.Name+":"+text)...).Encode()
			}
		}
		if part, ok := row.Cells[i].(float64); ok && strings.HasPrefix(column.Name, "week_") && part > 0 {
			one.Heat = min(9, int(part*10)+1)
		}
		if n == 0 && largest > 0 {
			size, _ := number(row.Cells[barColumn(t)])
			one.Bar = float64(int(size/largest*1000)) / 10
		}
		if n == 0 && one.Text == "" { // a row must have a name
			one.Text = v.T("filter.empty")
		}
		out.Cells = append(out.Cells, one)
	}
	switch row.Kind {
	case report.NotConsented:
		out.Class, out.Cells[0].Text = "apart", v.T("row.not_consented")
	case report.Folded:
		out.Class, out.Cells[0].Text = "apart", v.T("row.folded", t.Meta.MinGroup)
	case report.Unattributed:
		out.Class, out.Cells[0].Text = "apart", v.T("row.unattributed")
	}
	return out
}

// label translates what the edge and the reports write where a source, channel
// or step has no name of its own; a campaign called the same keeps its name.
func (v *reportView) label(column report.Column, text string) string {
	translate := func(prefix, text string) string {
		if key := prefix + text; v.T(key) != key {
			return v.T(key)
		}
		return text
	}
	switch column.Name {
	case "campaign", "content", "term", "resembles":
		return text
	case "reason":
		return translate("reason.", text)
	case "figure":
		return translate("column.", text)
	case "step":
		kind, value, named := strings.Cut(text, ":")
		if !named {
			return translate("step.", kind)
		}
		return translate("step.", kind) + ": " + value
	case "path":
		steps := strings.Split(text, " › ")
		for i, step := range steps {
			channel, times, _ := strings.Cut(step, " × ")
			steps[i] = translate("label.", channel)
			if times != "" {
				steps[i] += " × " + times
			}
		}
		return strings.Join(steps, " › ")
	}
	return translate("label.", text)
}

// notes says what stands behind special rows and sums.
func (v *reportView) notes(t *report.Table) (notes []string) {
	add := func(key string, values ...any) {
		if text := v.T(key, values...); !slices.Contains(notes, text) { // campaigns may have such a row each
			notes = append(notes, text)
		}
	}
	for _, row := range t.Rows {
		if len(row.Cells) > 0 && row.Cells[0] == laterSource {
			add("note.later")
		}
		switch row.Kind {
		case report.NotConsented:
			add("row.not_consented.note")
		case report.Folded:
			add("row.folded.note", t.Meta.MinGroup, t.Meta.FoldedGroups)
		case report.Unattributed:
			if t.Name == "" {
				add("row.unattributed.note", t.Meta.Lookback)
			}
		}
	}
	if t.Name != "" {
		if key := "note." + t.Name; v.T(key) != key {
			add(key)
		}
		return notes
	}
	if t.Meta.OtherCurrencies > 0 {
		add("meta.currency", t.Meta.Currency, count(t.Meta.OtherCurrencies))
	}
	if key := "note." + v.Report; v.T(key) != key {
		add(key)
	}
	if t.Column("conversions") >= 0 || t.Column("linear") >= 0 {
		add("meta.machines")
	}
	return notes
}

// figure writes a cell, moments in the site's zone.
func (v *reportView) figure(column report.Column, value any) string {
	return figureIn(column, value, v.Site.Zone)
}
