package report

import (
	"cmp"
	"context"
	_ "embed" // mail_links.sql
	"fmt"
	"slices"
)

//go:embed query/mail_links.sql
var mailLinksSQL string

// mailLink is a link of a campaign and what became of it.
type mailLink struct {
	page, mark       string
	figures          [3]int64 // linkFigures
	recipients, upTo int64
}

// linkFigures are counted of each link.
var linkFigures = [...]string{"clicks", "clickers", "machine_clicks"}

// mailLinks says how often each link of the campaigns in a mail report was
// followed. A link with fewer than MinGroup clickers goes into its campaign's
// row of small ones, and the next one too as long as that row is small itself:
// else the campaign's clicks, which stand above, less those of the links shown
// would tell of a handful. Campaigns that are folded there are one row here,
// with the figures that they have there.
func mailLinks(ctx context.Context, src Source, q Query, mails *Table) (*Table, error) {
	table := &Table{Name: "links", Meta: metaOf(&q), Columns: []Column{
		{"page", Text, ""}, {"link", Text, ""}, {"source", Text, ""}, {"campaign", Text, ""}, {"content", Text, ""},
	}}
	for _, name := range linkFigures {
		table.Columns = append(table.Columns, Column{name, Integer, ""})
	}
	links, err := askLinks(ctx, src, q)
	if err != nil {
		return nil, err
	}
	for _, row := range mails.Rows {
		if row.Kind == Folded {
			if cells := foldedLinks(mails, row, q.Site.MinGroup); cells != nil {
				table.Rows = append(table.Rows, Row{Folded, cells})
			}
			continue
		}
		place := row.Cells[:3]
		table.add(place, links[fmt.Sprintf("%q", place)])
	}
	table.Totals = sumCells(table.Columns, table.Rows)
	return table, nil
}

// add adds a campaign's links, most clicks first; links are in the order in
// which they are folded.
func (t *Table) add(place []any, links []mailLink) {
	recipients, upTo := make([]int64, len(links)), make([]int64, len(links))
	for i, l := range links {
		recipients[i], upTo[i] = l.recipients, l.upTo
	}
	cut := foldAt(recipients, upTo, t.Meta.MinGroup)
	fold := mailLink{page: FoldedLabel(t.Meta.MinGroup)}
	for _, l := range links[:cut] {
		for i, n := range l.figures {
			fold.figures[i] += n
		}
	}
	shown := slices.Clone(links[cut:])
	slices.SortStableFunc(shown, func(a, b mailLink) int {
		return cmp.Or(cmp.Compare(b.figures[0], a.figures[0]), cmp.Compare(a.page, b.page), cmp.Compare(a.mark, b.mark))
	})
	for _, l := range shown {
		t.Rows = append(t.Rows, Row{Measured, l.cells(place)})
	}
	if cut > 0 {
		t.Rows = append(t.Rows, Row{Folded, fold.cells(place)})
	}
	t.Meta.FoldedGroups += cut
}

func (l *mailLink) cells(place []any) []any {
	return []any{l.page, l.mark, place[0], place[1], place[2], l.figures[0], l.figures[1], l.figures[2]}
}

// foldedLinks is the row of the campaigns that are folded; nil where nobody and
// nothing clicked.
func foldedLinks(mails *Table, row Row, least int) []any {
	fold, clicked := mailLink{page: FoldedLabel(least)}, false
	for i, name := range linkFigures {
		fold.figures[i] = row.Cells[mails.Column(name)].(int64)
		clicked = clicked || fold.figures[i] > 0
	}
	if !clicked {
		return nil
	}
	return fold.cells([]any{"", "", ""})
}

// askLinks returns the links by source, campaign and content.
func askLinks(ctx context.Context, src Source, q Query) (map[string][]mailLink, error) {
	rows, err := src.Query(ctx, eventsOf("mail", mailLinksSQL), map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, fmt.Errorf("clicks by link: %w", err)
	}
	defer rows.Close()
	links := map[string][]mailLink{}
	for rows.Next() {
		var l mailLink
		place := make([]string, 3)
		err := rows.Scan(&place[0], &place[1], &place[2], &l.page, &l.mark, &l.figures[0], &l.figures[1], &l.figures[2], &l.recipients, &l.upTo)
		if err != nil {
			return nil, fmt.Errorf("clicks by link: %w", err)
		}
		key := fmt.Sprintf("%q", place)
		links[key] = append(links[key], l)
	}
	return links, rows.Err()
}
