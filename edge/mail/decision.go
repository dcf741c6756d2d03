package mail

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/kunjicloud/kunji/edge/identity"
)

// Decision is what became of a link. The set is closed.
type Decision uint8

// The decisions. All from LeftEmpty on leave the address as it was.
const (
	Tracked Decision = iota + 1 // leads through the edge, with UTM tags
	Tagged                      // got UTM tags, and leads where it led
	Kept                        // would have got UTM tags, but had some
	Placed                      // stood for our unsubscribe or preferences page
	LeftEmpty
	LeftFragment
	LeftRelative
	LeftScheme      // mailto, tel, javascript …
	LeftTemplate    // an unresolved template tag
	LeftOwn         // the edge's own
	LeftUnsubscribe // unsubscribe, opt-out and preference pages
	LeftExcluded    // a domain of Options.Exclude
	LeftOptOut      // its author wrote data-no-track or the like
	LeftInvalid     // does not parse, or cannot be a redirect's destination
)

var decisionNames = [...]string{
	"", "tracked", "tagged", "kept", "placed", "empty", "fragment", "relative", "scheme", "template",
	"own", "unsubscribe", "excluded", "opt_out", "invalid",
}

// String names the decision.
func (d Decision) String() string {
	if int(d) < len(decisionNames) {
		return decisionNames[d]
	}
	return "unknown"
}

// Link is one link of a mail.
type Link struct {
	Address  string // as the mail had it, entities decoded
	Decision Decision
}

// templateMarks stand in addresses that a sender's tool has yet to fill in.
var templateMarks = newWords("{", "}", "*|", "|*", "[[", "]]", "<%", "<?", "%7b%7b", "%7b%25", "*%7c")

// leavingWords stand in addresses of pages where people leave or choose.
var leavingWords = newWords(
	"unsubscribe", "unsubscription", "unsub/", "unsub?", "/unsub", "optout", "opt-out", "opt_out", "email-preferences", "email_preferences",
	"emailpreferences", "preference-center", "preferencecenter", "preference_center", "preferences", "manage-subscription",
	"manage_subscription", "subscriptions/manage", "list-manage", "abmelden", "abbestellen", "desinscription", "desabonn",
	"darse-de-baja", "cancelar-suscri", "disiscri", "uitschrijven", "wypisz", "tuiding",
)

// decide says what to do with a decoded address: Tracked with its destination
// (as a redirect can carry it, without UTM tags), or how to leave it.
func (s *sender) decide(address string) (Decision, string) {
	text := strip(address)
	lower := strings.ToLower(text)
	switch {
	case text == "":
		return LeftEmpty, ""
	case templateMarks.in(lower) || badEscape(text):
		return LeftTemplate, ""
	case text[0] == '#':
		return LeftFragment, ""
	case lower == PlaceUnsubscribe || lower == PlaceChoices:
		return Placed, lower
	case !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://"):
		if scheme, _, ok := strings.Cut(lower, ":"); ok && isScheme(scheme) {
			return LeftScheme, ""
		}
		return LeftRelative, ""
	}
	destination, ok := repair(text)
	if !ok {
		return LeftInvalid, ""
	}
	host, path := hostOf(destination)
	switch {
	case s.owns(host, path):
		return LeftOwn, ""
	case leavingWords.in(lower):
		return LeftUnsubscribe, ""
	case s.excludes(host):
		return LeftExcluded, ""
	}
	return Tracked, destination
}

// strip does what browsers do first (WHATWG URL, basic URL parser, 1 to 3):
// controls and spaces at both ends go, tabs and line breaks everywhere.
func strip(address string) string {
	address = strings.TrimFunc(address, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(address, "\t\r\n") {
		address = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(address)
	}
	return address
}

func isScheme(text string) bool {
	for i := range len(text) {
		c := text[i]
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return text != ""
}

// badEscape finds a percent sign that encodes nothing: %NAME% of a template,
// or text that servers read in different ways.
func badEscape(text string) bool {
	for {
		at := strings.IndexByte(text, '%')
		if at < 0 {
			return false
		}
		text = text[at+1:]
		if len(text) < 2 || !isHex(text[0]) || !isHex(text[1]) {
			return true
		}
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// words finds any of some words in a text in one pass. It is in lower case.
type words [256][]string // by first byte

func newWords(list ...string) *words {
	var w words
	for _, word := range list {
		w[word[0]] = append(w[word[0]], word)
	}
	return &w
}

func (w *words) in(text string) bool {
	for i := range len(text) {
		for _, word := range w[text[i]] {
			if strings.HasPrefix(text[i:], word) {
				return true
			}
		}
	}
	return false
}

// hostOf splits a checked destination into its host and port in lower case and
// its path.
func hostOf(destination string) (host, path string) {
	_, rest, _ := strings.Cut(destination, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		return strings.ToLower(rest), ""
	}
	host, path = strings.ToLower(rest[:end]), rest[end:]
	if end = strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	return host, path
}

// repair brings an http or https address into the form that a browser would
// send: scheme in lower case, host in ASCII, the rest percent-encoded. It fails
// where the result could not be a redirect's destination.
func repair(text string) (string, bool) {
	scheme, rest, _ := strings.Cut(text, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, rest := rest[:end], rest[end:]
	if strings.IndexByte(text, '\\') >= 0 || !utf8.ValidString(text) {
		return "", false
	}
	for i := range len(host) {
		if host[i] < utf8.RuneSelf {
			continue
		}
		name, port, hasPort := strings.Cut(host, ":")
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", false
		}
		if host = ascii; hasPort {
			host += ":" + port
		}
		break
	}
	destination := strings.ToLower(scheme) + "://" + host + percentEncoded(rest)
	return destination, identity.CheckDestination(destination) == nil
}

func percentEncoded(text string) string {
	const digits = "0123456789ABCDEF"
	clean := true
	for i := range len(text) {
		clean = clean && !mustEncode(text[i])
	}
	if clean {
		return text
	}
	b := make([]byte, 0, 2*len(text))
	for i := range len(text) {
		if c := text[i]; mustEncode(c) {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func mustEncode(c byte) bool {
	return c == ' ' || c >= utf8.RuneSelf || strings.IndexByte("\"<>^`|", c) >= 0
}

// owns reports whether an address is below one of the site's endpoints.
func (s *sender) owns(host, path string) bool {
	for _, own := range s.own {
		if host == own.host && (strings.HasPrefix(path, own.path) || path == strings.TrimSuffix(own.path, "/")) {
			return true
		}
	}
	return false
}

func (s *sender) excludes(host string) bool {
	if port := strings.LastIndexByte(host, ':'); port > strings.IndexByte(host, ']') {
		host = host[:port]
	}
	for _, domain := range s.exclude {
		if host == domain || len(host) > len(domain) && strings.HasSuffix(host, domain) && host[len(host)-len(domain)-1] == '.' {
			return true
		}
	}
	return false
}
