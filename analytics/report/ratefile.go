package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
)

// Rate is one row of a file of exchange rates.
type Rate = store.Rate

// ReadCostsJSON reads costs as a list of objects whose members are named like
// the columns of our CSV; amounts and counts are numbers or texts. A fault's
// line is the object's place in the list, from 1.
func ReadCostsJSON(r io.Reader, own *site.Site) ([]Cost, error) {
	var names []string
	for _, f := range ownFields() {
		names = append(names, string(f))
	}
	lines, err := readObjects(r, names)
	if err != nil {
		return nil, err
	}
	parser := costParser{site: own, columns: mapOwn(names), seen: map[Cost]seenCost{}}
	for i, line := range lines {
		parser.line(i+1, line)
	}
	return parser.done()
}

// readObjects reads [{…}, …] into cells in the order of names.
func readObjects(r io.Reader, names []string) ([][]string, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var objects []map[string]any
	if err := d.Decode(&objects); err != nil {
		return nil, oneFault(1, "", "the list cannot be read: "+err.Error(), `write [{"day":"2026-11-24", …}]`)
	}
	lines := make([][]string, len(objects))
	for i, object := range objects {
		lines[i] = make([]string, len(names))
		for name, value := range object {
			at := slices.Index(names, name)
			if at < 0 {
				return nil, oneFault(i+1, name, "there is no such member", "use "+strings.Join(names, ", "))
			}
			switch v := value.(type) {
			case nil:
			case string:
				lines[i][at] = v
			case json.Number:
				lines[i][at] = v.String()
			default:
				return nil, oneFault(i+1, name, "the member is neither text nor number", "write a text or a number")
			}
		}
	}
	return lines, nil
}

var rateColumns = []string{"day", "currency", "rate"}

// ReadRates reads exchange rates as CSV with the header day,currency,rate: one
// unit of currency is worth rate units of the site's currency, from that day
// on until the next row of the currency. The error is a *FileError.
func ReadRates(r io.Reader, own *site.Site) ([]Rate, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the file of rates: %w", err)
	}
	text, err := decodeText(raw)
	if err != nil {
		return nil, err
	}
	lines, numbers, err := splitLines(text)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || !slices.Equal(lines[0], rateColumns) {
		return nil, oneFault(1, "", "the first line does not name the columns", "begin with day,currency,rate")
	}
	return parseRates(lines[1:], numbers[1:], own)
}

// ReadRatesJSON reads [{"day", "currency", "rate"}, …].
func ReadRatesJSON(r io.Reader, own *site.Site) ([]Rate, error) {
	lines, err := readObjects(r, rateColumns)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(lines))
	for i := range numbers {
		numbers[i] = i + 1
	}
	return parseRates(lines, numbers, own)
}

func parseRates(lines [][]string, numbers []int, own *site.Site) ([]Rate, error) {
	var rates []Rate
	wrong := &FileError{}
	fault := func(line int, column, problem, fix string) {
		if len(wrong.Faults) == maxFaults {
			wrong.More = true
			return
		}
		wrong.Faults = append(wrong.Faults, Fault{line, column, problem, fix})
	}
	for i, line := range lines {
		if strings.TrimSpace(strings.Join(line, "")) == "" {
			continue
		}
		if len(line) != len(rateColumns) {
			fault(numbers[i], "", fmt.Sprintf("the line has %d cells", len(line)), "write day,currency,rate")
			continue
		}
		one := Rate{Site: own.ID, Currency: strings.ToUpper(strings.TrimSpace(line[1]))}
		t, err := time.Parse(dayLayout, strings.TrimSpace(line[0]))
		if err != nil || t.Year() < 2000 || t.Year() > 2099 {
			fault(numbers[i], "day", fmt.Sprintf("%q is not a day", line[0]), "write it as 2026-11-24")
		}
		one.Day = int32(t.Unix() / 86400)
		if !currencyCode.MatchString(one.Currency) || one.Currency == own.Currency {
			fault(numbers[i], "currency", fmt.Sprintf("%q is not another currency", line[1]), "write three letters, other than the site's "+own.Currency)
		}
		var ok bool
		if one.Worth, ok = parseRate(strings.TrimSpace(line[2])); !ok {
			fault(numbers[i], "rate", fmt.Sprintf("%q is not a rate", line[2]), "write digits with a point and at most eight decimals, above 0, such as 7.1234")
		}
		rates = append(rates, one)
	}
	switch {
	case len(wrong.Faults) > 0:
		return nil, wrong
	case len(rates) == 0:
		return nil, oneFault(1, "", "there is no rate", "send at least one")
	}
	return rates, nil
}

// parseRate reads a rate exactly, in hundred-millionths.
func parseRate(text string) (uint64, bool) {
	whole, decimals, _ := strings.Cut(text, ".")
	if decimals = strings.TrimRight(decimals, "0"); !plainNumber.MatchString(text) || strings.Contains(text, ",") || len(decimals) > 8 || len(whole) > 7 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+decimals+strings.Repeat("0", 8-len(decimals)), 10, 64)
	return n, err == nil && n > 0
}
