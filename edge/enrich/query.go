package enrich

import "strings"

// maxParams bounds how many parameters of a query string are looked at.
const maxParams = 128

// eachParam calls f with every name and raw value of a query string, in order,
// until f says stop. A name comes decoded of the "amp;" that broken HTML mail puts
// before it, not percent-decoded: the names looked for here have nothing to encode.
func eachParam(query string, f func(name, value string) (more bool)) {
	for n := 0; query != "" && n < maxParams; n++ {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		name = strings.TrimPrefix(name, "amp;")
		if name != "" && !f(name, value) {
			return
		}
	}
}

// unescape decodes a query value: + is a space, %XX a byte, and a % that begins no
// such thing stands for itself. It allocates only when there is something to decode.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
