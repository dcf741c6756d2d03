package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// checkFilters refuses filters by a column that the report cannot filter by.
func checkFilters(filters []Filter, dimensions []string) error {
	fix := "leave the filter out"
	if len(dimensions) > 0 {
		fix = "use one of " + strings.Join(dimensions, ", ")
	}
	for _, f := range filters {
		if !slices.Contains(dimensions, f.Column) {
			return &Error{"filter", fmt.Sprintf("this report has no %q to filter by", f.Column), fix}
		}
	}
	return nil
}

// keeps reports whether the filters choose a row whose first cells are the
// dimensions.
func (q *Query) keeps(cells []any, dimensions []string) bool {
	for _, f := range q.Filters {
		if cells[slices.Index(dimensions, f.Column)] != f.Value {
			return false
		}
	}
	return true
}

// filter keeps the rows that the filters choose, and counts their visitors
// together: one who came by two of them counts once.
func (r *grouped) filter(ctx context.Context, src Source, q Query, shown, folded []group) ([]group, group, error) {
	shown = slices.DeleteFunc(shown, func(g group) bool {
		for _, f := range q.Filters {
			if g.dimensions[slices.Index(r.dimensions, f.Column)] != f.Value {
				return true
			}
		}
		return false
	})
	if len(shown) == 0 {
		return nil, r.sum(nil), nil
	}
	total := r.sum(shown)
	if len(shown) == 1 {
		total.visitors = shown[0].visitors
		return shown, total, nil
	}
	var keys []uint64
	for _, g := range shown {
		if g.kind != Folded {
			keys = append(keys, g.key)
			continue
		}
		for _, small := range folded {
			keys = append(keys, small.key)
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
