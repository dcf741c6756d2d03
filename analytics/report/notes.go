package report

import (
	"context"
	_ "embed" // notes.sql
	"fmt"

	"github.com/kunjicloud/kunji/analytics/store"
)

// Note is what people keep in the console.
type Note = store.Note

// The kinds of notes.
const (
	SegmentNote = "segment" // named filters, in Body one a line
	MarkNote    = "mark"    // on a day of the charts
	ShareNote   = "share"   // a link to one question, in Body as a query string
	StateNote   = "state"   // how a site was configured from Created on, in Body
)

//go:embed query/notes.sql
var notesSQL string

// Notes lists the notes of a site and kind, oldest first; only the one with
// that id where one is given.
func Notes(ctx context.Context, src Source, siteID, kind, id string) ([]Note, error) {
	rows, err := src.Query(ctx, notesSQL, map[string]any{"site": siteID, "kind": kind, "id": id})
	if err != nil {
		return nil, fmt.Errorf("the %s notes of %s: %w", kind, siteID, err)
	}
	defer rows.Close()
	var all []Note
	for rows.Next() {
		n := Note{Site: siteID}
		if err := rows.Scan(&n.Kind, &n.ID, &n.Name, &n.Owner, &n.Day, &n.Body, &n.Created, &n.Expires); err != nil {
			return nil, fmt.Errorf("note %d of %s: %w", len(all)+1, siteID, err)
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
