package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime"
)

func instrumentMessage(t testing.TB, o Options, raw string) MessageResult {
	t.Helper()
	got, err := InstrumentMessage(o, []byte(raw))
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return got
}

// headers is what a message's header ends with.
func headers(r MessageResult, eol string) string {
	text := ""
	for _, h := range r.Headers {
		text += h.Name + ": " + h.Value + eol
	}
	return text
}

const alternative = "From: a@shop.example\r\nList-Unsubscribe: <https://old.example/>,\r\n <mailto:old@shop.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"=_out\"\r\nlist-unsubscribe-post: x\r\n\r\n" +
	"preamble --=_out\r\n--=_out\r\nContent-Type: multipart/alternative; boundary=\"=_in\"\r\n\r\n" +
	"--=_in\r\nContent-Type: text/plain\r\n\r\nhttps://shop.example/ as text\r\n" +
	"--=_in  \r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: ENCODING\r\n\r\nBODY\r\n" +
	"--=_in--\r\nbetween\r\n--=_out\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n<a href=\"https://shop.example/\">x</a>\r\n" +
	"--=_out-not\r\n--=_out--\r\n<a href=\"https://shop.example/\">epilogue</a>\r\n"

// TestMessageStaysAroundItsHTML: in each transfer encoding, only the header's
// end and the HTML part differ.
func TestMessageStaysAroundItsHTML(t *testing.T) {
	o := optionsFor(newRing(t))
	const text = "<html><body>\r\n<p>Gr\u00fc\u00dfe = <a href=\"https://shop.example/a?b=1&amp;c=2\">x</a></p>\r\n</body></html>\r\n"
	for encoding, body := range map[string]string{
		"8bit":             text,
		"quoted-printable": strings.NewReplacer("=", "=3D", "\u00fc", "=C3=BC", "\u00df", "=C3=9F").Replace(text),
		"BASE64":           base64.StdEncoding.EncodeToString([]byte(text)[:57]) + "\r\n" + base64.StdEncoding.EncodeToString([]byte(text)[57:]),
	} {
		for _, eol := range []string{"\r\n", "\n"} {
			raw := strings.ReplaceAll(strings.NewReplacer("ENCODING", encoding, "BODY", body).Replace(alternative), "\r\n", eol)
			got := instrumentMessage(t, o, raw)
			if got.Parts != 1 || got.Left != 0 || !got.Pixel || len(got.Links) != 1 || got.Links[0].Decision != Tracked {
				t.Errorf("%s: %+v", encoding, got.Links)
			}
			message := string(got.Message)
			want := strings.ReplaceAll(strings.NewReplacer("ENCODING", encoding, "BODY", "\x00").Replace(alternative), "\r\n", eol)
			want = strings.Replace(want, "List-Unsubscribe: <https://old.example/>,"+eol+" <mailto:old@shop.example>"+eol, "", 1)
			want = strings.Replace(want, "list-unsubscribe-post: x"+eol, headers(got, eol), 1)
			head, tail, _ := strings.Cut(want, "\x00")
			if !strings.HasPrefix(message, head) || !strings.HasSuffix(message, tail) {
				t.Fatalf("%s %q: the message became\n%s", encoding, eol, message)
			}
			part := message[len(head) : len(message)-len(tail)]
			decoded, ok := decodeTransfer(strings.ToLower(strings.TrimSuffix(encoding, "8bit")), []byte(part))
			whole := strings.ReplaceAll(string(decoded), "\r\n", "\n")
			original := strings.ReplaceAll(text, "\r\n", "\n")
			if !ok || whole[:strings.Index(whole, "https:")] != original[:strings.Index(original, "https:")] || !strings.HasSuffix(whole, "alt=\"\"></body></html>\n") {
				t.Errorf("%s: the part became %q", encoding, whole)
			}
			if eol == "\n" && strings.Contains(message, "\r") {
				t.Errorf("%s: line ends changed", encoding)
			}
		}
	}
}

