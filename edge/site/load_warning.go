package site

import (
	"fmt"
	"strings"
)

// Warnings tells what a careful operator would change although the site can be
// served as it is.
func (s *Site) Warnings() []Fault {
	var f faults
	s.warnFirstParty(&f)
	s.warnController(&f)
	s.warnMinors(&f)
	s.warnTransfers(&f)
	s.warnPolicy(&f)
	return f
}

// warnFirstParty finds domains for which no endpoint shares the registrable
// domain: there a browser treats the edge's cookies as a third party's.
func (s *Site) warnFirstParty(f *faults) {
	for i, d := range s.Domains {
		if !strings.Contains(d, ".") || isAddress(d) {
			continue // this machine or a network of one's own: no registrable domain
		}
		own, foreign := false, ""
		for _, e := range s.Endpoints {
			if Registrable(e.Hostname()) == Registrable(d) {
				own = true
			}
			foreign = e.Hostname()
		}
		path := fmt.Sprintf("domains[%d]", i)
		if !own {
			f.add(path, "no endpoint shares the registrable domain %s (%s does not): cookies are a third party's there; proxy a path such as https://%s/kj to the edge and list it in endpoints", Registrable(d), foreign, d)
			continue
		}
		if !s.endpointOnPath(d) {
			f.add(path, "only a host of its own answers for it: if its DNS name points into another network, Safari keeps its cookies for seven days only; a proxied path such as https://%s/kj has no such limit", d)
		}
	}
}

// endpointOnPath reports whether an endpoint answers on the domain's own pages'
// host, or where Safari's rule about names cannot apply.
func (s *Site) endpointOnPath(domain string) bool {
	for _, e := range s.Endpoints {
		host := e.Hostname()
		if host == domain || host == "www."+domain || (strings.HasSuffix(host, "."+domain) && e.Path != "") || !strings.Contains(host, ".") {
			return true
		}
	}
	return false
}

func (s *Site) warnController(f *faults) {
	var missing []string
	for _, part := range []struct{ name, value string }{
		{"name", s.Controller.Name},
		{"address", s.Controller.Address},
		{"email", s.Controller.Email},
		{"complaints", s.Controller.Complaints},
	} {
		if part.value == "" {
			missing = append(missing, part.name)
		}
	}
	if len(missing) > 0 {
		f.add("controller", "has no %s: visitors must be told who answers for their data (GDPR Art. 13(1)(a) and 13(2)(d), PIPL Art. 17)", strings.Join(missing, ", "))
	}
}

// warnMinors: in China a child's consent is a guardian's (PIPL 31: under 14),
// in the EU too (GDPR 8: under 13 to 16, by country).
func (s *Site) warnMinors(f *faults) {
	if s.Minors.Ask && s.Minors.Age < 13 {
		f.add("minors.age", "%d is lower than in every law that sets an age (13: COPPA; 13 to 16: GDPR Art. 8; 14: PIPL Art. 31)", s.Minors.Age)
	}
}

// warnTransfers finds declared services that take data to another legal area
// although the visitor is never asked about that.
func (s *Site) warnTransfers(f *faults) {
	if _, asked := s.Uses(CrossBorder); asked {
		return
	}
	for i, v := range s.Services {
		if Abroad(s.Region, v.Country) {
			f.add(fmt.Sprintf("services[%d].country", i), "%s keeps data in %s and the site's data stays in %s: name cross_border with its texts, so that visitors are asked", v.ID, v.Country, s.Region)
		}
	}
}

func (s *Site) warnPolicy(f *faults) {
	if s.Policy == nil {
		return
	}
	current := s.Policy.Current()
	if len(current.Texts) == 0 {
		return // made from the configuration, in every language
	}
	for _, lang := range s.Banner.Languages {
		if _, ok := current.Texts[lang]; !ok {
			f.add("policy_dir", "version %d has no text in %q, which the banner speaks: add %d.%s.md", current.Number, lang, current.Number, lang)
		}
	}
}
