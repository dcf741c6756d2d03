package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/kunjicloud/kunji/edge/identity"
)

// Instrument puts links and a pixel into a mail's HTML, as far as its
// recipient agreed (see the package's comment for the rules). The text must be
// in an encoding that contains ASCII, such as UTF-8. Input stays untouched.
//
// The pixel goes before the last </body>, else to the end. A mail that has a
// pixel of the same endpoint already gets no second one, and its tracked links
// stay as they are: instrument the original for each recipient anew.
func Instrument(o Options, text []byte) (Result, error) {
	s, err := newSender(o)
	if err != nil {
		return Result{}, err
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return Result{}, errors.New("the mail's HTML is UTF-16: send it as UTF-8")
	}
	return s.instrument(text, true)
}

// instrument does the work; image is false for a message's later HTML parts.
func (s *sender) instrument(text []byte, image bool) (Result, error) {
	w := &writer{
		sender: s, text: text, out: make([]byte, 0, len(text)+len(text)/2+1024),
		body: -1, image: []byte(s.Endpoint + "/o/"),
	}
	if err := s.leave(&w.result); err != nil {
		return Result{}, err
	}
	if err := w.copyAll(); err != nil {
		return Result{}, err
	}
	image = image && s.MayOpen && !w.hasPixel
	added := ""
	if image || s.Trap && !w.hasPixel {
		var err error
		if added, err = s.pixel(image); err != nil {
			return Result{}, err
		}
	}
	at := w.body
	if at < 0 {
		at = w.safe
	}
	w.result.HTML = slices.Insert(w.out, at, []byte(added)...)
	w.result.Pixel = image || w.hasPixel
	return w.result, nil
}

// writer reads a mail's HTML token by token and copies it in as few pieces as
// its changes allow.
type writer struct {
	*sender
	text   []byte // all of the input
	copied int    // how much of it is in out
	out    []byte
	result Result
	found  []attribute

	body     int    // where in out the last </body> begins, or -1
	safe     int    // where in out the last token ends behind which a tag is a tag
	image    []byte // how the address of a pixel begins
	hasPixel bool   // the input has one
	raw      bool   // within an element whose text is not parsed
}

// place is where in out the input's byte at will stand, or stands.
func (w *writer) place(at int) int { return len(w.out) + at - w.copied }

// rawElements hold text in which tags are text.
var rawElements = map[string]bool{
	"iframe": true, "noembed": true, "noframes": true, "noscript": true, "plaintext": true,
	"script": true, "style": true, "textarea": true, "title": true, "xmp": true,
}

// copyAll writes every token as it came, but for the tags of links.
func (w *writer) copyAll() error {
	z := html.NewTokenizer(bytes.NewReader(w.text))
	at := 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("read the mail's HTML: %w", err)
			}
			w.out = append(w.out, w.text[w.copied:]...)
			return nil
		}
		start := at
		at += len(z.Raw())
		switch kind { //nolint:exhaustive // the rest is text
		case html.StartTagToken, html.SelfClosingTagToken:
			if err := w.startTag(z, start, at); err != nil {
				return err
			}
		case html.EndTagToken:
			var buffer [longestName]byte
			if string(tagName(buffer[:0], w.text[start+2:at])) == "body" {
				w.body = w.place(start)
			}
			w.raw = false // a raw element ends with its own end tag only
		}
		switch {
		case w.raw || !closed(kind, w.text[start:at]):
		case kind == html.TextToken && bytes.HasSuffix(w.text[:at], []byte("</")):
			w.safe = w.place(at - len("</")) // with a tag behind it this would begin a comment
		default:
			w.safe = w.place(at)
		}
	}
}

// closed reports whether the next bytes behind a token would be read afresh: a
// comment may reach to the end of the mail.
func closed(kind html.TokenType, token []byte) bool {
	switch {
	case kind != html.CommentToken && kind != html.DoctypeToken:
		return true
	case bytes.HasPrefix(token, []byte("<!--")):
		return bytes.HasSuffix(token, []byte("-->")) || bytes.HasSuffix(token, []byte("--!>"))
	}
	return bytes.HasSuffix(token, []byte(">"))
}