func TestMessageLeftAlone(t *testing.T) {
	o := optionsFor(newRing(t))
	const link = "<a href=\"https://shop.example/\">x</a>"
	for name, c := range map[string]struct {
		raw  string
		left int
	}{
		"plain text":         {"Subject: x\r\n\r\nhttps://shop.example/ " + link, 0},
		"signed":             {"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + link + "\r\n--b--\r\n", 0},
		"within a message":   {"Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n" + link, 0},
		"no boundary":        {"Content-Type: multipart/mixed\r\n\r\n" + link, 0},
		"unknown type":       {"Content-Type: ;;;\r\n\r\n" + link, 0},
		"unknown encoding":   {"Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n" + link, 1},
		"damaged base64":     {"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGE*", 1},
		"an hidden ASCII":    {"Content-Type: text/html; charset=ISO-2022-JP\r\n\r\n" + link, 1},
		"header only":        {"Subject: x\r\n", 0},
		"header without end": {"Subject: x", 0},
		"nothing":            {"", 0},
	} {
		got := instrumentMessage(t, o, c.raw)
		head, body, _ := strings.Cut(c.raw, "\r\n\r\n")
		eol := "\r\n"
		if strings.HasSuffix(head, eol) || head == "" {
			eol = ""
		}
		want := head + eol + headers(got, "\r\n")
		if strings.Contains(c.raw, "\r\n\r\n") {
			want += "\r\n" + body
		}
		if string(got.Message) != want || got.Left != c.left || got.Pixel {
			t.Errorf("%s: left %d, became\n%s\nwant\n%s", name, got.Left, got.Message, want)
		}
	}
}

// TestLongLines: a line that grew too long for mail makes the part
// quoted-printable, whatever its header said.
func TestLongLines(t *testing.T) {
	o := optionsFor(newRing(t))
	links := strings.Repeat(`<a href="https://shop.example/">x</a>`, 10)
	for _, head := range []string{
		"Content-Type: text/html\r\nSubject: x\r\n", "Content-Type: text/html\r\nContent-Transfer-Encoding:\r\n 7bit\r\nSubject: x\r\n",
		"List-Unsubscribe: x\r\nContent-Transfer-Encoding: 7bit\r\nList-Unsubscribe-Post: x\r\nContent-Type: text/html\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n",
	} {
		got := instrumentMessage(t, o, head+"\r\n"+links+"\r\n")
		if hasLongLine(got.Message) {
			t.Errorf("%q: a line has over 998 bytes", head)
		}
		envelope, err := enmime.ReadEnvelope(bytes.NewReader(got.Message))
		if err != nil || strings.Count(envelope.HTML, endpoint+"/c/") != 10 || strings.Count(envelope.HTML, "<img") != 1 {
			t.Errorf("%q: %v\n%s", head, err, got.Message)
		}
		if n := strings.Count(strings.ToLower(string(got.Message)), "content-transfer-encoding"); n != 1 {
			t.Errorf("%q: %d transfer encodings", head, n)
		}
		if n := strings.Count(strings.ToLower(string(got.Message)), "list-unsubscribe:"); n != 1 {
			t.Errorf("%q: %d List-Unsubscribe", head, n)
		}
	}
}

// TestMessagesOfOthers instruments enmime's test messages, broken ones too,
// and lets enmime read the result: plain text, attachments and what enmime
// complains of stay, and the HTML is what Instrument makes of it.
func TestMessagesOfOthers(t *testing.T) {
	o := optionsFor(newRing(t))
	parts, left := 0, 0
	for _, d := range messages(t) {
		got := instrumentMessage(t, o, string(d.text))
		parts, left = parts+got.Parts, left+got.Left
		before, err1 := enmime.ReadEnvelope(bytes.NewReader(d.text))
		after, err2 := enmime.ReadEnvelope(bytes.NewReader(got.Message))
		if err1 != nil {
			continue // a file of a part or of a broken message: it must only not panic
		}
		if err2 != nil {
			t.Errorf("%s: %v", d.name, err2)
			continue
		}
		if before.GetHeader("Content-Type") == "" && before.HTML == "" && got.Parts == 0 {
			before.Text, after.Text = "", "" // no header: what is one now was text
		}
		if got.Parts == 0 && before.Text != after.Text || len(before.Attachments) != len(after.Attachments) || len(before.Inlines) != len(after.Inlines) {
			t.Errorf("%s: text %q became %q, or attachments are gone", d.name, before.Text, after.Text)
		}
		for i := range before.Attachments {
			if !bytes.Equal(before.Attachments[i].Content, after.Attachments[i].Content) {
				t.Errorf("%s: attachment %d changed", d.name, i)
			}
		}
		if got.Pixel && strings.Count(after.HTML, `<img src="`+endpoint+"/o/") != 1 {
			t.Errorf("%s: no pixel, or more than one, in %q", d.name, after.HTML)
		}
		if got.Parts == 0 && before.HTML != after.HTML {
			t.Errorf("%s: the HTML changed: %q", d.name, after.HTML)
		}
	}
	t.Logf("%d HTML parts instrumented, %d left", parts, left)
	if parts < 25 {
		t.Errorf("only %d HTML parts were found", parts)
	}
}

func FuzzInstrumentMessage(f *testing.F) {
	for _, d := range messages(f) {
		if len(d.text) < 4000 {
			f.Add(d.text)
		}
	}
	o := optionsFor(newRing(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := InstrumentMessage(o, raw)
		if err != nil {
			return
		}
		if got.Parts == 0 && !bytes.Contains(bytes.ToLower(raw), []byte("list-unsubscribe")) {
			without := bytes.Replace(got.Message, []byte(headers(got, lineEnd(raw))), nil, 1)
			if !bytes.Equal(without, raw) && !bytes.Equal(bytes.TrimRight(without, "\r\n"), bytes.TrimRight(raw, "\r\n")) {
				t.Fatalf("%q\nbecame %q", raw, got.Message)
			}
		}
	})
}
