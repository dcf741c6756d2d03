package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// maxName is the longest source, medium, campaign, content or term, in bytes.
const maxName = 256

// seenCost is where a key was met.
type seenCost struct{ index, line int }

// costParser turns lines into costs and collects what is wrong.
type costParser struct {
	site           *site.Site
	columns        *columnMap
	platform       *platform // nil for our own format
	source, medium string    // of a platform's rows
	costs          []Cost
	seen           map[Cost]seenCost // by a cost with nothing but its key
	faults         []Fault
	more           bool
}

func (p *costParser) fault(line int, field costField, problem, fix string) {
	if len(p.faults) == maxFaults {
		p.more = true
		return
	}
	column := string(field)
	if i, ok := p.columns.at[field]; ok && i < len(p.columns.headings) {
		column = strings.TrimSpace(p.columns.headings[i])
	}
	p.faults = append(p.faults, Fault{line, column, problem, fix})
}

func (p *costParser) done() ([]Cost, error) {
	switch {
	case len(p.faults) > 0:
		return nil, &FileError{p.faults, p.more}
	case len(p.costs) == 0:
		return nil, oneFault(1, "", "the file has no row of costs", "send at least one line below the header")
	}
	return p.costs, nil
}

// line reads one row. Empty lines, and a platform's lines of totals, are left
// out.
func (p *costParser) line(number int, cells []string) {
	if p.skips(cells) {
		return
	}
	get := func(f costField) string {
		if i, ok := p.columns.at[f]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	before := len(p.faults)
	c := Cost{Site: p.site.ID, Source: p.source, Medium: p.medium, Currency: p.site.Currency}
	if p.platform == nil {
		c.Source, c.Medium = strings.ToLower(get(fieldSource)), strings.ToLower(get(fieldMedium))
		if c.Source == "" {
			p.fault(number, fieldSource, "the source is empty", "write what utm_source has, such as google")
		}
	}
	c.Campaign, c.Content, c.Term = get(fieldCampaign), get(fieldContent), get(fieldTerm)
	for field, name := range map[costField]string{
		fieldSource: c.Source, fieldMedium: c.Medium, fieldCampaign: c.Campaign, fieldContent: c.Content, fieldTerm: c.Term,
	} {
		if len(name) > maxName || !utf8.ValidString(name) {
			p.fault(number, field, fmt.Sprintf("the %s has %d bytes", field, len(name)), fmt.Sprintf("use at most %d", maxName))
		}
	}
	p.day(&c, number, get(fieldDay))
	p.amount(&c, number, get(fieldAmount))
	if code := orElse(get(fieldCurrency), strings.ToLower(p.columns.currency)); code != "" {
		c.Currency = strings.ToUpper(code)
	}
	if !currencyCode.MatchString(c.Currency) {
		p.fault(number, fieldCurrency, fmt.Sprintf("%q is not a currency", c.Currency), "write its three letters, such as CNY")
	}
	c.Impressions = p.count(number, fieldImpressions, get(fieldImpressions))
	c.Clicks = p.count(number, fieldClicks, get(fieldClicks))
	if len(p.faults) == before && !p.more {
		p.keep(c, number)
	}
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// skips tells lines that are about no day: empty ones, and totals.
func (p *costParser) skips(cells []string) bool {
	text := strings.TrimSpace(strings.Join(cells, ""))
	if text == "" {
		return true
	}
	if p.platform == nil {
		return false
	}
	day := ""
	if i := p.columns.at[fieldDay]; i < len(cells) {
		if day = strings.TrimSpace(cells[i]); day == "" { // Meta's total
			return true
		}
	}
	if _, ok := parseCostDay(day); ok { // of a campaign, whatever it is called
		return false
	}
	first := strings.ToLower(strings.TrimSpace(cells[0]))
	return slices.ContainsFunc([]string{"total", "合计", "总计", "--"}, func(word string) bool { return strings.HasPrefix(first, word) })
}

// keep adds a row to those of the same key, or refuses it.
func (p *costParser) keep(c Cost, number int) {
	key := Cost{Day: c.Day, Source: c.Source, Medium: c.Medium, Campaign: c.Campaign, Content: c.Content, Term: c.Term}
	earlier, twice := p.seen[key]
	switch {
	case !twice:
		p.seen[key] = seenCost{len(p.costs), number}
		p.costs = append(p.costs, c)
	case p.platform == nil:
		p.fault(number, fieldCampaign, fmt.Sprintf("the line has the same day, source, medium, campaign, content and term as line %d", earlier.line), "add the two up, or tell them apart")
	case p.costs[earlier.index].Currency != c.Currency:
		p.fault(number, fieldCurrency, fmt.Sprintf("%s, where line %d of the same campaign and day has %s", c.Currency, earlier.line, p.costs[earlier.index].Currency), "export one account at a time")
	default:
		sum := &p.costs[earlier.index]
		sum.Amount += c.Amount
		sum.Impressions += c.Impressions
		sum.Clicks += c.Clicks
	}
}

// dayLayouts are how days are written: ISO 8601, and as the platforms do where
// day and month cannot be mistaken for each other.
var dayLayouts = []string{"2006-01-02", "2006/01/02", "2006/1/2", "20060102", "Jan 2, 2006", "2006年1月2日"}

func (p *costParser) day(c *Cost, number int, text string) {
	day, ok := parseCostDay(text)
	if !ok {
		p.fault(number, fieldDay, fmt.Sprintf("%q is not a day", text), "write it as 2026-11-24")
	}
	c.Day = day
}

func parseCostDay(text string) (day int32, ok bool) {
	for _, layout := range dayLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 2000 && t.Year() < 2100 {
			return int32(t.Unix() / 86400), true
		}
	}
	return 0, false
}

// plainNumber has groups of three digits, or none, and a point.
var plainNumber = regexp.MustCompile(`^(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?$`)

func (p *costParser) amount(c *Cost, number int, text string) {
	amount, ok := parseAmount(text)
	if !ok {
		p.fault(number, fieldAmount, fmt.Sprintf("%q is not an amount", text), "write digits with a point and at most four decimals, such as 1234.50")
	}
	c.Amount = amount
}

// parseAmount reads an amount of at most eighteen digits exactly.
func parseAmount(text string) (event.Amount, bool) {
	if !plainNumber.MatchString(text) {
		return 0, false
	}
	whole, decimals, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), ".")
	if decimals = strings.TrimRight(decimals, "0"); len(decimals) > event.Decimals || len(whole) > 14 {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", event.Decimals-len(decimals)), 10, 64)
	return event.Amount(n), err == nil
}

// count reads a count; none is nothing.
func (p *costParser) count(number int, field costField, text string) uint64 {
	if text == "" || text == "-" || text == "--" {
		return 0
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(text, ",", ""), 10, 63)
	if err != nil || !plainNumber.MatchString(text) {
		p.fault(number, field, fmt.Sprintf("%q is not a count", text), "write digits, such as 1200")
		return 0
	}
	return n
}
