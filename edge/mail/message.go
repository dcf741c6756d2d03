package mail

import (
	"bytes"
	"errors"
	"mime"
	"strings"
)

// MessageResult is an instrumented message.
type MessageResult struct {
	Message []byte
	Headers []Header // as written into the message
	Links   []Link   // of all HTML parts, in their order
	Pixel   bool
	// Parts is how many HTML parts were instrumented, Left how many could not
	// be: in an unknown or damaged encoding, or in one that hides ASCII.
	Parts, Left int
	// Unsubscribe and Choices are the addresses of this recipient's pages.
	Unsubscribe, Choices string
}

// InstrumentMessage does what Instrument does to every HTML part of a message
// as it is sent (RFC 5322 with MIME, RFC 2045 to 2049): the header, other
// parts, boundaries and what stands around them stay byte for byte. A changed
// part keeps its transfer encoding, unless a line grew over 998 bytes (RFC
// 5322 §2.1.1), which makes it quoted-printable.
//
// The message's own List-Unsubscribe and List-Unsubscribe-Post give way to
// ours, which stand at the header's end. Plain text, attachments, messages
// within the message and all that is signed or encrypted are left alone; sign
// (DKIM too) after instrumenting.
func InstrumentMessage(o Options, raw []byte) (MessageResult, error) {
	s, err := newSender(o)
	if err != nil {
		return MessageResult{}, err
	}
	var leave Result
	if err := s.leave(&leave); err != nil {
		return MessageResult{}, err
	}
	m := &message{sender: s, raw: raw, eol: lineEnd(raw)}
	m.result.Headers, m.result.Unsubscribe, m.result.Choices = leave.Headers, leave.Unsubscribe, leave.Choices
	fields, body := readFields(raw, 0, len(raw))
	m.replaceHeaders(fields, body)
	if err := m.entity(fields, body, len(raw), 0); err != nil {
		return MessageResult{}, err
	}
	m.result.Message = m.apply()
	return m.result, nil
}

// message is a message on its way through.
type message struct {
	*sender
	raw    []byte
	eol    string // how its lines end
	edits  []edit
	result MessageResult
}

// edit replaces raw[start:end]. Edits do not overlap and stand in order.
type edit struct {
	start, end int
	with       []byte
}

// field is one header field; value is unfolded.
type field struct {
	name, value string
	start, end  int // from its name to behind its last line break
}

func lineEnd(raw []byte) string {
	if at := bytes.IndexByte(raw, '\n'); at > 0 && raw[at-1] == '\r' || at < 0 {
		return "\r\n"
	}
	return "\n"
}

// line returns where the line at start ends, with and without its break.
func line(raw []byte, start, end int) (text, next int) {
	at := bytes.IndexByte(raw[start:end], '\n')
	if at < 0 {
		return end, end
	}
	next = start + at + 1
	if text = next - 1; text > start && raw[text-1] == '\r' {
		text--
	}
	return text, next
}

// readFields reads the header that begins at start, and where the body begins:
// behind the first empty line, or at the first line that is no field, or at end.
// A first line that is no field (mbox has "From ") is passed over.
func readFields(raw []byte, start, end int) (fields []field, body int) {
	for at := start; at < end; {
		text, next := line(raw, at, end)
		if text == at {
			return fields, next
		}
		content := string(raw[at:text])
		switch name, value, ok := strings.Cut(content, ":"); {
		case (content[0] == ' ' || content[0] == '\t') && len(fields) > 0 && fields[len(fields)-1].end == at:
			last := &fields[len(fields)-1]
			last.value, last.end = strings.TrimSpace(last.value+" "+strings.TrimSpace(content)), next
		case !ok && at > start:
			return fields, at
		case ok && !strings.ContainsAny(strings.TrimRight(name, " \t"), " \t"):
			fields = append(fields, field{strings.ToLower(strings.TrimRight(name, " \t")), strings.TrimSpace(value), at, next})
		}
		at = next
	}
	return fields, end
}

func get(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// replaceHeaders takes the message's list headers out and puts ours in.
func (m *message) replaceHeaders(fields []field, body int) {
	for _, f := range fields {
		if f.name == "list-unsubscribe" || f.name == "list-unsubscribe-post" {
			m.edits = append(m.edits, edit{f.start, f.end, nil})
		}
	}
	var text []byte
	at := m.headerEnd(body)
	if at > 0 && m.raw[at-1] != '\n' {
		text = append(text, m.eol...)
	}
	for _, h := range m.result.Headers {
		text = append(text, h.Name+": "+h.Value+m.eol...)
	}
	m.edits = append(m.edits, edit{at, at, text})
}

// headerEnd is where a header's empty line begins.
func (m *message) headerEnd(body int) int {
	switch {
	case bytes.HasSuffix(m.raw[:body], []byte("\n\r\n")) || string(m.raw[:body]) == "\r\n":
		return body - 2
	case bytes.HasSuffix(m.raw[:body], []byte("\n\n")) || string(m.raw[:body]) == "\n":
		return body - 1
	}
	return body
}

// maxDepth is how deep parts are looked for within parts.
const maxDepth = 16

// entity instruments a message or a part of one, whose body ends at end.
func (m *message) entity(fields []field, body, end, depth int) error {
	kind, params := "text/plain", map[string]string(nil)
	if f, ok := get(fields, "content-type"); ok {
		var err error
		if kind, params, err = mime.ParseMediaType(f.value); err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			return nil // nobody knows what this is
		}
	}
	if f, ok := get(fields, "content-disposition"); ok {
		if how, _, _ := strings.Cut(f.value, ";"); strings.EqualFold(strings.TrimSpace(how), "attachment") {
			return nil
		}
	}
	switch {
	case kind == "text/html":
		return m.html(fields, body, end, params["charset"])
	case kind == "multipart/signed" || kind == "multipart/encrypted" || depth >= maxDepth:
		return nil
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		return m.parts(body, end, params["boundary"], depth)
	}
	return nil
}

// parts walks through a multipart body (RFC 2046 §5.1.1). What stands before
// the first and behind the last delimiter is nobody's.
func (m *message) parts(body, end int, boundary string, depth int) error {
	begun := -1
	for at := body; at < end; {
		text, next := line(m.raw, at, end)
		rest, ok := bytes.CutPrefix(m.raw[at:text], []byte("--"+boundary))
		rest = bytes.TrimRight(rest, " \t")
		if last := string(rest) == "--"; ok && (last || len(rest) == 0) {
			if begun >= 0 {
				if err := m.part(begun, m.beforeBreak(begun, at), depth); err != nil {
					return err
				}
			}
			if begun = next; last {
				return nil
			}
		}
		at = next
	}
	if begun >= 0 { // the last delimiter is missing: the part ends with the body
		return m.part(begun, end, depth)
	}
	return nil
}

// beforeBreak steps back over the line break that belongs to a delimiter.
func (m *message) beforeBreak(start, at int) int {
	if at > start && m.raw[at-1] == '\n' {
		at--
		if at > start && m.raw[at-1] == '\r' {
			at--
		}
	}
	return at
}

func (m *message) part(start, end, depth int) error {
	fields, body := readFields(m.raw, start, end)
	return m.entity(fields, body, end, depth+1)
}

// apply writes the message with its edits.
func (m *message) apply() []byte {
	grown := 0
	for _, e := range m.edits {
		grown += len(e.with)
	}
	out, at := make([]byte, 0, len(m.raw)+grown), 0
	for _, e := range m.edits {
		out = append(append(out, m.raw[at:e.start]...), e.with...)
		at = e.end
	}
	return append(out, m.raw[at:]...)
}
