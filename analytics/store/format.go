package store

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Formats lists the output formats of SQL: an aligned table, CSV (RFC 4180) and
// tab-separated text with a header line, one JSON document {"columns":[{"name",
// "type"}],"rows":[{…}]}, one JSON object a line.
func Formats() []string { return []string{"table", "csv", "tsv", "json", "jsonl"} }

// format writes rows of text or JSON cells.
type format struct {
	begin func(columns []resultColumn) error
	row   func(values []any) error
	end   func() error
}

// resultColumn is a column of an answer.
type resultColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func newFormat(w io.Writer, name string) (*format, error) {
	switch name {
	case "table":
		return tableFormat(w), nil
	case "csv":
		return csvFormat(w), nil
	case "tsv":
		return tsvFormat(w), nil
	case "json":
		return jsonFormat(w), nil
	case "jsonl":
		return jsonLinesFormat(w), nil
	}
	return nil, fmt.Errorf("store: unknown format %q: write one of %s", name, strings.Join(Formats(), ", "))
}

// writeRows reads all rows; each is written as it comes (a table is aligned in
// blocks), so that a large answer needs no memory.
func (f *format) writeRows(rows *Rows) error {
	types := rows.rows.ColumnTypes()
	columns := make([]resultColumn, len(types))
	targets := make([]any, len(types))
	for i, t := range types {
		columns[i] = resultColumn{t.Name(), t.DatabaseTypeName()}
		targets[i] = reflect.New(t.ScanType()).Interface()
	}
	if err := f.begin(columns); err != nil {
		return err
	}
	values := make([]any, len(types))
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, target := range targets {
			values[i] = plain(reflect.ValueOf(target).Elem(), columns[i].Type)
			reflect.ValueOf(target).Elem().SetZero()
		}
		if err := f.row(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return f.end()
}

func csvFormat(w io.Writer) *format {
	c := csv.NewWriter(w)
	return &format{
		begin: func(columns []resultColumn) error { return c.Write(names(columns)) },
		row:   func(values []any) error { return c.Write(cells(values, "")) },
		end:   func() error { c.Flush(); return c.Error() },
	}
}

// tsvEscape keeps a value in its cell, as ClickHouse's TabSeparated does.
var tsvEscape = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)

func tsvFormat(w io.Writer) *format {
	b := bufio.NewWriter(w)
	line := func(cells []string) error {
		for i, cell := range cells {
			if i > 0 {
				_ = b.WriteByte('\t') // a bufio.Writer keeps its first error
			}
			_, _ = b.WriteString(cell)
		}
		return b.WriteByte('\n')
	}
	escaped := func(texts []string) []string {
		for i := range texts {
			texts[i] = tsvEscape.Replace(texts[i])
		}
		return texts
	}
	return &format{
		begin: func(columns []resultColumn) error { return line(escaped(names(columns))) },
		row: func(values []any) error {
			texts := escaped(cells(values, ""))
			for i, v := range values {
				if v == nil {
					texts[i] = `\N`
				}
			}
			return line(texts)
		},
		end: b.Flush,
	}
}

// tableBlock is how many rows of a table are aligned together.
const tableBlock = 10_000

func tableFormat(w io.Writer) *format {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.StripEscape)
	rows := 0
	line := func(texts []string) error {
		for i := range texts {
			texts[i] = oneLine(texts[i])
		}
		_, err := fmt.Fprintln(t, strings.Join(texts, "\t"))
		return err
	}
	return &format{
		begin: func(columns []resultColumn) error {
			if err := line(names(columns)); err != nil {
				return err
			}
			rules := names(columns)
			for i := range rules {
				rules[i] = strings.Repeat("─", utf8.RuneCountInString(rules[i]))
			}
			return line(rules)
		},
		row: func(values []any) error {
			if rows++; rows%tableBlock == 0 {
				if err := t.Flush(); err != nil {
					return err
				}
			}
			return line(cells(values, "NULL"))
		},
		end: t.Flush,
	}
}

// oneLine keeps control characters of a value from moving the table, or the
// terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

func jsonFormat(w io.Writer) *format {
	b := bufio.NewWriter(w)
	var columns []resultColumn
	separator := "\n"
	return &format{
		begin: func(c []resultColumn) error {
			columns = c
			head, err := marshal(c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(b, "{\"columns\":%s,\n\"rows\":[", head)
			return err
		},
		row: func(values []any) error {
			_, _ = b.WriteString(separator) // a bufio.Writer keeps its first error
			separator = ",\n"
			return writeObject(b, columns, values)
		},
		end: func() error {
			_, _ = b.WriteString("\n]}\n")
			return b.Flush()
		},
	}
}

func jsonLinesFormat(w io.Writer) *format {
	b := bufio.NewWriter(w)
	var columns []resultColumn
	return &format{
		begin: func(c []resultColumn) error { columns = c; return nil },
		row: func(values []any) error {
			if err := writeObject(b, columns, values); err != nil {
				return err
			}
			return b.WriteByte('\n')
		},
		end: b.Flush,
	}
}

// writeObject writes a row as an object whose keys keep the columns' order.
func writeObject(b *bufio.Writer, columns []resultColumn, values []any) error {
	separator := byte('{')
	for i, v := range values {
		name, err := marshal(columns[i].Name)
		if err != nil {
			return err
		}
		value, err := marshal(v)
		if err != nil {
			return fmt.Errorf("store: column %s: %w", columns[i].Name, err)
		}
		_ = b.WriteByte(separator) // a bufio.Writer keeps its first error
		_, _ = b.Write(name)
		_ = b.WriteByte(':')
		_, _ = b.Write(value)
		separator = ','
	}
	return b.WriteByte('}')
}

func names(columns []resultColumn) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return all
}

func cells(values []any, null string) []string {
	all := make([]string, len(values))
	for i, v := range values {
		if v == nil {
			all[i] = null
			continue
		}
		all[i] = cell(v)
	}
	return all
}
