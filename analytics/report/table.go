package report

import (
	"slices"
	"time"
)

// Type is what a column's cells hold.
type Type string

// The types, and the Go type of a cell. A nil cell has no value: a rate of
// nothing.
const (
	Text    Type = "string"  // string
	Integer Type = "integer" // int64
	Number  Type = "number"  // float64, or Money where the unit is a currency
	Date    Type = "date"    // Day
	Moment  Type = "time"    // time.Time
)

// Ratio is the unit of a part of one: 0.0325 is 3.25 %. Other units are
// currencies (ISO 4217) or empty.
const Ratio = "ratio"

// Column is one column of a table.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Unit string `json:"unit"`
}

// Numeric reports whether the column's cells are figures.
func (c Column) Numeric() bool { return c.Type == Integer || c.Type == Number }

// RowKind says why a row is there.
type RowKind uint8

// The kinds. Pages translate the labels of all but the first; JSON, CSV and text
// keep the English ones.
const (
	Measured     RowKind = iota
	NotConsented         // kept without consent to marketing
	Folded               // the groups too small to be shown
	Unattributed         // conversions that no visit is known for
)

// NotConsentedLabel stands where a source would, had marketing been granted.
const NotConsentedLabel = "(not consented)"

// Row is one row: a cell per column.
type Row struct {
	Kind  RowKind
	Cells []any
}

// Comparison is the totals of an earlier period.
type Comparison struct {
	From, To Day
	Totals   []any
}

// Meta says what a table is about and how far its figures can be trusted.
type Meta struct {
	Report   string
	Site     string
	From, To Day // both included
	Timezone string
	Currency string
	// CompleteUntil is the moment up to which every event that was answered
	// as recorded is in the figures; zero where nothing was ever recorded.
	CompleteUntil time.Time
	// RetainedSince is the first day of which all that the report counts is kept,
	// where it was asked about earlier ones; else zero. SumsBefore: of those the
	// rollup's sums are there, without conversions.
	RetainedSince Day
	SumsBefore    bool
	MinGroup      int
	FoldedGroups  int // how many groups the folded row holds
	// OtherCurrencies counts conversions and refunds whose amount is not in
	// Currency and therefore in no sum.
	OtherCurrencies int64
	Made            bool // the site's traffic is made by the demo
	Filters         []Filter
	Withheld        bool   // the filters choose, or leave out, fewer than MinGroup people: there are no figures
	Window          int    // days within which a funnel's steps are taken; 0 where there are none
	Steps           []Step // of a funnel
	Lookback        int    // days before a conversion that a visit counts; 0 where none does
}

// Table is a report's answer.
type Table struct {
	Name    string // of a table in More
	Columns []Column
	Rows    []Row
	Totals  []any // a cell per column; nil where a total makes no sense
	Compare *Comparison
	Meta    Meta
	More    []*Table // further tables about the same, each with a name
}

// Part returns the table itself where name is empty, else the one of More with
// that name, nil where there is none.
func (t *Table) Part(name string) *Table {
	if name == "" {
		return t
	}
	for _, more := range t.More {
		if more.Name == name {
			return more
		}
	}
	return nil
}

// TotalsAsRow is the table with its totals as a last row, called total.
func (t *Table) TotalsAsRow() *Table {
	with := *t
	if len(t.Totals) == len(t.Columns) && len(t.Columns) > 0 {
		cells := slices.Clone(t.Totals)
		if cells[0] == nil {
			cells[0] = "total"
		}
		with.Rows = append(slices.Clone(t.Rows), Row{Cells: cells})
	}
	return &with
}

// Column returns the index of a column, or -1.
func (t *Table) Column(name string) int {
	for i, c := range t.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// Total returns the total of a column, nil where there is none.
func (t *Table) Total(name string) any {
	if i := t.Column(name); i >= 0 && i < len(t.Totals) {
		return t.Totals[i]
	}
	return nil
}
