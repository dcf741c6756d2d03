package enrich

import "net/netip"

// Redacted stands where Redact took something out.
const Redacted = ":redacted"

// maxSegment is the most decoded bytes between two delimiters that Redact looks
// into; a longer one is no word and is taken out whole.
const maxSegment = 768

// Redact takes out of a URL's path, a campaign's name or any other short free
// text what may name a person or a device, and puts ":redacted" there:
//
//	mail addresses                 /u/ann@example.org/x   → /u/:redacted/x
//	IPv4, IPv6, MAC addresses      from 203.0.113.7       → from :redacted
//	runs of 7 digits and more      /order/A12345678       → /order/:redacted
//	hexadecimal words of 16        /s/9f86d081884c7d65    → /s/:redacted
//	UUIDs                          id-550e8400-e29b-…     → id-:redacted
//	random words of 20             /r/dGhpc0lzQVRva2VuMQ4 → /r/:redacted
//
// Percent-encoded forms count as what they stand for, however often encoded. A
// mail address takes the text between two delimiters (space / ? & = , ; and
// brackets) with it, everything else its word. A word counts as random when it
// mixes capitals, small letters and digits in the way of base64, or letters with
// three or more runs of digits; see random.
//
// Redact(Redact(s)) is Redact(s), and s is returned without an allocation when
// there is nothing to take out.
func Redact(s string) string {
	for range passes {
		once := redactOnce(s)
		if once == s {
			break
		}
		s = once
	}
	return s
}

// passes bounds how often Redact looks: what is left beside something that went may
// be found by itself. The third pass mostly finds nothing.
const passes = 8

func redactOnce(s string) string {
	if !suspicious(s) {
		return s
	}
	var out []byte
	kept := 0 // s[:kept] is already in out
	var seg segment
	for at := 0; at < len(s); {
		seg.read(s, at)
		seg.judge()
		for _, cut := range seg.cuts {
			out = append(append(out, s[kept:cut.from]...), Redacted...)
			kept = cut.to
		}
		at = seg.next
	}
	if out == nil {
		return s
	}
	return string(append(out, s[kept:]...))
}

// redactCapped redacts s and cuts it to limit bytes. A word that the bound on
// Redact's work would split is dropped, so that half a mail address cannot pass.
func redactCapped(s string, limit int) string {
	if bound := limit + 256; len(s) > bound {
		s = truncate(s, bound)
		end := len(s)
		for end > 0 && !delimiter(s[end-1]) {
			end--
		}
		if s = s[:end]; s == "" {
			return Redacted
		}
	}
	return truncate(clean(Redact(s)), limit)
}

// suspicious is a cheap look at s that most paths and names do not pass: is there
// anything at all that judge could find? A word is letters and digits, a run is
// words joined by - and _; UUIDs and tokens of several words have digits in them.
func suspicious(s string) bool {
	word, run, digits, dots := 0, 0, 0, 0
	runDigit := false
	for i := range len(s) {
		c := s[i]
		switch {
		case digit(c):
			digits++
			word++
			run++
			runDigit = true
		case asciiLetter(c):
			digits = 0
			word++
			run++
		case c == '-' || c == '_':
			digits, word = 0, 0
			run++
		case c == '@' || c == '%' || c == ':' || c == 0xEF: // 0xEF begins ＠
			return true
		case c == '.':
			dots++
			digits, word, run, runDigit = 0, 0, 0, false
		default:
			digits, word, run, dots, runDigit = 0, 0, 0, 0, false
		}
		if digits >= 7 || word >= 16 || dots >= 3 || run >= 20 && runDigit {
			return true
		}
	}
	return false
}

// segment is the text between two delimiters, decoded, with the way back.
type segment struct {
	text [maxSegment]byte
	from [maxSegment + 1]int32 // offset in the source of each decoded byte, and of the end
	len  int
	end  int // offset in the source behind the segment
	next int // offset in the source where the next one begins
	long bool
	cuts []span // in order, apart from each other
}

// span is a range [from,to) of offsets in the source.
type span struct{ from, to int }

// read decodes the segment of s that begins at at.
func (g *segment) read(s string, at int) {
	g.len, g.long, g.cuts = 0, false, g.cuts[:0]
	for at < len(s) {
		c, width := decoded(s[at:])
		if delimiter(c) {
			g.end, g.next = at, at+width
			g.from[g.len] = int32(at)
			return
		}
		if g.len == maxSegment {
			// Nothing more fits: leave the rest of it unread, taken out as a whole.
			g.long = true
		} else {
			g.text[g.len], g.from[g.len] = c, int32(at)
			g.len++
		}
		at += width
	}
	g.end, g.next = at, at
	g.from[g.len] = int32(at)
}

