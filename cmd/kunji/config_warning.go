package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/site"
)

// warnConsole finds a console whose passwords cross a network in the clear, and
// one behind a proxy that takes all its clients for one.
func (r *reader) warnConsole(c Console) {
	open := c.Listen
	if c.PublicURL != nil {
		open = c.PublicURL.Host
	}
	switch {
	case !c.Secure() && !loopback(open):
		r.warn("console.listen", "passwords and reports cross the network unencrypted: name a certificate in console.tls, or let a proxy end TLS and write its address, https://…, into console.public_url")
	case c.Secure() && !c.TLS.Files && len(c.TrustedProxies) == 0:
		r.warn("console.public_url", "all clients have the proxy's address, so that wrong passwords of one lock out everybody: name the proxy in console.trusted_proxies")
	}
}

// loopback reports whether only this machine reaches host, with or without a
// port.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// warnSite adds what a careful operator would change about one site, and where
// its regimes go against the law of the place they name.
func (r *reader) warnSite(c *Config, at string, s *site.Site) {
	for _, f := range s.Warnings() {
		r.warn(at+"."+f.Path, "%s", f.Message)
	}
	r.warnLaws(at+".regimes", s)
	r.warnLanguages(at+".banner.languages", s)
	if _, said := r.doc.keys[at+".minors"]; !said {
		r.warn(at, "minors is not said: write minors: {ask: true, age: 14} on a site that children may use, else {ask: false} (GDPR Art. 8, PIPL Art. 31, COPPA 16 CFR 312.5)")
	}
	for _, other := range c.Sites {
		for i, d := range s.Domains {
			if other.Covers(d) && shareEndpoint(s, other) {
				r.warn(at+"."+indexed("domains", i), "%s is a domain of site %s too, at the same endpoint: a page there can speak for either; give each site an endpoint of its own", d, other.ID)
			}
		}
	}
}

func (r *reader) warnLaws(at string, s *site.Site) {
	for _, place := range sortedKeys(s.Regimes) {
		if s.Regimes[place] != site.OptOut {
			continue
		}
		here := at + "." + place
		if place == "default" {
			r.unlawful(here, "opt_out is not allowed as the default: it would cover places whose law asks first; write opt_in and name the places for opt_out one by one")
			continue
		}
		law, known := site.LawOf(place)
		switch {
		case !known:
			r.warn(here, "whether opt_out is allowed in %s is not known here: ask a lawyer, or write opt_in", place)
		case !law.OptOut:
			r.unlawful(here, "opt_out is not allowed in "+place+" ("+law.Source+"): write opt_in")
		default:
			r.warnRegions(here, place, s)
		}
	}
}

// warnRegions finds regions that a country's row covers although their own law
// is stricter.
func (r *reader) warnRegions(here, country string, s *site.Site) {
	if strings.Contains(country, "-") {
		return
	}
	for _, law := range site.StricterRegions(country) {
		if _, named := s.Regimes[law.Place]; !named {
			r.unlawful(here, "opt_out is not allowed in "+law.Place+" ("+law.Source+"): add "+law.Place+": opt_in")
		}
	}
}

func (r *reader) unlawful(path, message string) {
	r.warn(path, "%s", message)
	r.warnings[len(r.warnings)-1].Law = true
}

// warnLanguages finds languages whose wording the banner lacks, or that nobody
// who speaks it has read: unread wording is weak proof of an informed choice.
func (r *reader) warnLanguages(at string, s *site.Site) {
	for i, tag := range s.Banner.Languages {
		known := slices.IndexFunc(r.spoken, func(l banner.LanguageInfo) bool { return l.Tag == tag })
		switch {
		case known < 0:
			r.warn(indexed(at, i), "the banner does not speak %q: visitors read another of the site's languages, or English", tag)
		case !r.spoken[known].Reviewed:
			r.warn(indexed(at, i), "nobody who speaks %q has reviewed the banner's wording: have it read", tag)
		}
	}
}

func shareEndpoint(a, b *site.Site) bool {
	for _, x := range a.Endpoints {
		for _, y := range b.Endpoints {
			if x.String() == y.String() {
				return true
			}
		}
	}
	return false
}
