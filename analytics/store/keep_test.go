package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	chdb "github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// past inserts what is kept of visitors on two days, until so many days from now.
func past(t testing.TB, s *Store, site string, until int32, visitors ...uint64) {
	t.Helper()
	var b Batch
	for _, v := range visitors {
		b.Events = append(b.Events, life(site, v).Events...)
	}
	for _, e := range b.Events {
		e.KeepUntil = int32(time.Now().Unix()/86400) + until
	}
	if err := s.Insert(t.Context(), "past "+site, b); err != nil {
		t.Fatal(err)
	}
}

// rolled are the figures of the rollup, day by day, as reports read it.
func rolled(t testing.TB, s *Store) string {
	t.Helper()
	return one(t, s, "SELECT groupArray(x) FROM (SELECT (site, local_day, source, sum(d.visits), sum(d.page_views), sum(d.customs), sum(d.clicks), max(d.keep_until), uniqCombined64Merge(14)(d.visitors) + sum(d.kept)) AS x "+
		"FROM campaign_day AS d GROUP BY site, local_day, source ORDER BY x)")
}

// testKeepNumbers keeps the numbers of days past their term, after the program
// died at each of the moments at which that leaves something half done.
func testKeepNumbers(t *testing.T, s *Store) {
	t.Parallel()
	past(t, s, "goes on", 1, 1, 2, 3)
	for n, steps := range [][]string{
		{"TRUNCATE TABLE keeping_days"}, // before the days were listed
		nil,
		{"DELETE FROM campaign_day WHERE site = 'over 2'"},
		{"DELETE FROM campaign_day WHERE site = 'over 3'", "INSERT INTO campaign_day (" + stagedColumns + ") SELECT " + stagedColumns + " FROM campaign_keeping"},
	} {
		past(t, s, fmt.Sprint("over ", n), -1, 1, 2, 3, 4, 5, 6, 7)
		want := rolled(t, s)
		if days, err := s.stageDays(t.Context()); err != nil || len(days) != 2 {
			t.Fatalf("staged %v, %v; want two days", days, err)
		}
		for _, sql := range steps {
			exec(t, s, sql)
		}
		if days, err := s.KeepNumbers(t.Context()); err != nil || days != 2 {
			t.Fatalf("died at moment %d: %d days, %v", n, days, err)
		}
		if got := rolled(t, s); got != want {
			t.Errorf("died at moment %d: the rollup says\n%s\nwant\n%s", n, got, want)
		}
	}
	if got := one(t, s, "SELECT sumIf(finalizeAggregation(visitors), site != 'goes on'), sumIf(kept, site = 'goes on'), (SELECT count() FROM campaign_keeping) FROM campaign_day"); got != "0\t0\t0" {
		t.Errorf("sketches past their term, numbers before it, staged: %s", got)
	}
	if days, err := s.KeepNumbers(t.Context()); err != nil || days != 0 {
		t.Errorf("with nothing to do: %d days, %v", days, err)
	}
}

// TestPolicy_7_2_PastTheTermOnlyNumbersStay looks in every file of the engine for
// what a sketch keeps of a visitor past the term, and finds one before it.
func TestPolicy_7_2_PastTheTermOnlyNumbersStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engine")
	s := openOn(t, enginetest.StartOptions(t, chdb.Options{Dir: dir}).Dial, "")
	removePartsAtOnce(t, s)
	const over, control = 0x9e3779b97f4a7c15, 0xd1b54a32d192ed03
	past(t, s, "over", -1, 1, 2, 3, over)
	past(t, s, "goes on", 1, control)
	sketch, stays := trace{"sketch": traceOf(t, s, over)["sketch"]}, trace{"sketch": traceOf(t, s, control)["sketch"]}
	if found := scan(t, dir, sketch); len(found) == 0 {
		t.Fatal("the sketch is not found before: the search does not see")
	}
	want := rolled(t, s)
	if days, err := s.KeepNumbers(t.Context()); err != nil || days != 2 {
		t.Fatalf("%d days, %v", days, err)
	}
	var left map[string][]string
	for range 100 {
		if err := s.lookForOldParts(t.Context(), eraseTables); err != nil {
			t.Fatal(err)
		}
		if left = scan(t, dir, sketch); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("the sketch is left: %v", left)
	}
	if found := scan(t, dir, stays); len(found) == 0 {
		t.Error("the control's sketch is gone too")
	}
	if got := rolled(t, s); got != want {
		t.Errorf("the rollup says\n%s\nwant\n%s", got, want)
	}
}
