package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
)

// Cost is one row of a costs file.
type Cost = store.Cost

// What a file may hold at most.
const (
	MaxCostRows = 200_000
	maxFaults   = 20 // listed of a file
	maxPreamble = 20 // lines above a platform's header
)

// Fault is one thing that is wrong with an uploaded file.
type Fault struct {
	Line    int    `json:"line"`             // from 1
	Column  string `json:"column,omitempty"` // its heading
	Problem string `json:"problem"`          // what is wrong, with the value
	Fix     string `json:"fix"`              // what to write instead
}

// FileError says why nothing of a file is stored.
type FileError struct {
	Faults []Fault // the first twenty
	More   bool    // there are further ones
}

// Error tells the first fault.
func (e *FileError) Error() string {
	f := e.Faults[0]
	return fmt.Sprintf("line %d, %s: %s: %s", f.Line, f.Column, f.Problem, f.Fix)
}

// CostFile says how an upload is to be read.
type CostFile struct {
	Site *site.Site
	// Platform is whose export it is: one of Platforms, or empty for our own
	// header and for platforms that are known by theirs.
	Platform string
	// Source and Medium are what the links of a platform's campaigns carry;
	// empty: what is usual for it.
	Source, Medium string
}

// ReadCosts reads a CSV file of costs: ours, whose header names day, source,
// amount and any of medium, campaign, content, term, currency, impressions and
// clicks; or a platform's export. Without a currency an amount is in the
// site's. Source and medium are lowered, as in links. Rows of a platform with
// the same key are added up; in our own format they are a fault, because the
// one would replace the other.
//
// The error is a *FileError with every line that is wrong, or says why the file
// cannot be read at all.
func ReadCosts(r io.Reader, o CostFile) ([]Cost, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the file of costs: %w", err)
	}
	text, err := decodeText(raw)
	if err != nil {
		return nil, err
	}
	lines, numbers, err := splitLines(text)
	if err != nil {
		return nil, err
	}
	columns, from, p, err := findHeader(lines, o)
	if err != nil {
		return nil, err
	}
	parser := costParser{site: o.Site, columns: columns, platform: p, seen: map[Cost]seenCost{}}
	if p != nil {
		parser.source, parser.medium = orElse(o.Source, p.source), orElse(o.Medium, p.medium)
	}
	for i, line := range lines[from:] {
		parser.line(numbers[from+i], line)
	}
	return parser.done()
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return strings.ToLower(strings.TrimSpace(s))
}

// decodeText makes UTF-8 of what spreadsheets write: UTF-8, UTF-16 with a byte
// order mark, else GB 18030.
func decodeText(raw []byte) (string, error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}), bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(raw)
		if err != nil {
			return "", oneFault(1, "", "the file is not valid UTF-16", "save it as CSV in UTF-8")
		}
		return string(text), nil
	case utf8.Valid(raw):
		return strings.TrimPrefix(string(raw), "\ufeff"), nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return "", oneFault(1, "", "the file is neither UTF-8 nor GB 18030", "save it as CSV in UTF-8")
	}
	return string(text), nil
}

func oneFault(line int, column, problem, fix string) *FileError {
	return &FileError{Faults: []Fault{{line, column, problem, fix}}}
}

// splitLines reads the records, with the line each begins on. Cells are parted
// by commas, or by tabs where the first lines have more of those.
func splitLines(text string) (lines [][]string, numbers []int, err error) {
	head := text[:min(len(text), 4096)]
	in := csv.NewReader(strings.NewReader(text))
	in.FieldsPerRecord = -1
	if strings.Count(head, "\t") > strings.Count(head, ",") {
		in.Comma = '\t'
	}
	for {
		line, err := in.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return lines, numbers, nil
		case errors.As(err, &wrong):
			return nil, nil, oneFault(wrong.Line, fmt.Sprintf("character %d", wrong.Column), wrong.Err.Error(), `put quotes around a cell with a comma or a quote, and double the quotes in it`)
		case err != nil:
			return nil, nil, fmt.Errorf("the file of costs: %w", err)
		}
		number, _ := in.FieldPos(0)
		lines, numbers = append(lines, line), append(numbers, number)
		if len(lines) > MaxCostRows+maxPreamble {
			return nil, nil, oneFault(number, "", fmt.Sprintf("the file has more than %d rows", MaxCostRows), "send it in parts")
		}
	}
}

// findHeader finds the line that names the columns. p is nil for our own.
func findHeader(lines [][]string, o CostFile) (columns *columnMap, from int, p *platform, err error) {
	for i := range min(len(lines), maxPreamble) {
		if o.Platform == "" {
			if m := mapOwn(lines[i]); m != nil && i == 0 {
				return m, 1, nil, nil
			}
		}
		for _, one := range platforms() {
			if o.Platform != "" && o.Platform != one.name {
				continue
			}
			if m := one.mapLine(lines[i]); m != nil {
				return m, i + 1, &one, nil
			}
		}
	}
	fix := "name the columns in the first line: day,source,medium,campaign,content,term,amount,currency,impressions,clicks"
	if o.Platform != "" {
		fix = "export by day, with the columns for campaign and cost"
	}
	return nil, 0, nil, oneFault(1, "", "no line names the columns of costs", fix)
}
