package site

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ParseHost reads a host name as it is written in the configuration and
// returns it the way requests carry it: lower case, in ASCII (Punycode). IP
// addresses and localhost are hosts too.
func ParseHost(text string) (string, error) {
	if rest, ok := strings.CutPrefix(text, "*."); ok {
		return "", fmt.Errorf("%q: a name covers its subdomains already: write %s", text, rest)
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return addr.String(), nil
	}
	if strings.Contains(text, "://") {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			return "", fmt.Errorf("%q is an address: write the host name alone, %s", text, u.Hostname())
		}
	}
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil || name == "" || len(name) > 253 || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return "", fmt.Errorf("%q is not a host name: write one such as shop.example", text)
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return "", fmt.Errorf("%q is not a host name: between dots stand at most 63 characters", text)
		}
	}
	return name, nil
}

// ParseEndpoint reads where the edge answers: an absolute http or https
// address whose path, if any, is a prefix. The result has a lower-case host
// and no slash at its end.
func ParseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an endpoint: write an address such as https://t.shop.example or https://www.shop.example/kj", text)
	}
	if u.User != nil {
		return nil, errors.New("an endpoint carries no user name or password: remove everything before the @")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return nil, fmt.Errorf("%q: an endpoint has no query and no fragment: remove everything from the ? or # on", text)
	}
	host, err := ParseHost(u.Hostname())
	if err != nil {
		return nil, err
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && (u.Scheme != "https" || port != "443") && (u.Scheme != "http" || port != "80") {
		host += ":" + port
	}
	path := strings.TrimRight(u.Path, "/")
	if strings.ContainsAny(path, "%;\\ ") || strings.Contains(path, "//") || strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") {
		return nil, fmt.Errorf("%q: the path of an endpoint is plain words between slashes, such as /kj", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: path}, nil
}

// publicSuffix reports whether unrelated people register names below host, so
// that a browser keeps no cookie for it.
func publicSuffix(host string) bool {
	if isAddress(host) {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return suffix == host && (icann || strings.Contains(host, "."))
}

// Registrable returns the registrable domain of a host (shop.example for
// www.shop.example): the widest that shares first-party cookies. Addresses
// and single names stand for themselves.
func Registrable(host string) string {
	if isAddress(host) {
		return host
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
