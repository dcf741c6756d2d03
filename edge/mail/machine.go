package mail

import (
	"net/http"
	"strings"
	"time"
)

// Class is who made a hit of a mail, as far as that can be told.
type Class uint8

// The classes, from what is no hit at all to what surely is one.
const (
	Uncounted Class = iota // not a GET: never counts, never changes anything
	Prefetch               // a browser that fetched ahead
	Scanner                // mail security
	Machine                // any other program
	Proxied                // a person behind their mail provider's proxy: place and device are the proxy's
	Person
)

var classNames = [...]string{"uncounted", "prefetch", "scanner", "machine", "proxied", "person"}

// String names the class.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Reason is why a hit got its class. Each belongs to one class, so that a row
// which keeps the reason keeps the class.
type Reason string

// The reasons. To them come those of edge/enrich, for Machine.
const (
	ReasonNone      Reason = ""             // Person
	ReasonMethod    Reason = "method"       // Uncounted: HEAD and the like
	ReasonPrefetch  Reason = "prefetch"     // Prefetch
	ReasonApple     Reason = "apple_mpp"    // Proxied: Apple's proxy fetches for all mail it holds, read or not
	ReasonGoogle    Reason = "google_proxy" // Proxied: the time is right
	ReasonYahoo     Reason = "yahoo_proxy"  // Proxied: the time is right
	ReasonEmpty     Reason = "empty"        // Machine: no user agent
	ReasonCrawler   Reason = "crawler"      // Machine
	ReasonLibrary   Reason = "library"      // Machine: an HTTP library
	ReasonNoBrowser Reason = "malformed"    // Machine: clicked without a browser
	ReasonHeadless  Reason = "headless"     // Machine: a browser without a window
	ReasonNetwork   Reason = "mail_network" // Scanner: a network of mail servers
	ReasonGateway   Reason = "mail_gateway" // Scanner: its agent says so
	ReasonScanner   Reason = "scanner"      // Scanner: edge/enrich's word for one
	ReasonTrap      Reason = "trap"         // Scanner: followed a link that no person sees, or close to that
	ReasonSoon      Reason = "soon_after"   // Scanner: a click seconds after sending; weak alone
	ReasonBurst     Reason = "burst"        // Scanner: two different links within a second
)

// Class is the class that a reason stands for.
func (r Reason) Class() Class {
	switch r { //nolint:exhaustive // all others are programs
	case ReasonNone:
		return Person
	case ReasonMethod:
		return Uncounted
	case ReasonPrefetch:
		return Prefetch
	case ReasonApple, ReasonGoogle, ReasonYahoo:
		return Proxied
	case ReasonNetwork, ReasonGateway, ReasonScanner, ReasonTrap, ReasonSoon, ReasonBurst:
		return Scanner
	}
	return Machine
}

// Machine reports whether a row's machine column is 1: proxies stand for
// people, with their reason beside the 0.
func (r Reason) Machine() bool { return r.Class() < Proxied }

// Hit is what came with a request for a mail's pixel or link.
type Hit struct {
	Method    string
	UserAgent string
	// The headers Sec-Purpose, Purpose, X-Purpose and X-Moz.
	SecPurpose, Purpose, XPurpose, XMoz string
	// Open tells the pixel from a link; Trap is a link that no person sees.
	Open, Trap bool
	Network    Network
	// Bot is what edge/enrich calls the agent, or "".
	Bot string
	// Sent is when the mail was made, At when the hit came; a zero Sent is
	// unknown. Only clicks are judged by them.
	Sent, At time.Time
}

// A click this soon after sending is not a person's. Delivery comes seconds
// later than sending, so the window is the upper end of what scanners take;
// behind a security gateway's network they queue for longer.
const (
	soon        = 7 * time.Second
	soonGateway = time.Minute
)

// Classify tells why a hit is not simply a person's; ReasonNone where it is.
// It is a pure function, and never a ground to refuse: image and redirect are
// served to all. The surest signs come first. That an open and a click come
// milliseconds apart from one address is no sign: people do that.
func Classify(h Hit) Reason {
	switch {
	case h.Method != http.MethodGet:
		return ReasonMethod
	case h.fetchedAhead():
		return ReasonPrefetch
	case h.Trap:
		return ReasonTrap
	case h.Network == NetworkScanner:
		return ReasonNetwork
	}
	if h.Open { // proxies fetch images; they are on most lists of bots
		if reason := proxy(h.UserAgent); reason != ReasonNone {
			return reason
		}
	}
	if reason := agent(h.UserAgent); reason != ReasonNone {
		return reason
	}
	if h.Bot != "" {
		return Reason(h.Bot)
	}
	if !h.Open && !browser(h.UserAgent) {
		return ReasonNoBrowser
	}
	if !h.Open && h.soonAfterSending() {
		return ReasonSoon
	}
	return ReasonNone
}

func (h *Hit) fetchedAhead() bool {
	for _, value := range [...]string{h.SecPurpose, h.Purpose, h.XPurpose, h.XMoz} {
		value = strings.ToLower(value)
		if strings.Contains(value, "prefetch") || strings.Contains(value, "preview") || strings.Contains(value, "prerender") {
			return true
		}
	}
	return false
}

func (h *Hit) soonAfterSending() bool {
	window := soon
	if h.Network == NetworkGateway {
		window = soonGateway
	}
	return !h.Sent.IsZero() && h.At.Sub(h.Sent) < window
}

// browser reports whether an agent begins as all browsers' do. Mail programs
// open links in a browser, but fetch images under names of their own.
func browser(userAgent string) bool {
	return strings.HasPrefix(userAgent, "Mozilla/") || strings.HasPrefix(userAgent, "Opera/") || strings.HasPrefix(userAgent, "UCWEB/")
}

// proxy knows the mail providers that fetch images for their users.
func proxy(userAgent string) Reason {
	switch {
	case userAgent == "Mozilla/5.0":
		return ReasonApple
	case strings.Contains(userAgent, "GoogleImageProxy"):
		return ReasonGoogle
	case strings.Contains(userAgent, "YahooMailProxy"):
		return ReasonYahoo
	}
	return ReasonNone
}

var (
	gatewayAgents  = []string{"urldefense", "safelinks", "barracuda", "mimecast", "proofpoint", "forcepoint", "zscaler"}
	libraryAgents  = []string{"curl/", "wget/", "python-requests", "python-urllib", "go-http-client"}
	crawlerAgents  = []string{"bot", "spider", "crawl", "crawler"} // as whole words
	headlessAgents = []string{"headless", "phantomjs"}
)

// agent knows the agents that matter most in mail; edge/enrich knows more.
func agent(userAgent string) Reason {
	lower := strings.ToLower(userAgent)
	for _, list := range [...]struct {
		texts  []string
		reason Reason
	}{{gatewayAgents, ReasonGateway}, {headlessAgents, ReasonHeadless}, {libraryAgents, ReasonLibrary}} {
		for _, text := range list.texts {
			if strings.Contains(lower, text) {
				return list.reason
			}
		}
	}
	for _, word := range crawlerAgents {
		if wholeWord(lower, word) {
			return ReasonCrawler
		}
	}
	if strings.TrimSpace(lower) == "" {
		return ReasonEmpty
	}
	return ReasonNone
}

func wholeWord(text, word string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		from = at + len(word)
		if (at == 0 || !letter(text[at-1])) && (from == len(text) || !letter(text[from])) {
			return true
		}
	}
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}
