package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// consentDefault is the inline script that denies everything before the first
// tag of Google's or Microsoft's runs.
//
//go:embed consent_default.js
var consentDefault string

// nonceAdvice is for pages that trust scripts by a nonce: the tag may start
// others, so it starts only those that the page itself wrote.
const nonceAdvice = `
If that policy names a nonce, write nonce="…" on this tag and on every held-back
script (type="text/plain" data-kunji="…") as well: one without the page's nonce
stays held, since markup that somebody injected could name a purpose too.

`

type snippetCmd struct {
	Site        string `arg:"" help:"The site's id."`
	ConsentMode bool   `help:"With the inline default of Google's and Microsoft's consent signals; implied by consent_mode in the configuration."`
}

// Run prints, for each endpoint that pages of the site should use, the tag,
// the footer link and the sources that a Content-Security-Policy must allow.
func (c *snippetCmd) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	s, err := cfg.siteNamed(c.Site)
	if err != nil {
		return err
	}
	if c.ConsentMode && !s.ConsentMode {
		fmt.Fprintf(a.stderr, "warning: consent_mode is off for %s: without it the choice never reaches those tags; write consent_mode: true\n", s.ID)
	}
	mode := c.ConsentMode || s.ConsentMode
	for _, place := range tagPlaces(s) {
		if err := writeSnippet(a.stdout, s, place, mode); err != nil {
			return err
		}
	}
	return nil
}

// tagPlace is an endpoint and the domains whose pages should load from it.
type tagPlace struct {
	endpoint *url.URL
	domains  []string
}

// tagPlaces gives each domain the endpoint that is nearest: on the page's own
// host, else of its registrable domain, else the first.
func tagPlaces(s *site.Site) []tagPlace {
	var places []tagPlace
	for _, domain := range s.Domains {
		e := nearestEndpoint(s, domain)
		i := slices.IndexFunc(places, func(p tagPlace) bool { return p.endpoint == e })
		if i < 0 {
			places = append(places, tagPlace{endpoint: e})
			i = len(places) - 1
		}
		places[i].domains = append(places[i].domains, domain)
	}
	return places
}

func nearestEndpoint(s *site.Site, domain string) *url.URL {
	best, rank := s.Endpoints[0], 0
	for _, e := range s.Endpoints {
		host, near := e.Hostname(), 0
		switch {
		case host == domain || host == "www."+domain:
			near = 3
		case strings.HasSuffix(host, "."+domain):
			near = 2
		case site.Registrable(host) == site.Registrable(domain):
			near = 1
		}
		if near > rank {
			best, rank = e, near
		}
	}
	return best
}

func writeSnippet(w io.Writer, s *site.Site, p tagPlace, mode bool) error {
	base, origin := p.endpoint.String(), p.endpoint.Scheme+"://"+p.endpoint.Host
	var b strings.Builder
	fmt.Fprintf(&b, "For pages of %s:\n\nFirst in <head>, before any other script:\n\n", strings.Join(p.domains, ", "))
	csp := []string{"script-src " + origin, "connect-src " + origin, "img-src " + origin, "trusted-types kunji"}
	if mode {
		script := strings.TrimSpace(consentDefault)
		sum := sha256.Sum256([]byte(script))
		csp[0] += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		fmt.Fprintf(&b, "<script>%s</script>\n", script)
	}
	load := " async"
	if len(s.BlockHosts) > 0 {
		load = "" // block_hosts holds back only what comes after the script
	}
	fmt.Fprintf(&b, "<script src=\"%s\"%s></script>\n", html.EscapeString(base+"/b/"+s.ID+".js"), load)
	// The page's whole address is in the Referer, as a script would send it.
	fmt.Fprintf(&b, "\nAfter <body>, to count visitors without script who said yes on the page of choices:\n\n"+
		"<noscript><img src=\"%s\" alt=\"\" width=\"1\" height=\"1\" referrerpolicy=\"no-referrer-when-downgrade\"></noscript>\n",
		html.EscapeString(base+"/p.gif?s="+s.ID+"&k=page_view"))
	fmt.Fprintf(&b, "\nIn the footer:\n\n<a href=\"%s\">Privacy choices</a>\n", html.EscapeString(base+"/choices/"+s.ID))
	fmt.Fprintf(&b, "\nWhere pages send a Content-Security-Policy, add:\n\n")
	for _, source := range csp {
		fmt.Fprintf(&b, "%s\n", source)
	}
	b.WriteString(nonceAdvice)
	_, err := io.WriteString(w, b.String())
	return err
}
