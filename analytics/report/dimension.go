package report

import "slices"

// Dimensions lists the columns of a report by which filters choose among its
// rows.
func Dimensions(report string) []string {
	switch report {
	case "campaigns":
		return []string{"source", "medium", "campaign", "content", "term"}
	case "attribution", "costs":
		return []string{"source", "medium", "campaign"}
	case "channels":
		return []string{"channel"}
	case "sources":
		return []string{"source", "channel"}
	case "pages":
		return []string{"page"}
	case "mail":
		return []string{"source", "campaign", "content"}
	}
	return nil
}

// FilterColumns lists everything that a report can be filtered by: its own
// dimensions, and what its events are told apart by.
func FilterColumns(report string) []string {
	own := Dimensions(report)
	for _, column := range narrowColumns(report) {
		if !slices.Contains(own, column) {
			own = append(own, column)
		}
	}
	return own
}

// eventColumns are what visitors' events are told apart by, in the order in
// which they are offered.
var eventColumns = []string{
	"source", "medium", "campaign", "content", "term", "channel", "referrer", "page", "entry_page",
	"country", "region", "device", "browser", "os", "language", "bot",
}

// narrowColumns lists the columns by which a report's events can be chosen.
func narrowColumns(report string) []string {
	switch report {
	case "consent": // counters know no more
		return []string{"country", "device", "language", "banner"}
	case "coverage": // what counters and events both know
		return []string{"country", "device"}
	case "costs": // what was spent is known by campaign alone
		return nil
	case "bots":
		return slices.DeleteFunc(slices.Clone(eventColumns), func(c string) bool { return c == "bot" })
	case "mail": // which tells machines apart itself, and has no visits
		return []string{"source", "medium", "campaign", "content", "country", "region", "device", "browser", "os", "language"}
	}
	return eventColumns
}

// The values of bot.
const (
	botsOnly = "yes"
	noBots   = "no"
)

// closedDimensions have a fixed set of values.
var closedDimensions = map[string][]string{"bot": {botsOnly, noBots}}

// eventExpressions say what an event has for a column, in SQL over a row of
// events. Without consent to marketing it has no source. page, entry_page and
// bot are no columns of a row: see condition.
var eventExpressions = map[string]string{
	"source":   "multiIf(NOT attributed, '" + NotConsentedLabel + "', source != '', toString(source), toString(channel))",
	"medium":   "if(attributed, toString(medium), '" + NotConsentedLabel + "')",
	"campaign": "if(attributed, toString(campaign), '" + NotConsentedLabel + "')",
	"content":  "if(attributed, toString(content), '" + NotConsentedLabel + "')",
	"term":     "if(attributed, toString(term), '" + NotConsentedLabel + "')",
	"channel":  "if(attributed, toString(channel), '" + NotConsentedLabel + "')",
	"referrer": "if(attributed, toString(referrer_host), '" + NotConsentedLabel + "')",
	"country":  "toString(country)",
	"region":   "toString(region)",
	"device":   "toString(device)",
	"browser":  "toString(browser)",
	"os":       "toString(os)",
	"language": "toString(language)",
	"banner":   "toString(version)", // of notices
}

// CanFilter returns an *Error where a report cannot be filtered so.
func CanFilter(report string, filters []Filter) error {
	return checkFilters(filters, FilterColumns(report))
}
