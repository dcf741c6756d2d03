package report

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// walks makes visitors who wander between a few pages, often within the same
// minute, so that steps tie and repeat.
func walks(t testing.TB, id string, n int) (*traffic, []*event.Event) {
	g := &traffic{Rand: rand.New(rand.NewPCG(11, 12)), site: newSite(t, id, "Asia/Shanghai", "CNY"), start: time.Date(2026, 9, 28, 0, 0, 0, 0, time.UTC), days: 5}
	var all []*event.Event
	for range n {
		e := g.one()
		e.Kind = []event.Kind{event.PageView, event.PageView, event.Custom, event.Visit, event.Conversion}[g.IntN(5)]
		e.Visitor = g.Uint64N(150)
		e.Path = []string{"/", "/shop/a", "/shop/b", "/cart"}[g.IntN(4)]
		e.Name = []string{"signup", "search"}[g.IntN(2)]
		e.Campaign = origins[g.IntN(4)]
		all = append(all, e)
	}
	return g, all
}

// fits is the definition of a step.
func fits(s string, e *event.Event) bool {
	switch s {
	case "conversion":
		return e.Kind == event.Conversion
	case "visit":
		return e.Kind == event.Visit
	case "page:/cart":
		return e.Kind == event.PageView && e.Path == "/cart"
	case "page:/shop/*":
		return e.Kind == event.PageView && (e.Path == "/shop/a" || e.Path == "/shop/b")
	case "page:/shop/a":
		return e.Kind == event.PageView && e.Path == "/shop/a"
	case "event:signup":
		return e.Kind == event.Custom && e.Name == "signup"
	case "source:google":
		return e.Kind == event.Visit && e.Campaign.Source == "google"
	case "campaign:autumn":
		return e.Kind == event.Visit && e.Campaign.Name == "autumn"
	case "medium:email":
		return e.Kind == event.Visit && e.Campaign.Medium == "email"
	}
	panic(s)
}

// deepest tries every first event, and takes each further step as early as it
// can: how far one visitor came.
func deepest(own []*event.Event, steps []string, window time.Duration) int {
	best := 0
	for _, first := range own {
		if !fits(steps[0], first) {
			continue
		}
		best = max(best, further(own, steps[1:], []*event.Event{first}, window))
	}
	return best
}

// further tries every event as the next step.
func further(own []*event.Event, steps []string, done []*event.Event, window time.Duration) int {
	best := len(done)
	if len(steps) == 0 {
		return best
	}
	for _, e := range own {
		if fits(steps[0], e) && !slices.Contains(done, e) && !e.Time.Before(done[len(done)-1].Time) && e.Time.Sub(done[0].Time) <= window {
			best = max(best, further(own, steps[1:], append(slices.Clone(done), e), window))
		}
	}
	return best
}

func funnelEqualsItsDefinition(t *testing.T, db *store.Store) {
	g, events := walks(t, "funnel", 1500)
	g.site.MinGroup = 1
	insert(t, db, "funnel", store.Batch{Events: events})
	q := query(t, g.site, "2026-09-29", "2026-10-01")
	for _, c := range []struct {
		steps  []string
		window int
	}{
		{nil, 0},
		{[]string{"source:google", "page:/shop/*", "page:/cart", "conversion"}, 1},
		{[]string{"campaign:autumn", "page:/shop/a"}, 30},
		{[]string{"page:/shop/*", "page:/shop/a", "event:signup"}, 2}, // one event fits two steps
		{[]string{"page:/cart", "page:/cart", "page:/cart", "page:/cart"}, 2},
		{[]string{"medium:email", "visit", "conversion", "event:signup"}, 1},
	} {
		asked := q
		if err := errors.Join(asked.Set("step", c.steps), asked.Set("window", []string{fmt.Sprint(max(c.window, 1))})); err != nil {
			t.Fatal(err)
		}
		if c.steps == nil {
			c.steps = []string{"visit", "conversion"}
		}
		checkFunnel(t, answer(t, db, "funnel", asked), slices.DeleteFunc(slices.Clone(events), machine), asked, c.steps)
	}
	for _, wrong := range []string{"page", "pages:/x", "conversion:x", "visit:x", "nonsense", "path:/x", ":"} {
		if _, err := ParseStep(wrong); err == nil {
			t.Errorf("the step %q is accepted", wrong)
		}
	}
}

func machine(e *event.Event) bool { return e.Agent.Machine }