func (w *writer) startTag(z *html.Tokenizer, start, end int) error {
	token := w.text[start:end]
	var buffer [longestName]byte
	switch name := tagName(buffer[:0], token[1:]); string(name) {
	case "a", "area":
		w.out = append(w.out, w.text[w.copied:start]...)
		w.copied = end
		return w.linkTag(z, token)
	case "img":
		w.hasPixel = w.hasPixel || bytes.Contains(token, w.image) // of an earlier run
	default:
		w.raw = rawElements[string(name)]
	}
	return nil
}

// optOuts are attributes by which an author says that a link is not to be
// tracked; where a value is named, only with that. They are taken out of the
// mail. Sources: data-no-track is ours, clicktracking is SendGrid's,
// ses:no-track Amazon's, mautic:disable-tracking Mautic's.
var optOuts = map[string]string{
	"data-no-track": "", "ses:no-track": "", "mautic:disable-tracking": "", "clicktracking": "off",
}

// linkTag writes a tag with a new address and without opt-outs.
func (w *writer) linkTag(z *html.Tokenizer, token []byte) error {
	w.found = attributes(w.found[:0], token)
	var drop []attribute
	var href attribute
	address, optedOut, hasHref, at := "", false, false, 0
	for more := len(w.found) > 0; more; at++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		for at < len(w.found) && !w.found[at].is(token, key, value) {
			at++ // the tokenizer passes over a name that stood before
		}
		if at == len(w.found) { // both read the tag differently: leave it
			w.out = append(w.out, token...)
			w.result.Links = append(w.result.Links, Link{Address: address, Decision: LeftInvalid})
			return nil
		}
		if string(key) == "href" {
			href, address, hasHref = w.found[at], string(value), true
		}
		if want, ok := optOuts[string(key)]; ok && (want == "" || strings.EqualFold(string(value), want)) {
			optedOut, drop = true, append(drop, w.found[at])
		}
	}
	if !hasHref {
		w.writeTag(token, drop, href, "")
		return nil
	}
	link, to, err := w.lead(address, optedOut)
	if err != nil {
		return err
	}
	w.result.Links = append(w.result.Links, link)
	w.writeTag(token, drop, href, to)
	return nil
}

// lead says where an address leads from now on; "" leaves it.
func (w *writer) lead(address string, optedOut bool) (Link, string, error) {
	decision, destination := w.decide(address)
	link := Link{Address: address, Decision: decision}
	switch {
	case decision == Placed && destination == PlaceUnsubscribe:
		return link, w.result.Unsubscribe, nil
	case decision == Placed:
		return link, w.result.Choices, nil
	case decision != Tracked:
		return link, "", nil
	case optedOut:
		link.Decision = LeftOptOut
		return link, "", nil
	}
	to, changed := w.tagged(destination)
	if !w.MayClick {
		if !changed {
			link.Decision = Kept
			return link, "", nil
		}
		link.Decision = Tagged
		return link, to, nil
	}
	if identity.CheckDestination(to) != nil { // its tags made it too long
		to = destination
	}
	to, err := w.click(to, false)
	return link, to, err
}

// writeTag copies a tag, with to in the place of href's value where to is not
// empty, and without the attributes in drop.
func (w *writer) writeTag(tag []byte, drop []attribute, href attribute, to string) {
	at := 0
	for i := range w.found {
		a := w.found[i]
		switch {
		case to != "" && a == href:
			w.out = append(append(w.out, tag[at:a.value]...), html.EscapeString(to)...)
			at = a.valueEnd
		case slices.Contains(drop, a):
			start := a.start
			for start > at && space(tag[start-1]) {
				start--
			}
			w.out = append(w.out, tag[at:start]...)
			if at = a.end; at < len(tag) && !space(tag[at]) && tag[at] != '/' && tag[at] != '>' {
				w.out = append(w.out, ' ') // the next attribute stands close by
			}
		}
	}
	w.out = append(w.out, tag[at:]...)
}
