package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

// noValue stands where a cell has none.
const noValue = "–"

// figure writes a cell for people: thousands apart, two decimals of money and
// percent. The files have the exact values.
func figure(column report.Column, cell any) string {
	switch v := cell.(type) {
	case nil:
		return noValue
	case string:
		return v
	case int64:
		return thousands(strconv.FormatInt(v, 10))
	case report.Money:
		return thousands(rounded(v))
	case float64:
		if column.Unit == report.Ratio {
			return strconv.FormatFloat(v*100, 'f', 2, 64) + "%"
		}
		return thousands(strconv.FormatFloat(v, 'f', 2, 64))
	case fmt.Stringer:
		return v.String()
	}
	return noValue
}

// figureIn is figure, with moments on the wall of a zone.
func figureIn(column report.Column, value any, zone *time.Location) string {
	if t, ok := value.(time.Time); ok {
		return clock(t, zone)
	}
	return figure(column, value)
}

// rounded writes money to two decimals, halves away from zero.
func rounded(m report.Money) string {
	const cent = 100 // ten-thousandths
	half := report.Money(cent / 2)
	if m < 0 {
		half = -half
	}
	return ((m + half) / cent * cent).String()
}

// thousands puts commas between groups of three digits before the point.
func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest := s, ""
	if i := strings.IndexByte(s, '.'); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + rest
}

// number is a cell as something that can be drawn and compared.
func number(cell any) (float64, bool) {
	switch v := cell.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case report.Money:
		return float64(v), true
	}
	return 0, false
}

// maxPercent is the most that a change is written as: beyond it the total before
// was next to nothing, and the figure says only that.
const maxPercent = 999

// change compares a total with the one before: in percent, and for a rate in
// percentage points. Its class is neutral where more is neither good nor bad.
func change(p *page, column report.Column, now, before any) (text, class string) {
	n, ok := number(now)
	b, ok2 := number(before)
	if !ok || !ok2 {
		return "", ""
	}
	switch {
	case column.Unit == report.Ratio:
		points := (n - b) * 100
		text, class = direction(p, points, strconv.FormatFloat(math.Abs(points), 'f', 2, 64)+" pp")
	case b != 0:
		percent := (n - b) / b * 100
		amount := strconv.FormatFloat(math.Abs(percent), 'f', 1, 64) + "%"
		if percent > maxPercent {
			amount = "> " + strconv.Itoa(maxPercent) + "%"
		}
		text, class = direction(p, percent, amount)
	case n != 0:
		text, class = p.T("change.new"), "up"
	default:
		text, class = p.T("change.same"), "same"
	}
	if column.Name == "shown" || column.Name == "rejected" || column.Name == "unsubscribed" {
		class = "neutral"
	}
	return text, class
}

func direction(p *page, by float64, amount string) (text, class string) {
	switch {
	case math.Abs(by) < 0.005:
		return p.T("change.same"), "same"
	case by > 0:
		return p.T("change.up", amount), "up"
	}
	return p.T("change.down", amount), "down"
}

// clock writes a moment in a site's zone, to the minute.
func clock(t time.Time, zone *time.Location) string { return t.In(zone).Format("2006-01-02 15:04") }