// decoded gives the byte that s begins with, through any number of percent
// encodings (%40, %2540), and how many bytes of s stand for it.
func decoded(s string) (c byte, width int) {
	if s[0] != '%' {
		return s[0], 1
	}
	i := 1
	for len(s) >= i+4 && s[i] == '2' && s[i+1] == '5' && hexDigit(s[i+2]) && hexDigit(s[i+3]) {
		i += 2
	}
	if len(s) < i+2 || !hexDigit(s[i]) || !hexDigit(s[i+1]) {
		return '%', 1
	}
	return unhex(s[i])<<4 | unhex(s[i+1]), i + 2
}

// delimiter ends a segment. Characters that mail addresses use in earnest are not
// among them.
func delimiter(c byte) bool {
	switch c {
	case '/', '?', '&', '=', ',', ';', '|', '(', ')', '<', '>', '"', '[', ']', '{', '}', '\\', 0x7f:
		return true
	}
	return c <= ' '
}

// cut marks decoded bytes [from,to) for removal. Calls come in order; a range that
// touches the one before joins it.
func (g *segment) cut(from, to int) {
	a, b := int(g.from[from]), int(g.from[to])
	if last := len(g.cuts) - 1; last >= 0 && a <= g.cuts[last].to {
		g.cuts[last].to = max(b, g.cuts[last].to)
		return
	}
	g.cuts = append(g.cuts, span{a, b})
}

// judge finds what must go.
func (g *segment) judge() {
	if g.len == 0 {
		return
	}
	text := g.text[:g.len]
	if g.long || hasMail(text) {
		g.cuts = append(g.cuts, span{int(g.from[0]), g.end})
		return
	}
	for i := 0; i < len(text); {
		to := addressEnd(text, i)
		for to > 0 && to < len(text) && asciiAlnum(text[to]) {
			to++ // the rest of its word, which would be no word of its own
		}
		if to == 0 {
			to = randomEnd(text, i)
		}
		if to == 0 {
			i++
			continue
		}
		g.cut(i, to)
		i = to
	}
}

// hasMail reports an @ with something on both sides. A leading @ is a handle
// (/@kunji), which names a page.
func hasMail(text []byte) bool {
	for i := 1; i < len(text)-1; i++ {
		if text[i] == '@' {
			return true
		}
		if text[i] == 0xEF && i < len(text)-3 && text[i+1] == 0xBC && text[i+2] == 0xA0 { // ＠
			return true
		}
	}
	return false
}

// addressEnd returns the end of the IPv4, IPv6 or MAC address that begins at i, or
// 0. An IPv4 address may follow a letter (ip203.0.113.7), the others may not.
func addressEnd(text []byte, i int) int {
	c := text[i]
	quad := digit(c) && (i == 0 || !digit(text[i-1]))
	colon := (hexDigit(c) || c == ':') && (i == 0 || !asciiAlnum(text[i-1]))
	if colon {
		end, colons, double := i, 0, false
		for end < min(len(text), i+maxColonAddress) && (hexDigit(text[end]) || text[end] == ':' || text[end] == '.') {
			if text[end] == ':' {
				colons++
				double = double || end > i && text[end-1] == ':'
			}
			end++
		}
		if double || colons >= 5 { // a MAC address has 5, IPv6 without :: 6 or 7
			if to := colonAddressEnd(text, i, end); to > 0 {
				return to
			}
		}
	}
	if quad {
		return quadEnd(text, i)
	}
	return 0
}

// maxColonAddress is the length of ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255
// and of a colon behind it.
const maxColonAddress = 46

// colonAddressEnd checks text[i:end], hexadecimal digits, colons and dots.
func colonAddressEnd(text []byte, i, end int) int {
	if end < len(text) && asciiAlnum(text[end]) {
		return 0
	}
	for stop := end; stop > i+1; stop-- {
		part := text[i:stop]
		if addr, err := netip.ParseAddr(string(part)); err == nil && addr.Is6() || isMAC(part) {
			return stop
		}
		if c := text[stop-1]; c != ':' && c != '.' {
			break
		}
	}
	return 0
}

func isMAC(part []byte) bool {
	if len(part) != 17 {
		return false
	}
	for i, c := range part {
		if (i%3 == 2) != (c == ':') || i%3 != 2 && !hexDigit(c) {
			return false
		}
	}
	return true
}

// quadEnd returns the end of the dotted quad that begins at i, or 0.
func quadEnd(text []byte, i int) int {
	at := i
	for part := range 4 {
		if part > 0 {
			if at >= len(text) || text[at] != '.' {
				return 0
			}
			at++
		}
		value, start := 0, at
		for at < len(text) && digit(text[at]) && at-start < 4 {
			value = value*10 + int(text[at]-'0')
			at++
		}
		if at == start || at-start > 3 || value > 255 {
			return 0
		}
	}
	return at
}
