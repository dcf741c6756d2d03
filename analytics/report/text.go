package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// WriteText writes the table for a terminal: columns aligned, figures to the
// right, totals below a rule, then what the figures are about. Control
// characters in names are replaced, so that a link's campaign cannot move the
// cursor.
func WriteText(w io.Writer, t *Table) error {
	var b strings.Builder
	textFigures(&b, t)
	for _, more := range t.More {
		b.WriteByte('\n')
		textFigures(&b, more)
	}
	textMeta(&b, &t.Meta)
	_, err := io.WriteString(w, b.String())
	return err
}

func textFigures(b *strings.Builder, t *Table) {
	lines := [][]string{make([]string, len(t.Columns))}
	for i, c := range t.Columns {
		lines[0][i] = c.Name
	}
	for _, row := range t.Rows {
		lines = append(lines, textLine(t.Columns, row.Cells))
	}
	totals := textLine(t.Columns, t.Totals)
	if len(t.Columns) > 0 && !t.Columns[0].Numeric() {
		totals[0] = "total"
	}
	lines = append(lines, totals)
	widths := make([]int, len(t.Columns))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], textWidth(cell))
		}
	}
	for n, line := range lines {
		if n == 1 || n == len(lines)-1 {
			rule(b, widths)
		}
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-textWidth(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.Columns[i].Numeric() {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		b.WriteByte('\n')
	}
}

func textLine(columns []Column, cells []any) []string {
	line := make([]string, len(columns))
	for i := range min(len(columns), len(cells)) {
		switch v := cells[i].(type) {
		case string:
			line[i] = printable(v)
		case float64:
			line[i] = strconv.FormatFloat(v, 'f', 4, 64)
			if columns[i].Unit == Ratio {
				line[i] = strconv.FormatFloat(v*100, 'f', 2, 64) + "%"
			}
		default:
			line[i] = plainCell(v)
		}
	}
	return line
}

func textMeta(b *strings.Builder, m *Meta) {
	fmt.Fprintf(b, "\n%s of %s, %s to %s (%s)", m.Report, m.Site, m.From, m.To, m.Timezone)
	if m.Currency != "" {
		fmt.Fprintf(b, ", amounts in %s", m.Currency)
	}
	if !m.CompleteUntil.IsZero() {
		fmt.Fprintf(b, ", complete until %s UTC", m.CompleteUntil.UTC().Format("2006-01-02 15:04:05"))
	}
	b.WriteByte('\n')
	if m.FoldedGroups > 0 {
		fmt.Fprintf(b, "%d groups of fewer than %d visitors are folded into one row.\n", m.FoldedGroups, m.MinGroup)
	}
	if m.OtherCurrencies > 0 {
		fmt.Fprintf(b, "%d amounts in other currencies than %s are in no sum.\n", m.OtherCurrencies, m.Currency)
	}
	if note := m.note(); note != "" {
		b.WriteString(note + ".\n")
	}
	if m.Made {
		b.WriteString("This site's traffic is made by the demo.\n")
	}
}

func rule(b *strings.Builder, widths []int) {
	for i, n := range widths {
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(strings.Repeat("─", n))
	}
	b.WriteByte('\n')
}

// textWidth returns how many columns of a terminal s takes.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r):
		case isWide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func isWide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}
