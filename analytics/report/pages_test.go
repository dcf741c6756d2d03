package report

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

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

// checkPages compares the report with a count by page of the events, and folds
// what few saw as the report says it does.
func checkPages(t *testing.T, got *Table, events []*event.Event, q Query) {
	t.Helper()
	type page struct {
		name           string
		views, entries int64
		visitors       map[uint64]bool
	}
	by := map[string]*page{}
	for _, e := range events {
		if e.Kind != event.PageView && e.Kind != event.Visit || Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To {
			continue
		}
		name := e.Host + e.Path
		if by[name] == nil {
			by[name] = &page{name: name, visitors: map[uint64]bool{}}
		}
		p := by[name]
		if e.Kind == event.PageView {
			p.views++
		} else {
			p.entries++
		}
		if e.Visitor != 0 {
			p.visitors[e.Visitor] = true
		}
	}
	all := slices.SortedFunc(maps.Values(by), func(a, b *page) int {
		return cmp.Or(cmp.Compare(len(a.visitors), len(b.visitors)), cmp.Compare(a.name, b.name))
	})
	fold := page{name: FoldedLabel(q.Site.MinGroup), visitors: map[uint64]bool{}}
	total := page{visitors: map[uint64]bool{}}
	folding := 0
	for i, p := range all {
		total.views, total.entries = total.views+p.views, total.entries+p.entries
		maps.Copy(total.visitors, p.visitors)
		if i == folding && (len(p.visitors) < q.Site.MinGroup || folding > 0 && len(fold.visitors) < q.Site.MinGroup) {
			folding++
			fold.views, fold.entries = fold.views+p.views, fold.entries+p.entries
			maps.Copy(fold.visitors, p.visitors)
		}
	}
	shown := slices.SortedFunc(slices.Values(all[folding:]), func(a, b *page) int {
		return cmp.Or(cmp.Compare(b.views, a.views), cmp.Compare(len(b.visitors), len(a.visitors)), cmp.Compare(a.name, b.name))
	})
	if len(shown) == 0 {
		t.Fatal("no page may be shown: too easy")
	}
	if folding > 0 {
		shown = append(shown, &fold)
	}
	var want []string
	for _, p := range shown {
		want = append(want, fmt.Sprint(p.name, " ", len(p.visitors), " ", p.views, " ", p.entries))
	}
	want = append(want, fmt.Sprint("<nil> ", len(total.visitors), " ", total.views, " ", total.entries))
	if lines := rowsOf(got); !slices.Equal(lines, want) {
		t.Errorf("pages\n got %q\nwant %q", lines, want)
	}
}

// pagesEqualACount holds the pages against a count in plain Go, whatever the
// least group.
func pagesEqualACount(t *testing.T, db *store.Store) {
	own := newSite(t, "page-count", "America/New_York", "EUR")
	g := &traffic{Rand: rand.New(rand.NewPCG(25, 26)), site: own, start: time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), days: 20}
	events := g.events(4000)
	for _, e := range events { // many pages, the later ones seen by fewer
		e.Path = fmt.Sprintf("/p%d", g.IntN(1+g.IntN(60)))
	}
	insert(t, db, "page-count", store.Batch{Events: events})
	for _, least := range []int{1, 5, 40} {
		own.MinGroup = least
		q := query(t, own, "2026-10-28", "2026-11-07")
		checkPages(t, answer(t, db, "pages", q), slices.DeleteFunc(slices.Clone(events), machine), q)
	}
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
