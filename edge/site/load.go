package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is a rule that a site breaks: the key, as it stands in the
// configuration below the site (services[0].country), and what to do.
type Fault struct {
	Path, Message string
}

// Bounds of what a site may configure.
const (
	// MaxConsentLifetime is how long browsers keep a cookie at most
	// (RFC 6265bis, section 5.5: 400 days).
	MaxConsentLifetime = 400 * 24 * time.Hour
	// MinConsentLifetime keeps a site from asking at every visit.
	MinConsentLifetime = 24 * time.Hour
	// MaxEventProps is how many props an event keeps.
	MaxEventProps = 8
)

type faults []Fault

func (f *faults) add(path, format string, args ...any) {
	*f = append(*f, Fault{path, fmt.Sprintf(format, args...)})
}

// Faults checks the rules that hold between the parts of a site, whoever built
// it. A site without faults can be served. Each part alone (a host name, a
// regime) was checked when it was read.
func (s *Site) Faults() []Fault {
	var f faults
	s.checkHosts(&f)
	s.checkPurposes(&f)
	s.checkServices(&f)
	s.checkCrossBorder(&f)
	s.checkChoice(&f)
	s.checkProps(&f)
	return f
}

func (s *Site) checkHosts(f *faults) {
	for i, d := range s.Domains {
		if slices.Contains(s.Domains[:i], d) {
			f.add(fmt.Sprintf("domains[%d]", i), "%q stands there twice: remove one", d)
		}
		if publicSuffix(d) {
			f.add(fmt.Sprintf("domains[%d]", i), "%q is a public suffix, shared by everybody below it: write the site's own domain", d)
		}
	}
	for i, a := range s.Endpoints {
		for j, b := range s.Endpoints[:i] {
			if a.Scheme != b.Scheme || a.Host != b.Host {
				continue
			}
			path := fmt.Sprintf("endpoints[%d]", i)
			switch {
			case a.Path == b.Path:
				f.add(path, "%q stands there twice: remove one", a)
			case strings.HasPrefix(a.Path+"/", b.Path+"/"), strings.HasPrefix(b.Path+"/", a.Path+"/"):
				f.add(path, "%q and endpoints[%d] lie within each other: the cookies of one reach the other as duplicates, and a duplicate is a no; keep one", a, j)
			}
		}
	}
}

func (s *Site) checkPurposes(f *faults) {
	for i, u := range s.Purposes {
		path := fmt.Sprintf("purposes[%d]", i)
		switch {
		case u.ID == Necessary:
			f.add(path, "necessary needs no consent and is always on: remove it")
		case u.ID >= MailOpen:
			f.add(path, "%s belongs to recipients of mail, not to visitors: remove it", u.ID)
		}
		if u.Version < 1 {
			f.add(path+".version", "%d is not a version: write 1 or more", u.Version)
		}
		if slices.ContainsFunc(s.Purposes[:i], func(o PurposeUse) bool { return o.ID == u.ID }) {
			f.add(path, "%s stands there twice: remove one", u.ID)
		}
	}
}

func (s *Site) checkServices(f *faults) {
	for i, v := range s.Services {
		path := fmt.Sprintf("services[%d]", i)
		if slices.ContainsFunc(s.Services[:i], func(o Service) bool { return o.ID == v.ID }) {
			f.add(path+".id", "%q stands there twice: give each service an id of its own", v.ID)
		}
		if _, used := s.Uses(v.Purpose); !used && v.Purpose != Necessary {
			f.add(path+".purpose", "the site does not ask for %s, so %s could never run: add %s to purposes", v.Purpose, v.ID, v.Purpose)
		}
		for j, name := range v.Cookies {
			if strings.HasPrefix(name, "kj_") || name == "*" {
				f.add(fmt.Sprintf("%s.cookies[%d]", path, j), "%q would clear Kunji's own cookies: write the names that %s sets", name, v.ID)
			}
		}
	}
}

// checkCrossBorder wants all five texts in each language that the banner
// speaks: a transfer agreed to unread is not agreed to (PIPL 39).
func (s *Site) checkCrossBorder(f *faults) {
	if _, used := s.Uses(CrossBorder); !used {
		return
	}
	for _, lang := range s.Banner.Languages {
		switch t, ok := s.CrossBorder[lang]; {
		case !ok:
			f.add("cross_border", "has no texts in %q, which the banner speaks: add cross_border.%s with recipient, country, purpose, safeguards and risks", lang, lang)
		case !t.Complete():
			f.add("cross_border."+lang, "is not complete: write recipient, country, purpose, safeguards and risks")
		}
	}
}

func (s *Site) checkChoice(f *faults) {
	if s.Banner.Layout == Modal && strings.TrimSpace(s.Banner.Reason) == "" {
		f.add("banner.layout", "modal covers the page and needs banner.reason: write what cannot be used before a choice, or write bar or box")
	}
	if s.Banner.Layout != Modal && s.Banner.Reason != "" {
		f.add("banner.reason", "is only for layout modal: remove it")
	}
	for i, lang := range s.Banner.Languages {
		if slices.Contains(s.Banner.Languages[:i], lang) {
			f.add(fmt.Sprintf("banner.languages[%d]", i), "%q stands there twice: remove one", lang)
		}
	}
	if s.ConsentLifetime < MinConsentLifetime || s.ConsentLifetime > MaxConsentLifetime {
		f.add("consent_lifetime", "must be from 1d to 400d, the longest that browsers keep a cookie")
	}
}

func (s *Site) checkProps(f *faults) {
	for name, props := range s.EventProps {
		if len(props) > MaxEventProps {
			f.add("event_props."+name, "has %d entries: at most %d are kept", len(props), MaxEventProps)
		}
	}
}
