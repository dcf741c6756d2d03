package mail

import "bytes"

// longestName is the longest tag name that means anything here.
const longestName = 16

// tagName appends the name at the front of a tag's inside in lower case; at
// most longestName bytes of it, more than any name that is asked for.
func tagName(to, inside []byte) []byte {
	for _, c := range inside {
		if space(c) || c == '/' || c == '>' || len(to) == longestName {
			break
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		to = append(to, c)
	}
	return to
}

// attribute is where one attribute stands in a start tag's bytes.
type attribute struct {
	start, nameEnd  int
	value, valueEnd int  // within the quotes; equal where there is none
	end             int  // behind the closing quote
	quoted          bool // the value stands in quotes
}

// attributes appends the attributes of a start tag, `<` to `>`, in their
// order. It follows the states of the HTML standard (13.2.5.32 to 13.2.5.39)
// and finds what package html finds, which does not tell where.
func attributes(to []attribute, tag []byte) []attribute {
	i := 1
	for i < len(tag) && !space(tag[i]) && tag[i] != '/' && tag[i] != '>' {
		i++
	}
	for {
		for i < len(tag) && (space(tag[i]) || tag[i] == '/') {
			i++
		}
		if i >= len(tag) || tag[i] == '>' {
			return to
		}
		a := attribute{start: i}
		for i++; i < len(tag) && !space(tag[i]) && tag[i] != '/' && tag[i] != '>' && tag[i] != '='; i++ { //nolint:revive // the first byte may be =
		}
		a.nameEnd, a.value, a.valueEnd, a.end = i, i, i, i
		for i < len(tag) && space(tag[i]) {
			i++
		}
		if i < len(tag) && tag[i] == '=' {
			i = a.readValue(tag, i+1)
		}
		to = append(to, a)
	}
}

// is reports whether a is the attribute that package html read as key and
// value, as far as no entity stands in the value.
func (a *attribute) is(tag, key, value []byte) bool {
	raw := tag[a.value:a.valueEnd]
	if special := bytes.IndexAny(raw, "&\r\x00"); special >= 0 {
		return bytes.EqualFold(tag[a.start:a.nameEnd], key) && bytes.HasPrefix(value, raw[:special])
	}
	return bytes.EqualFold(tag[a.start:a.nameEnd], key) && bytes.Equal(raw, value)
}

// readValue reads what stands behind the equals sign and returns where the
// search for the next attribute goes on.
func (a *attribute) readValue(tag []byte, i int) int {
	for i < len(tag) && space(tag[i]) {
		i++
	}
	switch {
	case i >= len(tag) || tag[i] == '>':
		a.value, a.valueEnd, a.end = i, i, i
		return i
	case tag[i] == '"' || tag[i] == '\'':
		quote := tag[i]
		a.quoted, a.value = true, i+1
		for i++; i < len(tag) && tag[i] != quote; i++ { //nolint:revive // looks for the end
		}
		a.valueEnd, a.end = i, min(i+1, len(tag))
		return a.end
	}
	a.value = i
	for i < len(tag) && !space(tag[i]) && tag[i] != '>' {
		i++
	}
	a.valueEnd, a.end = i, i
	return i
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
