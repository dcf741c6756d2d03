package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// MaxDays is the longest range of one query: three years and a day of grace
// for each leap year in them.
const MaxDays = 3*366 + 1

// Compare says which earlier period the totals are set against.
type Compare string

// The comparisons.
const (
	NoCompare      Compare = ""
	PreviousPeriod Compare = "previous" // the same number of days, just before
	PreviousYear   Compare = "year"     // the same days one year earlier
)

// Query is a question to a report.
type Query struct {
	Site     *site.Site
	From, To Day // both included, in the site's zone
	Compare  Compare
	Filters  []Filter
	// CompleteUntil is the moment up to which the caller knows the store to
	// hold everything that was answered as recorded. Zero: unknown, and the
	// newest row that the store holds of the site stands for it.
	CompleteUntil time.Time
	Options       Options
	// Now is when the question was asked: the end of the last 30 minutes.
	Now time.Time

	narrow []Filter // those of Filters that choose events; Run sets them apart
	// rates are the site's up to To, or later. Run sets it.
	rates *rates
}

// Error is a question that cannot be answered as it was asked.
type Error struct {
	Parameter string // which part of the question
	Problem   string // what is wrong, with the value
	Fix       string // what to do
}

// Error says what is wrong and what to do.
func (e *Error) Error() string { return e.Problem + ": " + e.Fix }

// ParseQuery reads a question's parameters as the API and the command line
// write them. Empty from and to mean the last 30 days up to today.
func ParseQuery(s *site.Site, from, to, compare string, filters []string, now time.Time) (Query, error) {
	q := Query{Site: s, Compare: Compare(compare), To: DayOf(now, s.Zone), Now: now}
	var err error
	if to != "" {
		if q.To, err = ParseDay(to); err != nil {
			return q, &Error{"to", fmt.Sprintf("%q is not a day", to), "write it as 2026-11-24"}
		}
	}
	q.From = q.To - 29
	if from != "" {
		if q.From, err = ParseDay(from); err != nil {
			return q, &Error{"from", fmt.Sprintf("%q is not a day", from), "write it as 2026-11-24"}
		}
	}
	for _, text := range filters {
		f, err := ParseFilter(text)
		if err != nil {
			return q, err
		}
		q.Filters = append(q.Filters, f)
	}
	return q, q.check()
}

func (q *Query) check() error {
	switch {
	case q.Site == nil:
		return &Error{"site", "no site was named", "name one of the configured sites"}
	case q.From > q.To:
		return &Error{"from", fmt.Sprintf("from %s is after to %s", q.From, q.To), "swap them; both days are included"}
	case q.From < 1:
		return &Error{"from", fmt.Sprintf("%s is before 1970-01-02", q.From), "ask for later days"}
	case int(q.To-q.From)+1 > MaxDays:
		return &Error{
			"from", fmt.Sprintf("%s to %s is %d days", q.From, q.To, q.To-q.From+1),
			fmt.Sprintf("ask for at most %d days at a time", MaxDays),
		}
	}
	if !slices.Contains([]Compare{NoCompare, PreviousPeriod, PreviousYear}, q.Compare) {
		return &Error{"compare", fmt.Sprintf("unknown comparison %q", q.Compare), "write previous or year, or leave it out"}
	}
	if len(q.Filters) > maxFilters {
		return &Error{"filter", fmt.Sprintf("there are %d filters", len(q.Filters)), fmt.Sprintf("use at most %d", maxFilters)}
	}
	return nil
}

// maxFilters is how many filters a question may have.
const maxFilters = 20

// earlier returns the period that the query is compared with.
func (q *Query) earlier() (from, to Day) {
	if q.Compare == PreviousYear {
		return yearBefore(q.From), yearBefore(q.To)
	}
	n := q.To - q.From + 1
	return q.From - n, q.To - n
}

// yearBefore returns the same date one year earlier; 29 February becomes the
// 28th.
func yearBefore(d Day) Day {
	t := d.Time()
	y, m, day := t.Date()
	if m == time.February && day == 29 {
		day = 28
	}
	return Day(time.Date(y-1, m, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}
