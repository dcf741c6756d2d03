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
	case "lookback":
		n, err := strconv.Atoi(values[0])
		if err != nil || n < 1 || n > MaxLookback {
			return &Error{"lookback", fmt.Sprintf("%q is not a look-back", values[0]), fmt.Sprintf("write a number of days from 1 to %d", MaxLookback)}
		}
		q.Options.Lookback = n
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
