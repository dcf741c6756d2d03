package engine

import "strings"

// sqlText is a statement cut where settings, format and data belong. Only the
// outermost level is looked at; what the statement means is the engine's
// business.
type sqlText struct {
	text       []byte
	verb       string   // first keyword, upper case; "" when the text begins otherwise
	words      []string // the first tokens, upper case; "" for what is not a word
	begin      int      // start of the first token: what precedes is blank or comment
	body       int      // end of the last token: what follows is blank, comment or semicolon
	queryEnd   int      // where INTO OUTFILE, FORMAT or the SETTINGS after it begin; body if none
	format     string   // of the FORMAT clause
	hasTail    bool     // SETTINGS stand behind FORMAT, or end a DELETE or UPDATE
	outfile    bool     // INTO OUTFILE or FROM INFILE stands in it
	insert     *insertText
	unfinished bool
}

// insertText tells the parts of INSERT INTO target [(columns)] [SETTINGS …]
// data.
type insertText struct {
	head        int    // end of the part before FORMAT, VALUES, SELECT …
	hasSettings bool   // that part ends with a SETTINGS clause
	format      string // of the data that follows; "" when it comes from a query
	data        int    // where the data begins
}

// scanSQL cuts text. It never fails: a text it cannot cut is left as it is, to
// be refused by the engine with a better message.
func scanSQL(text []byte) sqlText {
	s := sqlText{text: text}
	l := &lexer{text: text}
	tokens, err := s.scan(l)
	if err != nil {
		s.unfinished = true
		s.body, s.queryEnd = len(text), len(text)
		return s
	}
	if s.insert != nil {
		return s
	}
	s.cutTail(tokens)
	return s
}

// levelToken is a token outside of all brackets.
type levelToken struct {
	token
	word string // upper case; "" when it is not a word
}

// scan reads the outermost tokens. An INSERT is read only up to its data,
// which may be anything.
func (s *sqlText) scan(l *lexer) ([]levelToken, error) {
	var tokens []levelToken
	depth := 0
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.kind == tokenEnd {
			return tokens, nil
		}
		c := l.text[t.start]
		if t.kind == tokenOther && c == ';' && depth == 0 {
			continue
		}
		if s.body == 0 {
			s.begin = t.start
		}
		s.body = t.end
		if t.kind == tokenOther && (c == ')' || c == ']' || c == '}') {
			depth--
		}
		if depth == 0 {
			lt := levelToken{token: t}
			if t.kind == tokenWord {
				lt.word = strings.ToUpper(string(l.text[t.start:t.end]))
			}
			tokens = append(tokens, lt)
			s.name(lt.word)
			if s.verb == "INSERT" && s.scanInsert(l, tokens) {
				return tokens, nil
			}
		}
		if t.kind == tokenOther && (c == '(' || c == '[' || c == '{') {
			depth++
		}
	}
}

// name records the first words.
func (s *sqlText) name(word string) {
	if len(s.words) == 0 {
		s.verb = word
	}
	if len(s.words) < 4 {
		s.words = append(s.words, word)
	}
}

// makesTemporary reports CREATE [OR REPLACE] TEMPORARY ….
func (s *sqlText) makesTemporary() bool {
	words := s.words
	if len(words) > 3 && words[1] == "OR" {
		words = words[2:]
	}
	return s.verb == "CREATE" && len(words) > 1 && words[1] == "TEMPORARY"
}

// scanInsert looks whether the last token begins the data of an INSERT.
func (s *sqlText) scanInsert(l *lexer, tokens []levelToken) bool {
	n := len(tokens)
	last := tokens[n-1]
	if n < 3 || isTargetName(l.text, tokens) {
		return false
	}
	switch last.word {
	case "INFILE":
		s.outfile = true
	case "SELECT", "WITH", "WATCH":
		s.insert = &insertText{head: tokens[n-2].end, data: len(l.text)}
	case "VALUES":
		s.insert = &insertText{head: tokens[n-2].end, format: "Values", data: last.end}
	case "FORMAT":
		name, err := l.next()
		if err != nil || name.kind != tokenWord {
			return false
		}
		s.insert = &insertText{head: tokens[n-2].end, format: string(l.text[name.start:name.end]), data: dataStart(l.text, name.end)}
	default:
		return false
	}
	if s.insert != nil {
		s.insert.hasSettings = endsWithSettings(tokens[:n-1])
		s.body, s.queryEnd = len(l.text), len(l.text)
	}
	return s.insert != nil
}

// isTargetName reports whether the last token is the name of the table, which
// may be spelled like a keyword: it follows INTO, TABLE, FUNCTION or a dot.
func isTargetName(text []byte, tokens []levelToken) bool {
	before := tokens[len(tokens)-2]
	if before.kind == tokenOther && text[before.start] == '.' {
		return true
	}
	switch before.word {
	case "INTO", "TABLE", "FUNCTION":
		return len(tokens) <= 4
	}
	return false
}

