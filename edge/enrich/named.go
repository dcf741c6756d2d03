package enrich

import "strings"

// NamedSource is the source of a hit whose link names it, as ParseSource would
// read the same names from the utm fields of an address: in the same spelling,
// with the same channel, and nothing that Redact finds. Without any name it is
// (direct).
func NamedSource(source, medium, campaign, content, term, id string) Source {
	s := Source{
		Source: namedValue(source, true), Medium: namedValue(medium, true), Campaign: namedValue(campaign, false),
		Content: namedValue(content, false), Term: namedValue(term, false), CampaignID: namedValue(id, false),
	}
	s.attribute(platform{}, 0)
	s.Channel = channelOf(s)
	return s
}

// namedValue makes a name fit to be kept.
func namedValue(name string, lower bool) string {
	value := strings.TrimSpace(redactCapped(name, maxValue))
	if lower {
		value = truncate(strings.ToLower(value), maxValue)
	}
	return strings.Clone(value)
}
