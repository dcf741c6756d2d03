package console

import (
	"math"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

// chart is a figure of bars, one per day, drawn by the server as SVG: it needs
// neither script nor style attributes. The table with the same figures stands
// below it, and is what the island that answers to the pointer reads.
type chart struct {
	Title       string
	Summary     string // what a screen reader says for it
	Top, Middle string // the scale's upper end and half of it
	First, Last string // the days at both ends
	Width       int    // of the drawing, in its own units: ten per day
	Bars        []bar
	Marks       []markView
	Lines       []markLine
	Columns     []string
	Rows        [][]string

	begins []report.Day // of the bars
}

// markLine stands where a mark's day is.
type markLine struct {
	At    int // the bar
	X     float64
	Title string
}

const (
	chartHeight = 100
	dayWidth    = 10
	barWidth    = 7
)

// bar is one day. Full spans the drawing's height, so that the title shows
// wherever the pointer is.
type bar struct {
	X, Y, Height float64
	Title        string
}

// FullX is where the day begins, with its share of the gaps.
func (b bar) FullX() float64 { return b.X - float64(dayWidth-barWidth)/2 }

// chartColumns are the figures shown of each day.
var chartColumns = []string{"visits", "visitors", "conversions", "value"}

// drawVisits draws the visits of each day.
func drawVisits(p *page, t *report.Table) *chart {
	const day = 0 // the first column: when
	visits := t.Column("visits")
	if len(t.Rows) < 2 || visits < 0 {
		return nil
	}
	most, mostDay := int64(0), ""
	for _, row := range t.Rows {
		if n, _ := row.Cells[visits].(int64); n > most {
			most, mostDay = n, figureIn(t.Columns[day], row.Cells[day], p.Site.Zone)
		}
	}
	if most == 0 {
		return nil
	}
	top := niceAbove(most)
	c := &chart{
		Top: count(top), Middle: count(top / 2), Width: len(t.Rows) * dayWidth,
	}
	c.First = figureIn(t.Columns[day], t.Rows[0].Cells[day], p.Site.Zone)
	c.Last = figureIn(t.Columns[day], t.Rows[len(t.Rows)-1].Cells[day], p.Site.Zone)
	c.Title = p.T("chart.title." + t.Columns[day].Name)
	c.Summary = p.T("chart.summary", c.Title, c.First, c.Last, count(most), mostDay)
	c.Columns = append(c.Columns, p.T("column."+t.Columns[day].Name))
	for _, name := range chartColumns {
		c.Columns = append(c.Columns, heading(p, t.Columns[t.Column(name)]))
	}
	for i, row := range t.Rows {
		n, _ := row.Cells[visits].(int64)
		height := math.Round(float64(n)/float64(top)*chartHeight*10) / 10
		line := []string{figureIn(t.Columns[day], row.Cells[day], p.Site.Zone)}
		for _, name := range chartColumns {
			line = append(line, figure(t.Columns[t.Column(name)], row.Cells[t.Column(name)]))
		}
		c.Bars = append(c.Bars, bar{
			X: float64(i*dayWidth) + float64(dayWidth-barWidth)/2, Y: chartHeight - height, Height: height,
			Title: p.T("chart.day", line[0], line[1], line[2], line[3]),
		})
		c.Rows = append(c.Rows, line)
		switch at := row.Cells[day].(type) {
		case report.Day:
			c.begins = append(c.begins, at)
		case time.Time:
			c.begins = append(c.begins, report.DayOf(at, p.Site.Zone))
		}
	}
	return c
}

// mark puts the marks of a question's days on its chart.
func (ch *chart) mark(marks []report.Mark, views []markView) {
	ch.Marks = views
	for i, m := range marks {
		at := 0 // the last bar that begins by then, the first of its day
		for n, begins := range ch.begins {
			if begins <= m.Day && begins > ch.begins[at] {
				at = n
			}
		}
		ch.Lines = append(ch.Lines, markLine{at, float64(at*dayWidth) + float64(dayWidth)/2, views[i].Day + " " + views[i].Text})
	}
}

// niceAbove returns the next round and even number that is not below n, so
// that its half can be written beside the middle line.
func niceAbove(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, step := range []int64{2, 3, 4, 5, 6, 8, 10} {
			if top := unit * step; top >= n && top%2 == 0 {
				return top
			}
		}
	}
}

// heading is a column's name, with its currency.
func heading(p *page, c report.Column) string {
	name := p.T("column." + strings.TrimSuffix(c.Name, "_value")) // attribution's models, in money
	if c.Unit != "" && c.Unit != report.Ratio {
		name += " (" + c.Unit + ")"
	}
	return name
}
