package enrich

import (
	"net/netip"
	"strings"
)

// Caps of what is kept of an address of a page.
const (
	maxURL  = 8 << 10 // bytes of a URL that are looked at
	maxHost = 253     // RFC 1035, 2.3.4
	maxPath = 512
)

// Page is what a record keeps of a page's address: neither query string nor
// fragment, and nothing that Redact finds.
type Page struct {
	Host string // lower case, without port, www. kept
	Path string // begins with /, at most 512 bytes, percent-encoding as sent
}

// ParsePage reads the address of a page. What is not an http or https URL gives
// the zero Page.
func ParsePage(pageURL string) Page {
	u, ok := splitURL(pageURL)
	if !ok {
		return Page{}
	}
	path := u.path
	if path == "" {
		path = "/"
	}
	return Page{Host: strings.Clone(u.host), Path: strings.Clone(redactCapped(path, maxPath))}
}

// urlParts are the slices of a URL that enrichment needs.
type urlParts struct {
	host     string // lower case, without user, port and final dot
	path     string
	query    string
	fragment string
}

// splitURL takes an absolute http or https URL apart as the WHATWG URL standard
// does for what browsers put into location.href and document.referrer. It does
// not allocate for a host in lower case, and refuses what net/url would refuse in
// a host; path and query are kept as they are.
func splitURL(raw string) (urlParts, bool) {
	raw = truncate(raw, maxURL)
	rest, ok := cutPrefixFold(raw, "https://")
	if !ok {
		if rest, ok = cutPrefixFold(raw, "http://"); !ok {
			return urlParts{}, false
		}
	}
	var u urlParts
	authority := rest
	if end := strings.IndexAny(rest, "/?#\\"); end >= 0 {
		authority, rest = rest[:end], rest[end:]
	} else {
		rest = ""
	}
	if u.host, ok = hostOf(authority); !ok {
		return urlParts{}, false
	}
	rest, u.fragment, _ = strings.Cut(rest, "#")
	u.path, u.query, _ = strings.Cut(rest, "?")
	return u, true
}

// hostOf takes user and port off an authority.
func hostOf(authority string) (string, bool) {
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 || !validPort(authority[end+1:]) {
			return "", false
		}
		addr, err := netip.ParseAddr(authority[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		return authority[:end+1], true
	}
	host := authority
	if colon := strings.IndexByte(authority, ':'); colon >= 0 {
		if !validPort(authority[colon:]) {
			return "", false
		}
		host = authority[:colon]
	}
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > maxHost {
		return "", false
	}
	for i := range len(host) {
		if !hostByte(host[i]) {
			return "", false
		}
	}
	return strings.ToLower(host), true
}

// hostByte allows what stands in the host of a URL that a browser made: letters,
// digits, hyphen, dot, and the underscore of some old machines. Names in other
// scripts arrive as punycode.
func hostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
}

func validPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
