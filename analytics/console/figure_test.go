package console

import (
	"testing"

	"github.com/kunjicloud/kunji/analytics/report"
)

func TestFiguresForPeople(t *testing.T) {
	money, rate := report.Column{Name: "value", Type: report.Number, Unit: "CNY"}, report.Column{Name: "rate", Type: report.Number, Unit: report.Ratio}
	plain := report.Column{Name: "visits", Type: report.Integer}
	for _, c := range []struct {
		column report.Column
		cell   any
		want   string
	}{
		{plain, int64(0), "0"},
		{plain, int64(999), "999"},
		{plain, int64(1000), "1,000"},
		{plain, int64(-1234567), "-1,234,567"},
		{plain, nil, "–"},
		{money, report.Money(12345678), "1,234.57"},
		{money, report.Money(-12345650), "-1,234.57"},
		{money, report.Money(49), "0.00"},
		{rate, 0.0729, "7.29%"},
		{rate, nil, "–"},
		{report.Column{Type: report.Date}, report.Day(20000), "2024-10-04"},
		{report.Column{Type: report.Text}, "<b>", "<b>"},
	} {
		if got := figure(c.column, c.cell); got != c.want {
			t.Errorf("figure(%v) = %q, want %q", c.cell, got, c.want)
		}
	}
}

func TestChangesSayTheirDirection(t *testing.T) {
	texts, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{say: func(key string, values ...any) string { return texts.say("en", key, values...) }}
	visits, rate := report.Column{Name: "visits"}, report.Column{Name: "rate", Unit: report.Ratio}
	for _, c := range []struct {
		column      report.Column
		now, before any
		text, class string
	}{
		{visits, int64(150), int64(100), "up 50.0%", "up"},
		{visits, int64(50), int64(100), "down 50.0%", "down"},
		{visits, int64(1099), int64(100), "up 999.0%", "up"},
		{visits, int64(6764), int64(2), "up > 999%", "up"},
		{visits, int64(0), int64(0), "no change", "same"},
		{visits, int64(100), int64(100), "no change", "same"},
		{visits, int64(3), int64(0), "new", "up"},
		{rate, 0.05, 0.04, "up 1.00 pp", "up"},
		{rate, nil, 0.04, "", ""},
		{report.Column{Name: "rejected"}, int64(3), int64(2), "up 50.0%", "neutral"},
	} {
		if text, class := change(p, c.column, c.now, c.before); text != c.text || class != c.class {
			t.Errorf("%s from %v to %v: %q %q, want %q %q", c.column.Name, c.before, c.now, text, class, c.text, c.class)
		}
	}
}

func TestScalesAreRound(t *testing.T) {
	for n, want := range map[int64]int64{1: 2, 2: 2, 3: 4, 5: 6, 7: 8, 9: 10, 11: 20, 21: 30, 252: 300, 499: 500, 1001: 2000} {
		if got := niceAbove(n); got != want {
			t.Errorf("niceAbove(%d) = %d, want %d", n, got, want)
		}
	}
}
