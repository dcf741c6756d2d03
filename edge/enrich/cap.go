package enrich

import (
	"strings"
	"unicode/utf8"
)

// truncate cuts s to at most limit bytes, at a rune's boundary.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// clean makes s fit to be stored: valid UTF-8 without control characters. It
// allocates only for those that are not.
func clean(s string) string {
	fit := utf8.ValidString(s)
	for i := 0; fit && i < len(s); i++ {
		fit = s[i] >= ' ' && s[i] != 0x7f
	}
	if fit {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}