// checkFunnel compares a funnel with how far each visitor came.
func checkFunnel(t *testing.T, got *Table, events []*event.Event, q Query, steps []string) {
	t.Helper()
	by := map[uint64][]*event.Event{}
	for _, e := range events {
		if e.Visitor != 0 && Day(e.LocalDay) >= q.From && Day(e.LocalDay) <= q.To {
			by[e.Visitor] = append(by[e.Visitor], e)
		}
	}
	want := make([]int64, len(steps))
	for _, own := range by {
		for i := range deepest(own, steps, time.Duration(q.Options.Window)*24*time.Hour) {
			want[i]++
		}
	}
	if want[0] == 0 || want[1] == 0 {
		t.Errorf("%v: nobody took them: too easy", steps)
	}
	for i, n := range want {
		if got.Rows[i].Cells[0] != steps[i] || got.Rows[i].Cells[1] != n {
			t.Errorf("%v: step %d is %v, want %d", steps, i+1, got.Rows[i].Cells, n)
		}
	}
}

// funnelHidesAHandful: a step that three reached has no figure, nor has one at
// which three were lost.
func funnelHidesAHandful(t *testing.T, db *store.Store) {
	own := newSite(t, "funnel-few", "UTC", "EUR")
	events := visits("funnel-few", "c", 1, 20)
	then := func(path string, from, to uint64, minutes int) {
		for _, e := range visits("funnel-few", path, from, to) {
			e.Kind, e.Path, e.Time = event.PageView, path, e.Time.Add(time.Duration(minutes)*time.Minute)
			events = append(events, e)
		}
	}
	then("/a", 1, 17, 1) // three were lost
	then("/b", 1, 9, 2)
	then("/c", 1, 3, 3) // three are left
	insert(t, db, "funnel-few", store.Batch{Events: events})
	q := query(t, own, "2026-11-20", "2026-11-20")
	if err := q.Set("step", []string{"visit", "page:/a", "page:/b", "page:/c"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"visit 20 1 <nil> <nil>", "page:/a <nil> <nil> <nil> <nil>", "page:/b 9 0.45 0.45 11", "page:/c <nil> <nil> <nil> <nil>", "<nil> <nil> <nil> <nil> <nil>"}
	if got := rowsOf(answer(t, db, "funnel", q)); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func retentionEqualsItsDefinition(t *testing.T, db *store.Store) {
	g := &traffic{Rand: rand.New(rand.NewPCG(13, 14)), site: newSite(t, "retention", "America/New_York", "EUR"), start: time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC), days: 60}
	var events []*event.Event
	for _, e := range g.events(3000) {
		e.Visitor = 1 + uint64(g.IntN(400))*uint64(g.IntN(3))
		events = append(events, e)
	}
	insert(t, db, "retention", store.Batch{Events: events})
	for _, least := range []int{1, 5} {
		own := newSite(t, "retention", "America/New_York", "EUR")
		own.MinGroup = least
		q := query(t, own, "2026-09-30", "2026-11-08")
		checkRetention(t, answer(t, db, "retention", q), weeksSeen(slices.DeleteFunc(slices.Clone(events), machine), q), q)
	}
}

// weeksSeen are the Mondays of the weeks in which each visitor was seen.
func weeksSeen(events []*event.Event, q Query) map[uint64]map[string]bool {
	seen := map[uint64]map[string]bool{}
	for _, e := range events {
		if (e.Kind == event.PageView || e.Kind == event.Visit) && e.Visitor != 0 && Day(e.LocalDay) <= q.To {
			if seen[e.Visitor] == nil {
				seen[e.Visitor] = map[string]bool{}
			}
			seen[e.Visitor][mondayOf(Day(e.LocalDay))] = true
		}
	}
	return seen
}

// mondayOf walks back to a Monday.
func mondayOf(d Day) string {
	at := d.Time()
	for at.Weekday() != time.Monday {
		at = at.AddDate(0, 0, -1)
	}
	return at.Format(dayLayout)
}

func checkRetention(t *testing.T, got *Table, seen map[uint64]map[string]bool, q Query) {
	t.Helper()
	size, back := map[string]int64{}, map[string]int64{}
	for _, weeks := range seen {
		first := "9999"
		for w := range weeks {
			first = min(first, w)
		}
		size[first]++
		for w := range weeks {
			back[first+" "+w]++
		}
	}
	least, rows := int64(q.Site.MinGroup), 0
	for monday := mondayOf(q.From); monday <= mondayOf(q.To); {
		d, _ := ParseDay(monday)
		if n := size[monday]; n >= least && n > 0 {
			row := got.Rows[rows].Cells
			rows++
			if row[0] != d || row[1] != n {
				t.Fatalf("cohort %v of %v, want %s of %d", row[0], row[1], monday, n)
			}
			for week := 1; week < len(row)-1; week++ {
				later := (d + Day(7*week)).String()
				came := back[monday+" "+later]
				var want any = float64(came) / float64(n)
				if later > mondayOf(q.To) || came > 0 && came < least || n-came > 0 && n-came < least {
					want = nil
				}
				if row[week+1] != want {
					t.Errorf("min %d: %s after %d weeks: %v, want %v", least, monday, week, row[week+1], want)
				}
			}
		}
		monday = (d + 7).String()
	}
	if rows != len(got.Rows) || rows == 0 {
		t.Errorf("%d cohorts, want %d", len(got.Rows), rows)
	}
}

// seriesOfEveryStepAgree: hours, weeks and months sum to the days, and each
// equals a count in plain Go.
func seriesOfEveryStepAgree(t *testing.T, db *store.Store) {
	for _, c := range []struct{ id, zone, from, to string }{
		{"steps-ny", "America/New_York", "2026-10-28", "2026-11-04"},    // an hour twice
		{"steps-lh", "Australia/Lord_Howe", "2026-09-28", "2026-10-06"}, // half an hour is skipped
		{"steps-sh", "Asia/Shanghai", "2026-10-01", "2026-10-31"},
	} {
		own := newSite(t, c.id, c.zone, "EUR")
		from, _ := ParseDay(c.from)
		g := &traffic{Rand: rand.New(rand.NewPCG(17, 18)), site: own, start: from.Time().Add(-24 * time.Hour), days: 12}
		events := g.events(1000)
		insert(t, db, c.id, store.Batch{Events: events})
		q := query(t, own, c.from, c.to)
		days := answer(t, db, "timeseries", q)
		for _, by := range []string{"hour", "week", "month"} {
			if err := q.Set("by", []string{by}); err != nil {
				t.Fatal(err)
			}
			got := answer(t, db, "timeseries", q)
			sums := sumCells(got.Columns, got.Rows)
			for i, column := range got.Columns {
				if got.Totals[i] != days.Totals[i] {
					t.Errorf("%s by %s: %s totals %v, by day %v", c.id, by, column.Name, got.Totals[i], days.Totals[i])
				}
				if column.Name != "visitors" && sums[i] != days.Totals[i] {
					t.Errorf("%s by %s: %s sums to %v, by day %v", c.id, by, column.Name, sums[i], days.Totals[i])
				}
			}
			checkSteps(t, got, events, q)
		}
		q.Now = events[0].Time.Add(7 * time.Second)
		checkMinutes(t, db, events, q)
	}
}

// label writes the step that a moment is in, in words of the site's zone.
func label(t time.Time, zone *time.Location, by By) string {
	local := t.In(zone)
	switch by {
	case ByHour:
		return local.Format("2006-01-02 15h -07:00")
	case ByMonth:
		return local.Format("2006-01")
	}
	year, week := local.ISOWeek()
	return fmt.Sprint(year, " ", week)
}

func checkSteps(t *testing.T, got *Table, events []*event.Event, q Query) {
	t.Helper()
	type seen struct {
		visits   int64
		visitors map[uint64]bool
	}
	want := map[string]*seen{}
	for _, e := range events {
		if e.Agent.Machine || Day(e.LocalDay) < q.From || Day(e.LocalDay) > q.To {
			continue
		}
		key := label(e.Time, q.Site.Zone, q.Options.By)
		if want[key] == nil {
			want[key] = &seen{visitors: map[uint64]bool{}}
		}
		if e.Kind == event.Visit {
			want[key].visits++
		}
		if e.Visitor != 0 && slices.Contains([]event.Kind{event.Visit, event.PageView, event.Custom, event.Conversion}, e.Kind) {
			want[key].visitors[e.Visitor] = true
		}
	}
	for _, r := range got.Rows {
		key := ""
		switch at := r.Cells[0].(type) {
		case time.Time:
			key = label(at, q.Site.Zone, q.Options.By)
		case Day:
			key = label(at.Start(q.Site.Zone).Add(12*time.Hour), q.Site.Zone, q.Options.By)
		}
		w := want[key]
		if w == nil {
			w = &seen{}
		}
		if r.Cells[3] != w.visits || r.Cells[5] != int64(len(w.visitors)) {
			t.Errorf("%s: %v visits, %v visitors; want %d, %d", key, r.Cells[3], r.Cells[5], w.visits, len(w.visitors))
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("by %s: no rows for %d steps with traffic", q.Options.By, len(want))
	}
}

func checkMinutes(t *testing.T, db *store.Store, events []*event.Event, q Query) {
	t.Helper()
	if err := q.Set("by", []string{"minute"}); err != nil {
		t.Fatal(err)
	}
	got := answer(t, db, "timeseries", q)
	until := q.Now.Truncate(time.Minute).Add(time.Minute)
	views := int64(0)
	for _, e := range events {
		if e.Kind == event.PageView && !e.Agent.Machine && e.Time.Before(until) && !e.Time.Before(until.Add(-30*time.Minute)) {
			views++
		}
	}
	if len(got.Rows) != 30 || got.Total("page_views") != views || !got.Rows[29].Cells[0].(time.Time).Equal(until.Add(-time.Minute)) {
		t.Errorf("%d minutes up to %v with %v page views, want 30 up to %v with %d", len(got.Rows), got.Rows[len(got.Rows)-1].Cells[0], got.Total("page_views"), until, views)
	}
}
