package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Options is what single reports ask beyond site, days and filters. The zero
// value is every default.
type Options struct {
	// Lookback is for how many days before a conversion a visit counts, 1 to
	// 90; 0 is 30.
	Lookback int
	// Detail splits campaigns.
	Detail Detail
	// Steps are a funnel's, 1 to MaxSteps; none: a visit, then a conversion.
	Steps []Step
	// Window is within how many days a funnel's steps are taken, 1 to 90; 0 is
	// 30.
	Window int
	// By is the time series' step; 0 is a day.
	By By
	// Estimate adds coverage's estimate of what was not measured.
	Estimate bool
}

// Detail is how finely campaigns are told apart.
type Detail uint8

// The details: whole campaigns, by content, by content and term.
const (
	Whole Detail = iota
	ByContent
	ByTerm
)

// Lookback's default and limit, in days.
const (
	DefaultLookback = 30
	MaxLookback     = 90
)

// OptionNames lists the options that a report takes.
func OptionNames(report string) []string {
	switch report {
	case "attribution":
		return []string{"lookback"}
	case "campaigns":
		return []string{"detail"}
	case "coverage":
		return []string{"estimate"}
	case "funnel":
		return []string{"step", "window"}
	case "timeseries":
		return []string{"by"}
	}
	return nil
}

// Set reads one option as the API and the command line write it; no values, or
// one that is empty, leave the default.
func (q *Query) Set(option string, values []string) error {
	values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(values) == 0 {
		return nil
	}
	switch option {
	case "lookback", "window":
		n, err := strconv.Atoi(values[0])
		if err != nil || n < 1 || n > MaxLookback {
			return &Error{option, fmt.Sprintf("%q is not a number of days", values[0]), fmt.Sprintf("write one from 1 to %d", MaxLookback)}
		}
		if option == "lookback" {
			q.Options.Lookback = n
		} else {
			q.Options.Window = n
		}
	case "step":
		if len(values) > MaxSteps {
			return &Error{"step", fmt.Sprintf("the funnel has %d steps", len(values)), fmt.Sprintf("use at most %d", MaxSteps)}
		}
		q.Options.Steps = nil
		for _, text := range values {
			step, err := ParseStep(text)
			if err != nil {
				return err
			}
			q.Options.Steps = append(q.Options.Steps, step)
		}
	case "by":
		by, ok := parseBy(values[0])
		if !ok {
			return &Error{"by", fmt.Sprintf("%q is not a step of time", values[0]), "write minute, hour, day, week or month"}
		}
		q.Options.By = by
	case "estimate":
		if values[0] != "yes" && values[0] != "no" {
			return &Error{"estimate", fmt.Sprintf("%q is no answer", values[0]), "write yes or no"}
		}
		q.Options.Estimate = values[0] == "yes"
	case "detail":
		detail := slices.Index([]string{"campaign", "content", "term"}, values[0])
		if detail < 0 {
			return &Error{"detail", fmt.Sprintf("%q is not a detail", values[0]), "write campaign, content or term"}
		}
		q.Options.Detail = Detail(detail)
	default:
		return &Error{option, fmt.Sprintf("no report takes %q", option), "leave it out"}
	}
	return nil
}

func (o *Options) defaults() {
	if o.Window == 0 {
		o.Window = DefaultLookback
	}
	if len(o.Steps) == 0 {
		o.Steps = []Step{{Kind: "visit"}, {Kind: "conversion"}}
	}
	if o.Lookback == 0 {
		o.Lookback = DefaultLookback
	}
}

// detailFor shows what is filtered by.
func (o *Options) detailFor(filters []Filter) {
	for _, f := range filters {
		switch f.Column {
		case "content":
			o.Detail = max(o.Detail, ByContent)
		case "term":
			o.Detail = ByTerm
		}
	}
}

// Option writes an option as Set reads it; nil where it is the default.
func (q *Query) Option(name string) []string {
	o := q.Options
	switch {
	case name == "lookback" && o.Lookback != 0:
		return []string{strconv.Itoa(o.Lookback)}
	case name == "window" && o.Window != 0:
		return []string{strconv.Itoa(o.Window)}
	case name == "detail" && o.Detail != Whole:
		return []string{[...]string{"campaign", "content", "term"}[o.Detail]}
	case name == "estimate" && o.Estimate:
		return []string{"yes"}
	case name == "by" && o.By != ByDay:
		return []string{o.By.String()}
	case name == "step":
		var steps []string
		for _, s := range o.Steps {
			steps = append(steps, s.String())
		}
		return steps
	}
	return nil
}
