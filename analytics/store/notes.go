package store

import (
	"context"
	"time"
)

// Note is something that people keep in the console, or the console for them.
// Site, kind and id are its key.
type Note struct {
	Site, Kind string
	ID         string // 32 hex digits
	Name       string
	Owner      string // empty for the console itself
	Day        int32  // days since 1970-01-01 in the site's zone
	Body       string
	Created    time.Time
	Expires    time.Time // the zero time and 1970-01-01: never
	Deleted    bool
	version    uint64
}

var noteTable = table[Note]{"console_state", []column[Note]{
	term("site", func(n *Note) string { return n.Site }),
	term("kind", func(n *Note) string { return n.Kind }),
	text("id", func(n *Note) string { return n.ID }),
	text("name", func(n *Note) string { return n.Name }),
	term("owner", func(n *Note) string { return n.Owner }),
	day("day", func(n *Note) int32 { return n.Day }),
	text("body", func(n *Note) string { return n.Body }),
	moment("created", func(n *Note) time.Time { return n.Created }),
	moment("expires", func(n *Note) time.Time {
		if n.Expires.IsZero() {
			return time.Unix(0, 0)
		}
		return n.Expires
	}),
	word("deleted", func(n *Note) uint64 {
		if n.Deleted {
			return 1
		}
		return 0
	}),
	word("version", func(n *Note) uint64 { return n.version }),
}}

// PutNote stores a note; one of the same key that is there already is replaced.
// It is read at once.
func (s *Store) PutNote(ctx context.Context, n Note) error {
	if s.wound.has(n.Site) {
		if n.Owner == "" { // what the console notes by itself
			return nil
		}
		return ErrWoundDown
	}
	n.version = uint64(s.now().UnixNano())
	return put(ctx, s, noteTable, []*Note{&n})
}
