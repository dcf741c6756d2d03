package banner

import (
	"io"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// cookie is a row of the cookie table.
type cookie struct{ Name, Holds, Covered, Lives string }

type cookiesPage struct {
	frame
	Intro    string
	Cookies  []cookie
	Services []Row
	Help     []help
}

// help is where one browser shows, blocks and deletes cookies.
type help struct{ Text, Address string }

// RenderCookies writes the cookie table of the contract for one site, what its
// services set, and where the main browsers show, block and delete cookies
// (policy 6.1 to 6.3).
func (a *Assets) RenderCookies(w io.Writer, s *site.Site, lang string) error {
	p := cookiesPage{frame: a.frame(s, lang, a.in(lang).Pages["cookies_title"], 1), Services: a.services(s, lang)}
	p.Intro = fill(p.T["cookies_intro"], "site", siteName(s))
	p.Cookies = p.cookies(s)
	for _, browser := range []string{"chrome", "edge", "firefox", "safari", "samsung", "wechat"} {
		text, address, linked := strings.Cut(p.T["help_"+browser], "https://")
		if linked {
			text, address = strings.TrimRight(text, " :："), "https://"+address
		}
		p.Help = append(p.Help, help{text, address})
	}
	return a.render(w, "cookies", p)
}

// cookies are those that the site's purposes can set.
func (f *frame) cookies(s *site.Site) []cookie {
	var list []cookie
	lifetime := fill(f.T["days"], "n", days(s.ConsentLifetime))
	row := func(name, holds, covered, lives string) {
		list = append(list, cookie{"kj_" + name + "_" + s.ID, f.T[holds], covered, lives})
	}
	_, preferences := s.Uses(site.Preferences)
	_, analytics := s.Uses(site.Analytics)
	_, marketing := s.Uses(site.Marketing)
	row("consent", "cookie_consent", f.D["necessary"], lifetime)
	if analytics || marketing {
		covered := f.D["analytics"] + f.B["separator"] + f.D["marketing"]
		switch {
		case !marketing:
			covered = f.D["analytics"]
		case !analytics:
			covered = f.D["marketing"]
		}
		row("vid", "cookie_vid", covered, lifetime)
		row("ses", "cookie_ses", covered, fill(f.T["minutes"], "n", "30"))
	}
	if marketing {
		row("src", "cookie_src", f.D["marketing"], fill(f.T["days"], "n", "90"))
	}
	if preferences {
		row("store", "cookie_store", f.D["preferences"], lifetime)
	}
	return list
}
