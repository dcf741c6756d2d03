package report

import (
	"cmp"
	"context"
	_ "embed" // pages.sql
)

//go:embed query/pages.sql
var pagesSQL string

// pages says which pages were seen and where visits began. A page is its host
// and path; query strings are kept nowhere.
func pages(ctx context.Context, src Source, q Query) (*Table, error) {
	figures := []Column{{"page_views", Integer, ""}, {"entries", Integer, ""}}
	return runGrouped(ctx, src, q, grouped{
		sql: pagesSQL, dimensions: []string{"page"}, metrics: figures,
		columns: append([]Column{{"page", Text, ""}, {"visitors", Integer, ""}}, figures...),
		order: func(a, b group) int {
			return cmp.Or(cmp.Compare(b.figures["page_views"], a.figures["page_views"]), cmp.Compare(b.visitors, a.visitors))
		},
	})
}
