package report

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// Whatever the groups: what is shown alone has enough visitors, and what is
// folded has too, unless it is everything.
func TestPolicy_2_3_3_NoRowAndNoDifferenceIsAboutAHandful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.IntRange(1, 12).Draw(t, "least")
		visitors := rapid.SliceOfN(rapid.Int64Range(0, 20), 0, 30).Draw(t, "visitors")
		sortInts(visitors)
		upTo := make([]int64, len(visitors))
		for i, n := range visitors { // visitors overlap: between the largest and the sum
			low, sum := n, n
			if i > 0 {
				low, sum = max(n, upTo[i-1]), upTo[i-1]+n
			}
			upTo[i] = rapid.Int64Range(low, sum).Draw(t, "up to")
		}
		cut := foldAt(visitors, upTo, least)
		for _, n := range visitors[cut:] {
			if n < int64(least) {
				t.Fatalf("a row of %d visitors is shown, least is %d", n, least)
			}
		}
		if cut > 0 && cut < len(visitors) && upTo[cut-1] < int64(least) {
			t.Fatalf("totals less the rows shown are %d visitors, least is %d", upTo[cut-1], least)
		}
		if cut > 0 && visitors[0] >= int64(least) {
			t.Fatal("folded without need")
		}
	})
}

func sortInts(n []int64) {
	for i := range n {
		for j := i; j > 0 && n[j] < n[j-1]; j-- {
			n[j], n[j-1] = n[j-1], n[j]
		}
	}
}

// visits makes one visit for each of the visitors from..to.
func visits(siteID, campaign string, from, to uint64) []*event.Event {
	var all []*event.Event
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for v := from; v <= to; v++ {
		e := &event.Event{
			Site: siteID, Kind: event.Visit, Time: at, LocalDay: int32(at.Unix() / 86400), Visitor: v, Basis: event.BasisRecord,
			Attributed: true, Campaign: event.Campaign{Source: "s", Medium: "m", Name: campaign, Channel: "Social"}, KeepUntil: 30000,
		}
		binary.BigEndian.PutUint64(e.ID[:], v)
		copy(e.ID[8:], campaign)
		all = append(all, e)
	}
	return all
}

// filtersCannotLookInsideTheFold: the names of small groups find nothing, and
// totals of a filter count a visitor of two rows once.
func filtersCannotLookInsideTheFold(t *testing.T, db *store.Store) {
	own := newSite(t, "filters", "UTC", "EUR")
	events := visits("filters", "large", 1, 20)
	events = append(events, visits("filters", "medium", 15, 24)...)
	events = append(events, visits("filters", "small", 30, 32)...)
	insert(t, db, "filters", store.Batch{Events: events})
	cases := []struct {
		filters        []string
		rows           int
		visits, people int64
	}{
		{nil, 2, 33, 27},                       // small alone is too few: medium goes into the fold
		{[]string{"campaign:small"}, 0, 0, 0},  // as if there were none
		{[]string{"campaign:medium"}, 0, 0, 0}, // folded as well
		{[]string{"campaign:large"}, 1, 20, 20},
		{[]string{"source:s", "campaign:large"}, 1, 20, 20},
		{[]string{"source:(fewer than 5)"}, 1, 13, 13},
	}
	for _, c := range cases {
		got := answer(t, db, "campaigns", query(t, own, "2026-11-20", "2026-11-20", c.filters...))
		if len(got.Rows) != c.rows || got.Total("visits") != c.visits || got.Total("visitors") != c.people {
			t.Errorf("%v: %d rows, %v visits, %v visitors; want %d, %d, %d",
				c.filters, len(got.Rows), got.Total("visits"), got.Total("visitors"), c.rows, c.visits, c.people)
		}
	}
	own.MinGroup = 1
	got := answer(t, db, "campaigns", query(t, own, "2026-11-20", "2026-11-20", "source:s"))
	if len(got.Rows) != 3 || got.Total("visitors") != int64(27) {
		t.Errorf("three rows of one source: %d rows, %v visitors; want 3 rows, 27 visitors", len(got.Rows), got.Total("visitors"))
	}
	_, err := Run(t.Context(), db, "campaigns", query(t, own, "2026-11-20", "2026-11-20", "visits:3"))
	var wrong *Error
	if !errors.As(err, &wrong) || wrong.Parameter != "filter" {
		t.Errorf("a filter by a figure: %v, want an *Error about filter", err)
	}
}
