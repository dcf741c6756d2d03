package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kunjicloud/kunji/edge/event"
)

// Link is what a link or image carries in its token: of an advertisement
// (Click, Impression) or of a mail (Click, Open, Unsubscribe, MailChoices).
// Which fields a use has room for:
//
//	              Destination  Campaign  Recipient  Ref, List  Trap
//	Click         needed       yes       yes        yes        yes
//	Impression    –            yes       –          –          –
//	Open          –            yes       needed     yes        –
//	Unsubscribe   –            yes       needed     yes        –
//	MailChoices   –            yes       needed     yes        –
//
// A token of one use never opens under another, and none of them opens a
// right: that takes a token for Right.
type Link struct {
	Site string
	// Destination is where a click leads: absolute, http or https, in ASCII,
	// at most 2,000 bytes. A redirect goes exactly there.
	Destination string
	// Campaign holds Source, Medium, Name, Content, Term and ID, each at most
	// 255 bytes of UTF-8. Its other fields are not carried.
	Campaign event.Campaign
	// Recipient is whom the mail was for, 0 where the link carries nobody.
	Recipient uint64
	// Sent is when the mail was made, in whole seconds; zero where unknown.
	Sent time.Time
	// Ref and List are the sender's own names for recipient and list, at most
	// 255 bytes each. They travel encrypted: who reads the mail cannot read them.
	Ref, List string
	// Test marks a link made to be tried out: its hits are not kept.
	Test bool
	// Trap marks a link that no person sees: who follows it is a machine.
	Trap bool
}

const (
	maxDestination = 2000
	maxLinkField   = 255
	maxLinkSite    = 64
	maxLinkToken   = 6000 // no link within the limits is longer; more is not looked at
	maxSent        = 1 << 33
)

// linkRoom says which fields a use has room for.
type linkRoom struct{ destination, recipient, needsRecipient bool }

func roomOf(use Use) (linkRoom, bool) {
	switch use { //nolint:exhaustive // the others make no links
	case Click:
		return linkRoom{destination: true, recipient: true}, true
	case Impression:
		return linkRoom{}, true
	case Open, Unsubscribe, MailChoices:
		return linkRoom{recipient: true, needsRecipient: true}, true
	}
	return linkRoom{}, false
}

// check says what keeps l from being a link for use. It names the field, and
// never a recipient's ref or list.
func (l *Link) check(use Use) error {
	room, ok := roomOf(use)
	switch {
	case !ok:
		return fmt.Errorf("there are no links for %q", use)
	case l.Site == "" || len(l.Site) > maxLinkSite:
		return fmt.Errorf("a link needs its site's id, of at most %d bytes", maxLinkSite)
	case room.destination:
		if err := CheckDestination(l.Destination); err != nil {
			return err
		}
	case l.Destination != "":
		return fmt.Errorf("a link for %q leads nowhere, so it takes no destination", use)
	}
	switch {
	case l.Recipient == 0 && room.needsRecipient:
		return fmt.Errorf("a link for %q needs its recipient", use)
	case l.Recipient != 0 && !room.recipient:
		return fmt.Errorf("a link for %q carries no recipient", use)
	case l.Recipient == 0 && (l.Ref != "" || l.List != ""):
		return errors.New("ref and list belong to a recipient, and there is none")
	case l.Trap && !room.destination:
		return fmt.Errorf("only a click can be a trap, not %q", use)
	case !l.Sent.IsZero() && (l.Sent.Unix() <= 0 || l.Sent.Unix() >= maxSent):
		return errors.New("the time of sending lies outside 1970 to 2242")
	}
	for i, f := range append(l.fields(), &l.Ref, &l.List) {
		if len(*f) > maxLinkField || !utf8.ValidString(*f) {
			return fmt.Errorf("the link's %s is not UTF-8 of at most %d bytes", linkFieldNames[i], maxLinkField)
		}
	}
	return nil
}

var linkFieldNames = [...]string{"source", "medium", "campaign", "content", "term", "id", "ref", "list"}

// fields lists the campaign's fields in the order of the token.
func (l *Link) fields() []*string {
	c := &l.Campaign
	return []*string{&c.Source, &c.Medium, &c.Name, &c.Content, &c.Term, &c.ID}
}

// CheckDestination says what keeps address from being a click's destination:
// it must be absolute, http or https, with a host and without user and
// password, in printable ASCII (RFC 3986 knows no other characters) and at
// most 2,000 bytes long. What passes can be sent in a Location header as it is.
func CheckDestination(address string) error {
	if len(address) > maxDestination {
		return fmt.Errorf("a destination has at most %d bytes, this has %d", maxDestination, len(address))
	}
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return fmt.Errorf("a destination cannot hold %q (at byte %d): write it in percent-encoding", c, i)
		}
	}
	rest, web := strings.CutPrefix(address, "https://")
	if !web {
		rest, web = strings.CutPrefix(address, "http://")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if !web || !isHost(rest[:end]) {
		return errors.New("a destination begins with http:// or https:// and a host, without a user")
	}
	path, _, _ := strings.Cut(rest[end:], "#")
	path, _, _ = strings.Cut(path, "?")
	for i := range len(path) {
		if path[i] == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2])) {
			return errors.New("the destination's path has a % that encodes nothing: write %25")
		}
	}
	return nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isHost takes a name of letters, digits, dots, hyphens and underscores, an
// IPv4 address, or an IPv6 address in brackets; each with a port or without.
func isHost(text string) bool {
	name, port := text, ""
	if at := strings.LastIndexByte(text, ':'); at > strings.IndexByte(text, ']') {
		name, port = text[:at], text[at+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	for i := range len(name) {
		c := name[i] | 0x20
		if (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '.' && name[i] != '-' && name[i] != '_' {
			return false
		}
	}
	return name != "" && name != "."
}
