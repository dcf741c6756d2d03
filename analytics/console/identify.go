package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

const sessionCookie = "kunji_console"

type principalKey struct{}

// principalOf returns who a request comes from; nil where nobody is signed in.
func principalOf(r *http.Request) *principal {
	p, _ := r.Context().Value(principalKey{}).(*principal)
	return p
}

// identify finds who a request comes from: a bearer token, else a session. A
// request with a wrong token is nobody's, whatever cookie it also has.
func (c *Console) identify(r *http.Request) *principal {
	accounts := c.opt.Accounts()
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, bearer, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil
		}
		token, ok := accounts.token(strings.TrimSpace(bearer))
		if !ok {
			return nil
		}
		return &principal{name: token.Name, role: token.Role, sites: token.Sites}
	}
	secret := c.readCookie(r, sessionCookie)
	if secret == "" {
		return nil
	}
	found, ok := c.sessions.find(secret)
	if !ok {
		return nil
	}
	user, ok := accounts.user(found.user)
	if !ok || user.Argon2id != found.argon2id {
		c.sessions.end(secret)
		return nil
	}
	return &principal{name: user.Name, role: user.Role, sites: user.Sites, session: &found}
}

// identified lets only known principals pass; others get 401.
func (c *Console) identified(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := c.identify(r)
		if p == nil {
			c.fail(w, r, problem{
				Status: http.StatusUnauthorized, Code: "not_signed_in", Detail: "this needs a token or a session, and none that counts was sent",
				Fix: "send Authorization: Bearer TOKEN (kunji token new makes one), or sign in at /signin",
			})
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, p)))
	}
}

// signedIn lets only sessions pass; others are sent to sign in and back. A
// form must carry the session's token.
func (c *Console) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := c.identify(r)
		if p == nil || p.session == nil {
			target := "/signin"
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				target += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
		if r.Method == http.MethodPost && !c.formIsOurs(w, r, p.session.csrf) {
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, p)))
	}
}

// sitesOf returns the sites that a principal sees, in the configuration's
// order.
func (c *Console) sitesOf(p *principal) []*site.Site {
	var own []*site.Site
	for _, s := range c.opt.Sites() {
		if p.sees(s.ID) {
			own = append(own, s)
		}
	}
	return own
}

// siteFor finds the site that a request names. A principal of some sites gets
// 403 for every other name, so that 404 does not tell which sites exist.
func (c *Console) siteFor(p *principal, id string) (*site.Site, *problem) {
	own := c.sitesOf(p)
	known := make([]string, len(own))
	for i, s := range own {
		if s.ID == id {
			return s, nil
		}
		known[i] = s.ID
	}
	fix := "name one of " + strings.Join(known, ", ")
	switch {
	case id == "":
		return nil, &problem{
			Status: http.StatusBadRequest, Code: "bad_parameter", Parameter: "site", Detail: "no site was named", Fix: fix, Known: known,
		}
	case p.sees(id):
		return nil, &problem{
			Status: http.StatusNotFound, Code: "unknown_site", Parameter: "site", Detail: "no such site is configured", Fix: fix, Known: known,
		}
	}
	return nil, &problem{
		Status: http.StatusForbidden, Code: "forbidden", Parameter: "site", Detail: "this account does not see that site", Fix: fix, Known: known,
	}
}

// allow answers 403 where the principal's role does not cover what is needed.
func (c *Console) allow(w http.ResponseWriter, r *http.Request, needed permission) bool {
	p := principalOf(r)
	if p.role.may(needed) {
		return true
	}
	c.fail(w, r, problem{
		Status: http.StatusForbidden, Code: "forbidden", Detail: "the role " + string(p.role) + " does not cover this",
		Fix: "ask an administrator for an account with another role",
	})
	return false
}
