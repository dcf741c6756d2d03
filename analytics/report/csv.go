package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes the table as RFC 4180: a line of column names, then one line
// per row, the folded row included; totals are left to whoever sums. Text that
// a spreadsheet would run as a formula gets an apostrophe before it (OWASP,
// CSV injection): campaign names are written by whoever makes a link. Where the
// report reaches beyond what is kept, a last line, which begins with #, says so.
func WriteCSV(w io.Writer, t *Table) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Name
	}
	if err := out.Write(line); err != nil {
		return fmt.Errorf("report %s as csv: %w", t.Meta.Report, err)
	}
	for _, row := range t.Rows {
		for i := range t.Columns {
			line[i] = csvCell(row.Cells[i])
		}
		if err := out.Write(line); err != nil {
			return fmt.Errorf("report %s as csv: %w", t.Meta.Report, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("report %s as csv: %w", t.Meta.Report, err)
	}
	if note := t.Meta.note(); note != "" {
		if _, err := io.WriteString(w, "# "+note+"\r\n"); err != nil {
			return fmt.Errorf("report %s as csv: %w", t.Meta.Report, err)
		}
	}
	return nil
}

func csvCell(cell any) string {
	if s, ok := cell.(string); ok {
		return guardFormula(s)
	}
	return plainCell(cell)
}

// guardFormula puts an apostrophe before text whose first character starts a
// formula in a spreadsheet, in its half-width or full-width form.
func guardFormula(s string) string {
	if strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") || strings.HasPrefix(s, "\n") {
		return "'" + s
	}
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(strings.TrimLeft(s, " \u00a0\u3000"), sign) {
			return "'" + s
		}
	}
	return s
}

// plainCell writes a cell without thousands separators; nil is empty.
func plainCell(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(cell)
}
