package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// WriteJSON writes the table as
//
//	{"columns":[{"name","type","unit"}],"rows":[{…}],"totals":{…},"compare":{"from","to","totals"},"meta":{…}}
//
// Rows and totals are objects by column name, in the columns' order. Money is
// a number with its exact decimals, a cell without a value is null; compare is
// there when it was asked for, more where a report has further tables, each
// with a name, columns, rows and totals.
func WriteJSON(w io.Writer, t *Table) error {
	var b bytes.Buffer
	b.WriteByte('{')
	if err := writeFigures(&b, t); err != nil {
		return fmt.Errorf("report %s: %w", t.Meta.Report, err)
	}
	if c := t.Compare; c != nil {
		fmt.Fprintf(&b, ",\n\"compare\":{\"from\":%q,\"to\":%q,\"totals\":", c.From, c.To)
		writeObject(&b, t.Columns, c.Totals, true)
		b.WriteByte('}')
	}
	for i, more := range t.More {
		b.WriteString([]string{",\n\"more\":[", ",\n"}[min(i, 1)])
		fmt.Fprintf(&b, "{\"name\":%q,", more.Name)
		if err := writeFigures(&b, more); err != nil {
			return fmt.Errorf("table %s of report %s: %w", more.Name, t.Meta.Report, err)
		}
		b.WriteByte('}')
	}
	if len(t.More) > 0 {
		b.WriteByte(']')
	}
	meta, err := json.Marshal(metaObject(&t.Meta))
	if err != nil {
		return fmt.Errorf("meta of report %s: %w", t.Meta.Report, err)
	}
	b.WriteString(",\n\"meta\":")
	b.Write(meta)
	b.WriteString("}\n")
	_, err = w.Write(b.Bytes())
	return err
}

// writeFigures writes the members columns, rows and totals.
func writeFigures(b *bytes.Buffer, t *Table) error {
	columns, err := json.Marshal(t.Columns)
	if err != nil {
		return fmt.Errorf("columns: %w", err)
	}
	b.WriteString(`"columns":`)
	b.Write(columns)
	b.WriteString(`,"rows":[`)
	for i, row := range t.Rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		writeObject(b, t.Columns, row.Cells, false)
	}
	b.WriteString("],\n\"totals\":")
	writeObject(b, t.Columns, t.Totals, true)
	return nil
}

// writeObject writes cells by column name. Totals have figures only.
func writeObject(b *bytes.Buffer, columns []Column, cells []any, figuresOnly bool) {
	b.WriteByte('{')
	first := true
	for i, c := range columns {
		if i >= len(cells) || figuresOnly && !c.Numeric() {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, "%q:", c.Name)
		b.Write(jsonCell(cells[i]))
	}
	b.WriteByte('}')
}

func jsonCell(cell any) []byte {
	switch v := cell.(type) {
	case Money:
		return []byte(v.String())
	case Day:
		return []byte(`"` + v.String() + `"`)
	case time.Time:
		return []byte(`"` + v.UTC().Format(time.RFC3339) + `"`)
	}
	text, err := json.Marshal(cell)
	if err != nil { // a NaN or an infinity: a ratio that has no value
		return []byte("null")
	}
	return text
}

type metaJSON struct {
	Report          string   `json:"report"`
	Site            string   `json:"site"`
	From            string   `json:"from"`
	To              string   `json:"to"`
	Timezone        string   `json:"timezone"`
	Currency        string   `json:"currency"`
	CompleteUntil   *string  `json:"complete_until"`
	RetainedSince   string   `json:"retained_since,omitempty"`
	Notes           []string `json:"notes,omitempty"`
	MinGroup        int      `json:"min_group"`
	FoldedGroups    int      `json:"folded_groups"`
	OtherCurrencies int64    `json:"other_currencies"`
	Made            bool     `json:"made"`
	Filters         []string `json:"filters"`
	Withheld        bool     `json:"withheld,omitempty"`
	Lookback        int      `json:"lookback,omitempty"`
	Window          int      `json:"window,omitempty"`
	Steps           []string `json:"steps,omitempty"`
}

func metaObject(m *Meta) metaJSON {
	out := metaJSON{
		Report: m.Report, Site: m.Site, From: m.From.String(), To: m.To.String(), Timezone: m.Timezone, Currency: m.Currency,
		MinGroup: m.MinGroup, FoldedGroups: m.FoldedGroups, OtherCurrencies: m.OtherCurrencies, Made: m.Made, Withheld: m.Withheld, Lookback: m.Lookback, Window: m.Window,
		Filters: []string{},
	}
	if !m.CompleteUntil.IsZero() {
		s := m.CompleteUntil.UTC().Format(time.RFC3339)
		out.CompleteUntil = &s
	}
	if note := m.note(); note != "" {
		out.RetainedSince, out.Notes = m.RetainedSince.String(), []string{note}
	}
	for _, step := range m.Steps {
		out.Steps = append(out.Steps, step.String())
	}
	for _, f := range m.Filters {
		out.Filters = append(out.Filters, f.String())
	}
	return out
}
