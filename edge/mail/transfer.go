package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
)

// Transfer encodings of a part (RFC 2045 §6).
const (
	encodingNone            = ""
	encodingQuotedPrintable = "quoted-printable"
	encodingBase64          = "base64"
)

// longestLine is what a line of mail may hold in bytes (RFC 5322 §2.1.1).
const longestLine = 998

// hidesASCII tells encodings in which a byte of ASCII may be half a letter, or
// an ASCII letter several bytes: tags cannot be found in them.
func hidesASCII(charset string) bool {
	charset = strings.ToLower(charset)
	for _, family := range []string{"utf-16", "utf16", "utf-32", "utf32", "utf-7", "utf7", "ucs-", "iso-2022-", "hz-gb", "cp037", "ibm037", "ebcdic"} {
		if strings.HasPrefix(charset, family) {
			return true
		}
	}
	return false
}

// html instruments an HTML part and notes the edits.
func (m *message) html(fields []field, body, end int, charset string) error {
	f, hasEncoding := get(fields, "content-transfer-encoding")
	encoding := strings.ToLower(f.value)
	if encoding == "7bit" || encoding == "8bit" || encoding == "binary" {
		encoding = encodingNone
	}
	text, ok := decodeTransfer(encoding, m.raw[body:end])
	if !ok || hidesASCII(charset) {
		m.result.Left++
		return nil
	}
	done, err := m.instrument(text, !m.result.Pixel)
	if err != nil {
		return err
	}
	m.result.Parts++
	m.result.Links = append(m.result.Links, done.Links...)
	m.result.Pixel = m.result.Pixel || done.Pixel
	if bytes.Equal(done.HTML, text) {
		return nil
	}
	if encoding == encodingNone && hasLongLine(done.HTML) && !hasLongLine(text) {
		encoding = encodingQuotedPrintable
		named := edit{m.headerEnd(body), m.headerEnd(body), []byte("Content-Transfer-Encoding: quoted-printable" + m.eol)}
		if hasEncoding {
			named.start, named.end = f.start, f.end
		}
		m.insert(named)
	}
	m.edits = append(m.edits, edit{body, end, m.encodeTransfer(encoding, done.HTML, m.raw[body:end])})
	return nil
}

// insert adds an edit of a header, which may stand before one that the
// message's own header got already.
func (m *message) insert(e edit) {
	at := len(m.edits)
	for at > 0 && m.edits[at-1].start >= e.end && m.edits[at-1].end > e.start {
		at--
	}
	m.edits = append(m.edits[:at], append([]edit{e}, m.edits[at:]...)...)
}

func hasLongLine(text []byte) bool {
	for len(text) > longestLine {
		at := bytes.IndexByte(text[:longestLine+2], '\n')
		if at < 0 {
			return true
		}
		text = text[at+1:]
	}
	return false
}

// decodeTransfer reads a body; false where it is damaged or in an encoding
// that there is not.
func decodeTransfer(encoding string, body []byte) ([]byte, bool) {
	switch encoding {
	case encodingNone:
		return body, true
	case encodingQuotedPrintable:
		text, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return text, err == nil
	case encodingBase64:
		packed := bytes.Map(func(r rune) rune {
			if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
				return -1
			}
			return r
		}, body)
		text, err := base64.StdEncoding.Strict().AppendDecode(nil, packed)
		return text, err == nil
	}
	return nil, false
}

// encodeTransfer writes text in a part's encoding, with the message's line
// ends, and ends as the part it replaces did.
func (m *message) encodeTransfer(encoding string, text, replaced []byte) []byte {
	switch encoding {
	case encodingQuotedPrintable:
		return m.quotedPrintable(text)
	case encodingBase64:
		const width = 76
		packed := base64.StdEncoding.EncodeToString(text)
		out := make([]byte, 0, len(packed)+len(packed)/width*2+2)
		for len(packed) > width {
			out = append(append(out, packed[:width]...), m.eol...)
			packed = packed[width:]
		}
		out = append(out, packed...)
		if bytes.HasSuffix(replaced, []byte("\n")) {
			out = append(out, m.eol...)
		}
		return out
	}
	return text
}

func (m *message) quotedPrintable(text []byte) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	// A carriage return alone is no line break and must stay what it is.
	w.Binary = bytes.Count(text, []byte{'\r'}) != bytes.Count(text, []byte("\r\n"))
	_, _ = w.Write(text) // a Buffer takes everything
	_ = w.Close()
	if m.eol == "\n" {
		return bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n"))
	}
	return out.Bytes()
}