// endsWithSettings reports whether a SETTINGS clause stands among the tokens
// after the table's name.
func endsWithSettings(tokens []levelToken) bool {
	for i := 3; i < len(tokens); i++ {
		if tokens[i].word == "SETTINGS" {
			return true
		}
	}
	return false
}

// dataStart skips the blanks between a format's name and the data: any blanks
// of the line and one line end.
func dataStart(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// cutTail finds the FORMAT and SETTINGS clauses at the end of a statement.
func (s *sqlText) cutTail(tokens []levelToken) {
	s.queryEnd = s.body
	n := len(tokens)
	for i := n - 1; i >= 1; i-- {
		switch tokens[i].word {
		case "FORMAT":
			// The clause is FORMAT name, then nothing or SETTINGS.
			if s.format == "" && i+1 < n && tokens[i+1].kind == tokenWord && (i+2 == n || tokens[i+2].word == "SETTINGS") &&
				!namesTable(s.text, tokens[i-1]) {
				s.format = string(s.text[tokens[i+1].start:tokens[i+1].end])
				s.hasTail = i+2 < n
				s.queryEnd = tokens[i].start
			}
		case "OUTFILE":
			s.outfile = s.outfile || tokens[i-1].word == "INTO"
		case "SETTINGS":
			if (s.verb == "DELETE" || s.verb == "UPDATE") && isAssignment(s.text, tokens[i+1:]) {
				s.hasTail = true
			}
		}
	}
}

// keepValues makes the rows of INSERT … VALUES a part of the statement, which
// parameters among them need.
func (s *sqlText) keepValues() {
	if s.insert != nil && s.insert.format == "Values" {
		s.insert.format = ""
	}
}

// namesTable reports whether what follows t is a name, whatever its spelling.
func namesTable(text []byte, t levelToken) bool {
	switch t.word {
	case "FROM", "JOIN", "TABLE", "AS":
		return true
	}
	return t.kind == tokenOther && (text[t.start] == '.' || text[t.start] == ',')
}

// isAssignment reports whether tokens begin with name = value.
func isAssignment(text []byte, tokens []levelToken) bool {
	return len(tokens) > 2 && tokens[0].kind == tokenWord && text[tokens[1].start] == '='
}

// rewrite puts the settings, and for a query the output format, where the
// statement takes them; tag is a comment in front that marks the statement.
// The data of an INSERT is left out.
func (s *sqlText) rewrite(tag, format string, settings []setting) string {
	var b strings.Builder
	b.WriteString(tag)
	switch {
	case s.unfinished:
		b.Write(s.text)
	case s.insert != nil && s.insert.format != "":
		b.Write(s.text[:s.insert.head])
		writeSettings(&b, s.insert.hasSettings, settings)
	case s.insert != nil:
		b.Write(s.text[:s.insert.head])
		writeSettings(&b, s.insert.hasSettings, settings)
		b.WriteByte('\n')
		b.Write(s.text[s.insert.head:])
	default:
		b.Write(s.text[:s.body])
		if len(settings) == 0 {
			break
		}
		switch place := tailOf[s.verb]; {
		case place == tailNone:
		case place == tailFormat && s.format == "":
			b.WriteString("\nFORMAT " + format)
			writeSettings(&b, false, settings)
		default:
			writeSettings(&b, s.hasTail, settings)
		}
	}
	return b.String()
}

// bare is the query without its FORMAT clause and what follows it, nor what
// precedes it.
func (s *sqlText) bare() string { return string(s.text[s.begin:s.queryEnd]) }

func writeSettings(b *strings.Builder, more bool, settings []setting) {
	for i, v := range settings {
		switch {
		case i == 0 && !more:
			b.WriteString("\nSETTINGS ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(v.name + " = " + quoteString(v.value))
	}
}

// Where a statement takes its settings.
type tail int

const (
	tailNone     tail = iota // nowhere: they are left out
	tailFormat               // behind FORMAT name
	tailSettings             // at its end
)

// tailOf says by its first keyword where a statement takes settings; a query
// may also begin with a bracket. Statements that are not listed (SYSTEM,
// GRANT, BACKUP …) take none for the query.
var tailOf = map[string]tail{
	"": tailFormat, "SELECT": tailFormat, "WITH": tailFormat, "FROM": tailFormat, "SHOW": tailFormat,
	"DESCRIBE": tailFormat, "DESC": tailFormat, "EXPLAIN": tailFormat, "EXISTS": tailFormat, "CHECK": tailFormat,
	"CREATE": tailFormat, "ALTER": tailFormat, "DROP": tailFormat, "TRUNCATE": tailFormat, "RENAME": tailFormat,
	"OPTIMIZE": tailFormat, "KILL": tailFormat,
	"DELETE": tailSettings, "UPDATE": tailSettings,
}
