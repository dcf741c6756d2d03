package store

import "context"

// naming is a column that names people.
type naming struct {
	table, who, from string
	left             string // which rows an erasure leaves none of
	// count says where the receipt counts the rows; nil for those that repeat events.
	count func(*erasure) *uint64
}

var namingPeople = []naming{
	{"events", "visitor", "erasing", "true", func(e *erasure) *uint64 { return &e.Events }},
	{"touches", "visitor", "erasing", "true", func(e *erasure) *uint64 { return &e.Touches }},
	{"sales", "visitor", "erasing", "true", nil},
	{"visitor_days", "visitor", "erasing", "true", nil},
	{"consents", "subject", "erasing", "true", func(e *erasure) *uint64 { return &e.Consents }},
	{"events", "recipient", "erasing_recipients", "true", func(e *erasure) *uint64 { return &e.Events }},
	{"mail_consents", "recipient", "erasing_recipients", "NOT (" + denies + ") OR NOT (" + bareStatement + ")", func(e *erasure) *uint64 { return &e.Consents }},
}

// person is who an erasure is about, as this column names them; nobody where it
// names others.
func (n *naming) person(e *erasure) person {
	id := e.visitor
	if n.from == "erasing_recipients" {
		id = e.recipient
	}
	return person{e.Site, id}
}

// countErasing counts the rows of the people being erased for which and holds.
func (s *Store) countErasing(ctx context.Context, n naming, and string) (map[person]uint64, error) {
	theirs := "(site, " + n.who + ") IN (SELECT site, visitor FROM erasing)"
	if n.from == "erasing_recipients" {
		theirs = erasedOfRecipients
	}
	rows, err := s.query(ctx, "count what is erased", "SELECT site, "+n.who+", count() FROM "+n.table+
		" WHERE "+theirs+" AND ("+and+") GROUP BY site, "+n.who, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[person]uint64{}
	for rows.Next() {
		var p person
		var n uint64
		if err := rows.Scan(&p.site, &p.visitor, &n); err != nil {
			return nil, err
		}
		counts[p] = n
	}
	return counts, rows.Err()
}

func (s *Store) survivors(ctx context.Context) (left uint64, err error) {
	for _, t := range namingPeople {
		counts, err := s.countErasing(ctx, t, t.left)
		if err != nil {
			return 0, err
		}
		for _, n := range counts {
			left += n
		}
	}
	return left, nil
}
