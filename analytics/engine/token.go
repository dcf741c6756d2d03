package engine

import (
	"bytes"
	"errors"
	"strings"
)

// token is a piece of SQL that is neither blank nor comment: text[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a keyword or a bare identifier
	tokenQuoted           // 'string', "identifier", `identifier`, $tag$heredoc$tag$
	tokenOther            // a number, a bracket, an operator
)

// errUnfinished reports a string, identifier or comment without an end. Such a
// text is never rewritten.
var errUnfinished = errors.New("a quotation or comment has no end")

// lexer cuts SQL the way ClickHouse's lexer does (src/Parsers/Lexer.cpp): it
// has to agree with it on where strings, comments and heredocs end, and on
// nothing else.
type lexer struct {
	text []byte
	at   int
}

// next returns the next token; tokenEnd at the end of the text.
func (l *lexer) next() (token, error) {
	if err := l.skipBlank(); err != nil {
		return token{}, err
	}
	start := l.at
	if start >= len(l.text) {
		return token{kind: tokenEnd, start: start, end: start}, nil
	}
	t := token{kind: tokenOther, start: start}
	rest := l.text[start:]
	switch c := rest[0]; {
	case c == '\'' || c == '"' || c == '`':
		t.kind = tokenQuoted
		n := quotedLength(rest, c)
		if n == 0 {
			return token{}, errUnfinished
		}
		l.at += n
	case c == '$':
		n, isHeredoc := heredocLength(rest)
		if isHeredoc {
			t.kind = tokenQuoted
		}
		l.at += max(n, 1)
	case isWordStart(c):
		t.kind = tokenWord
		l.at += wordLength(rest)
	case c >= '0' && c <= '9':
		l.at += wordLength(rest)
	case bytes.HasPrefix(rest, []byte("\u2018")) || bytes.HasPrefix(rest, []byte("\u201c")):
		t.kind = tokenQuoted
		n := typographicLength(rest)
		if n == 0 {
			return token{}, errUnfinished
		}
		l.at += n
	default:
		l.at++
	}
	t.end = l.at
	return t, nil
}

// skipBlank passes blanks and comments: "-- …", "// …", "# …", "#!…" to the
// end of the line and "/* … */", which nest.
func (l *lexer) skipBlank() error {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case isBlank(rest[0]):
			l.at++
		case bytes.HasPrefix(rest, []byte("--")), bytes.HasPrefix(rest, []byte("//")),
			bytes.HasPrefix(rest, []byte("# ")), bytes.HasPrefix(rest, []byte("#!")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest) - 1
			}
			l.at += n + 1
		case bytes.HasPrefix(rest, []byte("/*")):
			n := commentLength(rest)
			if n == 0 {
				return errUnfinished
			}
			l.at += n
		default:
			n := unicodeBlankLength(rest)
			if n == 0 {
				return nil
			}
			l.at += n
		}
	}
	return nil
}

// quotedLength is the length of a quotation that starts and ends with quote,
// which is doubled or escaped with a backslash inside; 0 without an end.
func quotedLength(s []byte, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			if i+1 < len(s) && s[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return 0
}

// typographicLength is quotedLength for ‘…’ and “…”, which have no escapes.
func typographicLength(s []byte) int {
	closing := "\u2019"
	if bytes.HasPrefix(s, []byte("\u201c")) {
		closing = "\u201d"
	}
	n := bytes.Index(s, []byte(closing))
	if n < 0 {
		return 0
	}
	return n + len(closing)
}

// heredocLength is the length of $tag$ … $tag$, where the tag may be empty.
// Without a closing tag the dollar is an ordinary character, as it is to
// ClickHouse.
func heredocLength(s []byte) (n int, ok bool) {
	i := 1
	for i < len(s) && isWordByte(s[i]) && s[i] != '$' {
		i++
	}
	if i >= len(s) || s[i] != '$' {
		return wordLength(s), false
	}
	tag := s[:i+1]
	n = bytes.Index(s[i+1:], tag)
	if n < 0 {
		return wordLength(s), false
	}
	return i + 1 + n + len(tag), true
}

// commentLength is the length of a comment in which others may nest; 0 without
// an end.
func commentLength(s []byte) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '/' && s[i+1] == '*':
			depth++
			i++
		case s[i] == '*' && s[i+1] == '/':
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

func wordLength(s []byte) int {
	for i, c := range s {
		if !isWordByte(c) {
			return i
		}
	}
	return len(s)
}

func isWordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isWordByte(c byte) bool {
	return isWordStart(c) || c >= '0' && c <= '9' || c == '$'
}

func isBlank(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

// unicodeBlankLength recognises the blanks beyond ASCII that people paste from
// documents: no-break space, the spaces of U+2000–200D, U+202F, U+205F,
// U+2060, U+3000 and the byte order mark.
func unicodeBlankLength(s []byte) int {
	for _, b := range []string{"\u00a0", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff"} {
		if bytes.HasPrefix(s, []byte(b)) {
			return len(b)
		}
	}
	if len(s) >= 3 && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x80 && s[2] <= 0x8d {
		return 3
	}
	return 0
}

// quoteString writes s as a ClickHouse string literal.
func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// quoteIdentifier writes s as a quoted identifier.
func quoteIdentifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}
