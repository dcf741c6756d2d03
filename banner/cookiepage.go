package banner

import (
	"io"

	"github.com/kunjicloud/kunji/edge/site"
)

// cookie is a row of the cookie table.
type cookie struct{ Name, Holds, Covered, Lives string }

type cookiesPage struct {
	frame
	Intro    string
	Cookies  []cookie
	Services []Row
}

// RenderCookies writes the cookie table of the contract for one site, what its
// services set, and where the main browsers show, block and delete cookies
// (policy 6.1 to 6.3).
func (a *Assets) RenderCookies(w io.Writer, s *site.Site, lang string) error {
	p := cookiesPage{frame: a.frame(s, lang, a.in(lang).Pages["cookies_title"], 1), Services: a.services(s, lang)}
	p.Intro = fill(p.T["cookies_intro"], "site", siteName(s))
	lifetime := fill(p.T["days"], "n", days(s.ConsentLifetime))
	row := func(name, holds, covered, lives string) {
		p.Cookies = append(p.Cookies, cookie{"kj_" + name + "_" + s.ID, p.T[holds], covered, lives})
	}
	_, preferences := s.Uses(site.Preferences)
	_, analytics := s.Uses(site.Analytics)
	_, marketing := s.Uses(site.Marketing)
	row("consent", "cookie_consent", p.D["necessary"], lifetime)
	if analytics || marketing {
		covered := p.D["analytics"] + p.B["separator"] + p.D["marketing"]
		switch {
		case !marketing:
			covered = p.D["analytics"]
		case !analytics:
			covered = p.D["marketing"]
		}
		row("vid", "cookie_vid", covered, lifetime)
		row("ses", "cookie_ses", covered, fill(p.T["minutes"], "n", "30"))
	}
	if marketing {
		row("src", "cookie_src", p.D["marketing"], fill(p.T["days"], "n", "90"))
	}
	if preferences {
		row("store", "cookie_store", p.D["preferences"], lifetime)
	}
	return a.render(w, "cookies", p)
}
