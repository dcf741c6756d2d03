package mail

import (
	"net/url"
	"strings"

	"github.com/kunjicloud/kunji/edge/event"
)

// utmTags writes a campaign as query parameters.
func utmTags(c event.Campaign) string {
	var b strings.Builder
	for _, tag := range [...][2]string{
		{"utm_source", c.Source},
		{"utm_medium", c.Medium},
		{"utm_campaign", c.Name},
		{"utm_content", c.Content},
		{"utm_term", c.Term},
		{"utm_id", c.ID},
	} {
		if tag[1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(tag[0] + "=" + url.QueryEscape(tag[1]))
	}
	return b.String()
}

// AddTags puts a campaign's UTM tags into a destination, before its fragment.
// It reports false, and changes nothing, where query or fragment has one
// already.
func AddTags(destination string, c event.Campaign) (string, bool) {
	return addTags(destination, utmTags(c))
}

func (s *sender) tagged(destination string) (string, bool) { return addTags(destination, s.tags) }

func addTags(destination, tags string) (string, bool) {
	address, fragment, hasFragment := strings.Cut(destination, "#")
	_, query, hasQuery := strings.Cut(address, "?")
	if hasUTM(query) || hasUTM(fragment) {
		return destination, false
	}
	switch {
	case !hasQuery:
		address += "?"
	case query != "" && !strings.HasSuffix(query, "&"):
		address += "&"
	}
	address += tags
	if hasFragment {
		address += "#" + fragment
	}
	return address, true
}

func hasUTM(query string) bool {
	for rest := strings.ToLower(query); ; {
		at := strings.Index(rest, "utm_")
		if at < 0 {
			return false
		}
		if at == 0 || strings.IndexByte("&;?#", rest[at-1]) >= 0 {
			return true
		}
		rest = rest[at+len("utm_"):]
	}
}
