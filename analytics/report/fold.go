package report

import "fmt"

// FoldedLabel is what the row of small groups is called.
func FoldedLabel(minGroup int) string { return fmt.Sprintf("(fewer than %d)", minGroup) }

// foldAt says how many of the groups, smallest first, must become one row, so
// that no row and no difference between rows and totals stands for fewer than
// least visitors (policy 2.3.3).
//
// visitors are the groups' own, upTo how many different visitors a group and
// all before it have together. Every group under least is folded. If the fold
// is then itself under least, the next group goes in as well, and so on: else
// totals less the visible rows would show the handful again. When everything
// is folded the one row is the site's own total, which names no group.
func foldAt(visitors, upTo []int64, least int) int {
	cut := 0
	for cut < len(visitors) && visitors[cut] < int64(least) {
		cut++
	}
	if cut == 0 {
		return 0
	}
	for cut < len(visitors) && upTo[cut-1] < int64(least) {
		cut++
	}
	return cut
}
