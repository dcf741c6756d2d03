package console

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
)

// carried is what links to the same question carry, a report's options
// included.
func carried(q report.Query, name string) url.Values {
	out := url.Values{
		"site": {q.Site.ID}, "from": {q.From.String()}, "to": {q.To.String()}, "compare": {string(q.Compare)},
	}
	for _, option := range report.OptionNames(name) {
		if values := q.Option(option); values != nil {
			out[option] = values
		}
	}
	return out
}

// shared is what links to another report carry: site and days, and the filters
// that it can answer.
func shared(carry url.Values, name string) url.Values {
	out := url.Values{}
	for _, key := range []string{"site", "from", "to", "compare"} {
		if values, ok := carry[key]; ok {
			out[key] = values
		}
	}
	takes := report.FilterColumns(name)
	for _, text := range carry["filter"] {
		if f, err := report.ParseFilter(text); err == nil && slices.Contains(takes, f.Column) {
			out.Add("filter", text)
		}
	}
	return out
}

// with copies values and sets one more.
func with(v url.Values, key string, values ...string) url.Values {
	out := url.Values{}
	for k, all := range v {
		out[k] = slices.Clone(all)
	}
	if len(values) == 0 {
		delete(out, key)
		return out
	}
	out[key] = values
	return out
}

// form fills the selects, the ranges and the filters.
func (v *reportView) form(c *Console, who *principal, q report.Query) {
	for _, s := range c.sitesOf(who) {
		v.Sites = append(v.Sites, option{s.ID, s.Name, s.ID == q.Site.ID})
	}
	v.Compares = true
	v.From, v.To = q.From.String(), q.To.String()
	for value, text := range map[report.Compare]string{
		report.NoCompare: "none", report.PreviousPeriod: "previous", report.PreviousYear: "year",
	} {
		v.Comparisons = append(v.Comparisons, option{string(value), v.T("form.compare." + text), value == q.Compare})
	}
	slices.SortFunc(v.Comparisons, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	carry := carried(q, v.Report)
	v.optionFields(q, v.Report)
	for _, f := range q.Filters {
		v.FilterValues = append(v.FilterValues, f.String())
	}
	today := report.DayOf(c.opt.Now(), q.Site.Zone)
	for _, one := range ranges(today) {
		target := with(with(carry, "from", one.from.String()), "to", one.to.String())
		target["filter"] = v.FilterValues
		v.Ranges = append(v.Ranges, link{
			Text: v.T("range." + one.name), URL: v.Path + "?" + target.Encode(), Current: one.from == q.From && one.to == q.To,
		})
	}
	for _, column := range report.FilterColumns(v.Report) {
		v.FilterColumns = append(v.FilterColumns, option{Value: column, Text: v.T("column." + column)})
	}
	for _, name := range slices.Sorted(maps.Keys(carry)) {
		for _, value := range carry[name] {
			v.Carried = append(v.Carried, field{name, value})
		}
	}
	for i, f := range q.Filters {
		rest := slices.Delete(slices.Clone(v.FilterValues), i, i+1)
		v.Filters = append(v.Filters, link{
			Text: v.filterText(f), URL: v.Path + "?" + with(carry, "filter", rest...).Encode(),
		})
	}
}

// filterText says a filter in the page's language.
func (v *reportView) filterText(f report.Filter) string {
	how := "filter.is"
	if f.Not {
		how = "filter.not"
	}
	value := v.label(report.Column{Name: f.Column}, f.Value)
	switch f.Value {
	case "":
		value = v.T("filter.empty")
	case report.NotConsentedLabel:
		value = v.T("row.not_consented")
	}
	return v.T(how, v.T("column."+f.Column), value)
}

// addFilter moves what the form for a new filter sent into the filters and
// returns the address of the question; empty where the form was not sent.
func addFilter(asked url.Values) string {
	if !asked.Has("column") {
		return ""
	}
	f := report.Filter{Column: asked.Get("column"), Value: strings.TrimSpace(asked.Get("value")), Not: asked.Get("is") == "not"}
	asked.Del("column")
	asked.Del("value")
	asked.Del("is")
	if !slices.Contains(asked["filter"], f.String()) {
		asked.Add("filter", f.String())
	}
	return asked.Encode()
}

type namedRange struct {
	name     string
	from, to report.Day
}

// ranges are the days that are asked for most.
func ranges(today report.Day) []namedRange {
	first := today - report.Day(today.Time().Day()-1)
	before := first - 1
	return []namedRange{
		{"today", today, today},
		{"7", today - 6, today},
		{"30", today - 29, today},
		{"90", today - 89, today},
		{"month", first, today},
		{"lastmonth", before - report.Day(before.Time().Day()-1), before},
	}
}
