package enrich

import "strings"

// Language is the visitor's first language by Accept-Language (RFC 9110, 12.5.4),
// as a BCP 47 tag of at most language, script and region in their usual case:
// "zh-CN", "zh-Hant-TW", "en". Of equal weights the first wins; weight 0, the
// wildcard and whatever is malformed count for nothing; "" when nothing is left.
//
// Variants and extensions are dropped: they say little about a language and much
// about a person. At most 16 ranges are looked at.
func Language(acceptLanguage string) string {
	best, bestWeight := "", 0
	rest := acceptLanguage
	for ranges := 0; rest != "" && ranges < 16; ranges++ {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		tag, params, _ := strings.Cut(item, ";")
		weight := quality(params)
		if weight <= bestWeight {
			continue
		}
		if tag, ok := languageTag(strings.Trim(tag, " \t")); ok {
			best, bestWeight = tag, weight
		}
	}
	return best
}

// quality reads ";q=0.8" in thousandths; a malformed one counts as 0.
func quality(params string) int {
	params = strings.Trim(params, " \t")
	if params == "" {
		return 1000
	}
	value, ok := cutPrefixFold(params, "q=")
	if !ok || value == "" || len(value) > 5 || (value[0] != '0' && value[0] != '1') {
		return 0
	}
	weight := int(value[0]-'0') * 1000
	if len(value) > 1 {
		if value[1] != '.' {
			return 0
		}
		scale := 100
		for i := 2; i < len(value); i++ {
			if value[i] < '0' || value[i] > '9' {
				return 0
			}
			weight += int(value[i]-'0') * scale
			scale /= 10
		}
	}
	return min(weight, 1000)
}

// languageTag brings language[-Script][-REGION] into its usual case (RFC 5646,
// 2.1.1) and drops the rest.
func languageTag(s string) (string, bool) {
	var out [12]byte // "yue-Hant-419"
	language, rest, _ := strings.Cut(s, "-")
	if len(language) < 2 || len(language) > 3 || !letters(language) {
		return "", false
	}
	n := appendCased(out[:0], language, false)
	part, after, _ := strings.Cut(rest, "-")
	if len(part) == 4 && letters(part) {
		n = appendCased(append(n, '-'), part, true)
		part, _, _ = strings.Cut(after, "-")
	}
	switch {
	case len(part) == 2 && letters(part):
		n = append(n, '-', part[0]&^0x20, part[1]&^0x20)
	case len(part) == 3 && part[0] >= '0' && part[0] <= '9' && part[1] >= '0' && part[1] <= '9' && part[2] >= '0' && part[2] <= '9':
		n = append(append(n, '-'), part...)
	}
	return string(n), true
}

func letters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// appendCased appends ASCII letters in lower case, the first as a capital if title.
func appendCased(to []byte, s string, title bool) []byte {
	for i := range len(s) {
		c := s[i] | 0x20
		if title && i == 0 {
			c &^= 0x20
		}
		to = append(to, c)
	}
	return to
}
