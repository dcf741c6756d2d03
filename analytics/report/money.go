package report

import (
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/edge/event"
)

// Money is an amount in ten-thousandths of its currency's unit, written
// exactly.
type Money event.Amount

// String writes the amount with at least two decimals, and more where it has
// them: 12.50, 0.0125, -3.00.
func (m Money) String() string {
	neg := m < 0
	u := uint64(m)
	if neg {
		u = -u
	}
	unit := uint64(1)
	for range event.Decimals {
		unit *= 10
	}
	frac := strconv.FormatUint(unit+u%unit, 10)[1:]
	for len(frac) > 2 && strings.HasSuffix(frac, "0") {
		frac = frac[:len(frac)-1]
	}
	s := strconv.FormatUint(u/unit, 10) + "." + frac
	if neg {
		return "-" + s
	}
	return s
}
