package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Filter chooses what a report is about by one column. Where the column is one
// of the report's own dimensions it chooses among the rows that may be shown,
// after small groups were folded; else among the events (narrow.go).
//
// Filters of one column keep what fits any of them, those with Not what fits
// none; filters of different columns must all fit.
type Filter struct {
	Column, Value string // a value that ends in * stands for all that begin so
	Not           bool
}

// ParseFilter reads a filter: column:value, or -column:value for all others.
func ParseFilter(text string) (Filter, error) {
	rest, not := strings.CutPrefix(text, "-")
	column, value, ok := strings.Cut(rest, ":")
	if !ok || column == "" {
		return Filter{}, &Error{"filter", fmt.Sprintf("%q is not a filter", text), "write column:value, such as source:newsletter, or -column:value"}
	}
	return Filter{column, value, not}, nil
}

// String writes the filter as it is read.
func (f Filter) String() string {
	if f.Not {
		return "-" + f.Column + ":" + f.Value
	}
	return f.Column + ":" + f.Value
}

// fits reports whether a text is what the filter names, Not left aside.
func (f Filter) fits(text string) bool {
	if prefix, ok := strings.CutSuffix(f.Value, "*"); ok {
		return strings.HasPrefix(text, prefix)
	}
	return text == f.Value
}

// keep reports whether the filters choose something whose columns are told by
// textOf.
func keep(filters []Filter, textOf func(column string) string) bool {
	wanted, found := map[string]bool{}, map[string]bool{}
	for _, f := range filters {
		fits := f.fits(textOf(f.Column))
		if f.Not {
			if fits {
				return false
			}
			continue
		}
		wanted[f.Column] = true
		found[f.Column] = found[f.Column] || fits
	}
	for column := range wanted {
		if !found[column] {
			return false
		}
	}
	return true
}

// checkFilters refuses filters by a column that the report cannot filter by.
func checkFilters(filters []Filter, columns []string) error {
	fix := "leave the filter out"
	if len(columns) > 0 {
		fix = "use one of " + strings.Join(columns, ", ")
	}
	for _, f := range filters {
		if !slices.Contains(columns, f.Column) {
			return &Error{"filter", fmt.Sprintf("this report has no %q to filter by", f.Column), fix}
		}
		if values := closedDimensions[f.Column]; values != nil && !slices.Contains(values, f.Value) {
			return &Error{"filter", fmt.Sprintf("%s is never %q", f.Column, f.Value), "write " + strings.Join(values, " or ")}
		}
	}
	return nil
}

// keeps reports whether the filters choose a row whose first cells are the
// dimensions.
func (q *Query) keeps(cells []any, dimensions []string) bool {
	return keep(q.Filters, func(column string) string {
		text, _ := cells[slices.Index(dimensions, column)].(string)
		return text
	})
}

// filter keeps the rows that the filters choose, and counts their visitors
// together: one who came by two of them counts once.
func (r *grouped) filter(ctx context.Context, src Source, q Query, shown, folded []group) ([]group, group, error) {
	shown = slices.DeleteFunc(shown, func(g group) bool {
		return !keep(q.Filters, func(column string) string { return g.dimensions[slices.Index(r.dimensions, column)] })
	})
	if len(shown) == 0 {
		return nil, r.sum(nil), nil
	}
	total := r.sum(shown)
	if len(shown) == 1 {
		total.visitors = shown[0].visitors
		return shown, total, nil
	}
	keys := []uint64{}
	for _, g := range shown {
		if g.kind != Folded {
			keys = append(keys, g.keys...)
			continue
		}
		for _, small := range folded {
			keys = append(keys, small.keys...)
		}
	}
	chosen, err := r.ask(ctx, src, q, keys)
	if err != nil {
		return nil, group{}, err
	}
	slices.SortFunc(chosen, bySize)
	total.visitors = r.sum(chosen).visitors
	return shown, total, nil
}
