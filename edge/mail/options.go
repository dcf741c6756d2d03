package mail

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
)

// ErrUnsubscribed says that a recipient left: the mail must not be sent.
var ErrUnsubscribed = errors.New("the recipient has unsubscribed: do not send this mail")

// Addresses that stand in a mail for what Instrument alone can make.
const (
	// PlaceUnsubscribe as an href becomes this recipient's unsubscribe address.
	PlaceUnsubscribe = "kunji:unsubscribe"
	// PlaceChoices as an href becomes this recipient's page of mail preferences.
	PlaceChoices = "kunji:choices"
)

// Options say for whom a mail is and what that person agreed to. The zero
// value of each consent is a no: unknown means untracked.
type Options struct {
	Site string
	Ring *identity.Ring
	// Endpoint is where the edge answers for the site, such as
	// https://t.shop.example or https://www.shop.example/kj. Links and pixel
	// go there.
	Endpoint string
	// Endpoints are the site's others; links to them are left alone.
	Endpoints []string
	// Campaign is what the mail's hits count for, and its UTM tags: Source,
	// Medium, Name, Content, Term and ID. Source defaults to "newsletter",
	// Medium to "email".
	Campaign  event.Campaign
	Recipient uint64    // see Address.Recipient
	Sent      time.Time // when the mail is made, in whole seconds

	MayOpen      bool // the recipient agreed to mail_open: a pixel
	MayClick     bool // the recipient agreed to mail_click: signed links
	Unsubscribed bool // then Instrument gives ErrUnsubscribed

	// Ref and List are the sender's own names for recipient and list. Only
	// the sender gets them back, when the recipient leaves.
	Ref, List string
	// UnsubscribeMail is an address that takes unsubscribes too, for
	// List-Unsubscribe's mailto part; none where empty.
	UnsubscribeMail string
	// Exclude are domains, each with its subdomains, whose links are left alone.
	Exclude []string
	// Trap adds one link that no person sees; whoever follows it is a machine.
	Trap bool
	// Test marks a mail made to be tried out: its hits are not kept.
	Test bool
}

// Header is one header field of a mail.
type Header struct{ Name, Value string }

// Result is an instrumented mail.
type Result struct {
	HTML []byte
	// Headers belong into the mail: List-Unsubscribe (RFC 2369) and
	// List-Unsubscribe-Post (RFC 8058). Receivers take the latter only where
	// the endpoint is https.
	Headers []Header
	// Links are the links of the mail in their order, with what became of each.
	Links []Link
	// Pixel says whether the mail has one now.
	Pixel bool
	// Unsubscribe and Choices are the addresses of this recipient's pages.
	Unsubscribe, Choices string
}

// sender is an Options checked, with what every link of the mail shares.
type sender struct {
	Options
	own     []prefix
	exclude []string
	tags    string // utm_source=…&utm_medium=…
	link    identity.Link
}

// prefix is a host and a path below which everything is the edge's.
type prefix struct{ host, path string }

func newSender(o Options) (*sender, error) {
	switch {
	case o.Unsubscribed:
		return nil, ErrUnsubscribed
	case o.Ring == nil:
		return nil, errors.New("instrumenting a mail needs the key ring")
	case o.Recipient == 0:
		return nil, errors.New("instrumenting a mail needs its recipient")
	}
	s := &sender{Options: o}
	s.Endpoint = strings.TrimSuffix(o.Endpoint, "/")
	for _, endpoint := range append([]string{s.Endpoint}, o.Endpoints...) {
		if err := identity.CheckDestination(endpoint); err != nil {
			return nil, fmt.Errorf("the endpoint %q: %w", endpoint, err)
		}
		host, path := hostOf(endpoint)
		s.own = append(s.own, prefix{host, strings.TrimSuffix(path, "/") + "/"})
	}
	for _, domain := range o.Exclude {
		s.exclude = append(s.exclude, strings.ToLower(strings.Trim(domain, ".")))
	}
	if strings.ContainsAny(o.UnsubscribeMail, "<>, \t\r\n?&") {
		return nil, ErrAddress
	}
	s.Campaign.Source = orElse(o.Campaign.Source, "newsletter")
	s.Campaign.Medium = orElse(o.Campaign.Medium, "email")
	s.tags = utmTags(s.Campaign)
	s.link = identity.Link{Site: o.Site, Campaign: s.Campaign, Recipient: o.Recipient, Sent: o.Sent, Test: o.Test}
	return s, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// address seals l and puts it below the endpoint.
func (s *sender) address(use identity.Use, path string, l identity.Link) (string, error) {
	token, err := s.Ring.SealLink(use, l)
	if err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return s.Endpoint + path + token, nil
}

// click is the address that leads to destination over the edge.
func (s *sender) click(destination string, trap bool) (string, error) {
	l := s.link
	l.Destination, l.Trap = destination, trap
	return s.address(identity.Click, "/c/", l)
}

// leave makes the addresses of unsubscribing and of preferences, and the
// headers. They carry ref and list, so that the sender learns who left.
func (s *sender) leave(result *Result) (err error) {
	l := s.link
	l.Ref, l.List = s.Ref, s.List
	if result.Unsubscribe, err = s.address(identity.Unsubscribe, "/u/", l); err != nil {
		return err
	}
	if result.Choices, err = s.address(identity.MailChoices, "/m/", l); err != nil {
		return err
	}
	list := "<" + result.Unsubscribe + ">"
	if s.UnsubscribeMail != "" {
		list += ", <mailto:" + s.UnsubscribeMail + ">"
	}
	result.Headers = []Header{{"List-Unsubscribe", list}, {"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}}
	return nil
}

// pixel is the image, and before it the trap where one is wanted.
func (s *sender) pixel(image bool) (string, error) {
	var text string
	if s.Trap && s.MayClick {
		to, err := s.click(s.Endpoint+"/policy/"+s.Site, true)
		if err != nil {
			return "", err
		}
		text = `<a href="` + html.EscapeString(to) + `" rel="nofollow" tabindex="-1" aria-hidden="true" style="display:none"></a>`
	}
	if image {
		src, err := s.address(identity.Open, "/o/", s.link)
		if err != nil {
			return "", err
		}
		text += `<img src="` + html.EscapeString(src) + `.gif" width="1" height="1" alt="">`
	}
	return text, nil
}
