package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

func rowsOf(table *Table) []string {
	var lines []string
	for _, row := range table.Rows {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(row.Cells...)))
	}
	return append(lines, strings.TrimSpace(fmt.Sprintln(table.Totals...)))
}

// pagesAndConsent counts a handful by hand: a page seen by few is folded, and
// so is a country of which a cell is small.
func pagesAndConsent(t *testing.T, db *store.Store) {
	var events []*event.Event
	add := func(kind event.Kind, path string, from, to uint64, machine bool) {
		for _, e := range visits("pages", path+kind.String(), from, to) {
			e.Kind, e.Host, e.Path, e.Agent.Machine = kind, "p.example", path, machine
			events = append(events, e)
		}
	}
	add(event.Visit, "/", 1, 9, false)
	add(event.PageView, "/", 1, 8, false)
	add(event.PageView, "/shop", 5, 10, false)
	add(event.PageView, "/secret", 1, 3, false)
	add(event.PageView, "/rare", 2, 6, false)
	add(event.PageView, "/", 50, 60, true)
	add(event.PageView, "/", 0, 0, false) // without a visitor: a page view all the same
	var notices []*event.Notice
	notice := func(country string, n ...uint32) {
		for i, outcome := range []event.Outcome{event.Shown, event.Accepted, event.Rejected, event.Saved, event.Withdrawn, event.Signalled} {
			if n[i] > 0 {
				notices = append(notices, &event.Notice{Site: "pages", Day: events[0].LocalDay, Outcome: outcome, Country: country, Device: "mobile", Count: n[i]})
			}
		}
	}
	notice("CN", 100, 40, 20, 20, 5, 0)
	notice("DE", 50, 10, 30, 0, 0, 9)
	notice("FR", 50, 3, 30, 0, 0, 0)
	notice("JP", 60, 10, 10, 10, 0, 0)
	insert(t, db, "pages", store.Batch{Events: events, Notices: notices})
	own := newSite(t, "pages", "UTC", "EUR")
	q := query(t, own, "2026-11-20", "2026-11-20")

	want := []string{
		"p.example/ 9 9 9",
		"p.example/shop 6 6 0",
		"(fewer than 5) 6 8 0", // /secret has 3, so /rare goes in as well
		"<nil> 10 23 9",
	}
	if got := rowsOf(answer(t, db, "pages", q)); !slices.Equal(got, want) {
		t.Errorf("pages\n got %q\nwant %q", got, want)
	}
	want = []string{
		"CN mobile 100 40 20 20 20 5 0 0.5",
		"JP mobile 60 10 10 10 30 0 0 0.3333333333333333",
		"(fewer than 5)  100 13 60 0 27 0 9 0.1780821917808219", // FR has a cell of 3; with DE none is small
		"<nil> <nil> 260 63 90 30 77 5 9 0.3442622950819672",
	}
	if got := rowsOf(answer(t, db, "consent", q)); !slices.Equal(got, want) {
		t.Errorf("consent\n got %q\nwant %q", got, want)
	}
}
