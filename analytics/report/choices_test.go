package report

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// outcomesShown are the columns of counts that a banner's outcomes have.
var outcomesShown = []event.Outcome{event.Shown, event.Accepted, event.Rejected, event.Saved, event.Withdrawn, event.Signalled}

// told is a row of a consent table, counted without ClickHouse.
type told struct {
	place []string
	n     map[event.Outcome]int64
}

func (c told) least() int64 {
	least := int64(0)
	for _, o := range outcomesShown[:4] {
		if n := c.n[o]; n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

func (c told) cells() []any {
	var cells []any
	for _, text := range c.place {
		cells = append(cells, text)
	}
	answered := c.n[event.Accepted] + c.n[event.Rejected] + c.n[event.Saved]
	var rate any
	if answered > 0 {
		rate = float64(c.n[event.Accepted]) / float64(answered)
	}
	return append(cells, c.n[event.Shown], c.n[event.Accepted], c.n[event.Rejected], c.n[event.Saved], max(0, c.n[event.Shown]-answered), c.n[event.Withdrawn], c.n[event.Signalled], rate)
}

// tell is a consent table's definition: sums by place; a row with a cell under
// least among its four common outcomes is folded, and then the row shown least
// while the fold has such a cell. Of each rare outcome, where a cell is between
// zero and least, the smallest are left out until they are least together.
func tell(notices []*event.Notice, q Query, placeOf func(*event.Notice) []string) (rows [][]any) {
	sums := map[string]*told{}
	for _, n := range notices {
		if Day(n.Day) < q.From || Day(n.Day) > q.To {
			continue
		}
		place := placeOf(n)
		key := fmt.Sprintf("%q", place)
		if sums[key] == nil {
			sums[key] = &told{place, map[event.Outcome]int64{}}
		}
		sums[key].n[n.Outcome] += int64(n.Count)
	}
	var all, shown []*told
	for _, c := range sums {
		all = append(all, c)
	}
	least := int64(q.Site.MinGroup)
	small := func(c *told) bool { return c.least() < least }
	slices.SortFunc(all, func(a, b *told) int {
		if small(a) != small(b) {
			return map[bool]int{true: -1, false: 1}[small(a)]
		}
		return cmp.Or(cmp.Compare(a.n[event.Shown], b.n[event.Shown]), slices.Compare(a.place, b.place))
	})
	var fold *told
	for _, c := range all {
		if small(c) || fold != nil && fold.least() < least {
			if fold == nil {
				fold = &told{make([]string, len(c.place)), map[event.Outcome]int64{}}
				fold.place[0] = fmt.Sprintf("(fewer than %d)", least)
			}
			for o, n := range c.n {
				fold.n[o] += n
			}
			continue
		}
		shown = append(shown, c)
	}
	slices.SortFunc(shown, func(a, b *told) int {
		return cmp.Or(cmp.Compare(b.n[event.Shown], a.n[event.Shown]), slices.Compare(a.place, b.place))
	})
	if fold != nil {
		shown = append(shown, fold)
	}
	for _, c := range shown {
		rows = append(rows, c.cells())
	}
	for at, rare := range map[int]event.Outcome{3: event.Withdrawn, 2: event.Signalled} {
		var counts []int64
		few := false
		for _, c := range shown {
			counts = append(counts, c.n[rare])
			few = few || c.n[rare] > 0 && c.n[rare] < least
		}
		slices.Sort(counts)
		left, sum := 0, int64(0)
		for few && left < len(counts) && (counts[left] < least || sum < least) {
			sum += counts[left]
			left++
		}
		for _, want := range counts[:left] { // of equal ones, those higher in the table
			for i, c := range shown {
				if cell := &rows[i][len(rows[i])-at]; *cell != nil && c.n[rare] == want {
					*cell = nil
					break
				}
			}
		}
	}
	return rows
}

// consentEqualsItsDefinition holds every figure of the three consent tables
// against a count in plain Go over the raw notices.
func consentEqualsItsDefinition(t *testing.T, db *store.Store) {
	own := newSite(t, "choices", "Europe/Berlin", "EUR")
	random := rand.New(rand.NewPCG(31, 32))
	from, _ := ParseDay("2026-10-20")
	of := func(all ...string) string { return all[min(len(all)-1, int(random.ExpFloat64()*1.5))] }
	var notices []*event.Notice
	for range 1500 {
		notices = append(notices, &event.Notice{
			Site: own.ID, Day: int32(from) + random.Int32N(12), Outcome: outcomesShown[min(5, int(random.ExpFloat64()*1.3))], Count: 1 + random.Uint32N(3),
			Country: of("CN", "DE", "JP", "FR", ""), Device: of("mobile", "desktop", "tablet"), Language: of("zh-CN", "en", "de", "ja"), Version: of("7b1c", "a90f", "00e2"),
		})
	}
	insert(t, db, "choices 1", store.Batch{Notices: notices[:700]})
	insert(t, db, "choices 2", store.Batch{Notices: notices[700:]})
	for _, least := range []int{1, 5, 25, 100000} {
		own.MinGroup = least
		q := query(t, own, "2026-10-22", "2026-10-28") // over the end of summer time
		got := answer(t, db, "consent", q)
		for name, placeOf := range map[string]func(*event.Notice) []string{
			"":          func(n *event.Notice) []string { return []string{n.Country, n.Device} },
			"languages": func(n *event.Notice) []string { return []string{n.Language} },
			"banners":   func(n *event.Notice) []string { return []string{n.Version} },
		} {
			part, want := got.Part(name), tell(notices, q, placeOf)
			if len(part.Rows) != len(want) {
				t.Fatalf("%q, least %d: %d rows, want %d", name, least, len(part.Rows), len(want))
			}
			for i, row := range part.Rows {
				sameCells(t, fmt.Sprintf("consent %q, least %d, row %d", name, least, i), part.Columns, row.Cells, want[i])
			}
			total := tell(notices, Query{Site: newSite(t, "", "UTC", ""), From: q.From, To: q.To}, func(*event.Notice) []string { return []string{""} })[0]
			texts := len(part.Columns) - len(total) + 1
			sameCells(t, fmt.Sprintf("consent %q totals", name), part.Columns, part.Totals, append(make([]any, texts), total[1:]...))
		}
	}
}
