package enrich

// randomEnd returns the end of the identifier that begins at i, where a word
// begins, or 0: a UUID, a token with separators in it, or a single word.
func randomEnd(text []byte, i int) int {
	if !asciiAlnum(text[i]) || i > 0 && asciiAlnum(text[i-1]) {
		return 0
	}
	if isUUID(text[i:]) {
		return i + 36
	}
	if i == 0 || text[i-1] != '-' && text[i-1] != '_' {
		end := i
		for end < len(text) && (asciiAlnum(text[end]) || text[end] == '-' || text[end] == '_') {
			end++
		}
		if m := mixOf(text[i:end]); m.length >= 20 && m.lower && m.upper && m.digitRuns > 0 && 5*m.changes >= 2*m.length {
			return end
		}
	}
	end := i
	for end < len(text) && asciiAlnum(text[end]) {
		end++
	}
	if randomWord(text[i:end]) {
		return end
	}
	return 0
}

// mix is how a word is made up.
type mix struct {
	length       int
	lower, upper bool
	hex          bool // nothing but hexadecimal digits
	digitRuns    int
	longestRun   int // of digits
	changes      int // between capitals, small letters and digits inside a word
}

func mixOf(word []byte) mix {
	m := mix{length: len(word), hex: true}
	run := 0
	var before byte // class of the byte before: a, A, 0 or none
	for _, c := range word {
		var class byte
		switch {
		case digit(c):
			class = '0'
			if run == 0 {
				m.digitRuns++
			}
			run++
			m.longestRun = max(m.longestRun, run)
		case c >= 'a' && c <= 'z':
			class, m.lower = 'a', true
		case c >= 'A' && c <= 'Z':
			class, m.upper = 'A', true
		}
		if class != '0' {
			run = 0
		}
		if !hexDigit(c) {
			m.hex = false
		}
		if class != 0 && before != 0 && class != before {
			m.changes++
		}
		before = class
	}
	return m
}

// randomWord judges letters and digits without a separator. Names people choose
// (SummerSale2026NewCustomers, iphone15promax) have long stretches of one kind;
// random ones change between kinds at every second or third character.
func randomWord(word []byte) bool {
	if len(word) < 7 {
		return false
	}
	m := mixOf(word)
	switch {
	case m.longestRun >= 7:
		return true
	case m.length >= 16 && m.hex:
		return true
	case m.length < 20:
		return false
	case m.lower && m.upper:
		return m.digitRuns >= 2 || 5*m.changes >= 2*m.length
	default:
		return m.digitRuns >= 3
	}
}

// isUUID reports whether text begins with a UUID (RFC 9562) that ends there.
func isUUID(text []byte) bool {
	if len(text) < 36 || len(text) > 36 && asciiAlnum(text[36]) {
		return false
	}
	for i, c := range text[:36] {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && !hexDigit(c) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func asciiLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func asciiAlnum(c byte) bool { return digit(c) || asciiLetter(c) }

func hexDigit(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// unhex gives the value of a hexadecimal digit.
func unhex(c byte) byte {
	if digit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
