package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignInAnswersTheSameForUnknownNamesAndWrongPasswords(t *testing.T) {
	h := build(t, nil, false)
	h.accounts.Users = h.accounts.Users[:1]
	wrong := h.attempt("ada", "guess", "/")
	unknown := h.attempt("nobody-of-that-name", "guess", "/")
	wantStatus(t, "wrong password", wrong, http.StatusUnauthorized)
	wantStatus(t, "unknown name", unknown, http.StatusUnauthorized)
	strip := func(r reply) string { return strings.ReplaceAll(r.body, csrfOf(t, r.body), "") }
	if strip(wrong) != strip(unknown) {
		t.Error("the pages differ")
	}
	for _, c := range append(wrong.Cookies(), unknown.Cookies()...) {
		if c.Name == sessionCookie {
			t.Error("a session was started")
		}
	}
	if strings.Contains(h.log.String(), "nobody-of-that-name") || strings.Contains(h.log.String(), "guess") || strings.Contains(h.log.String(), "127.0.0.1") {
		t.Errorf("the log names what it must not:\n%s", h.log.String())
	}
	if !strings.Contains(h.log.String(), "user=ada") {
		t.Errorf("the log does not name the account under attack:\n%s", h.log.String())
	}
}

// An unknown name must cost a hash as a known one does: the decoy has the
// costs of the configured users and is never met.
func TestUnknownNamesCostAHash(t *testing.T) {
	like, err := parseHash(quickHash("x"))
	if err != nil {
		t.Fatal(err)
	}
	d := decoy(like)
	if d.memory != like.memory || d.passes != like.passes || d.lanes != like.lanes || len(d.key) != keyBytes {
		t.Errorf("decoy %s costs other than %s", d, like)
	}
	if d.matches("x") || d.matches("") {
		t.Error("a decoy was met")
	}
}

func TestSignInGoesWhereItWasAskedForButNeverAway(t *testing.T) {
	h := build(t, nil, false)
	for next, want := range map[string]string{
		"/installation?site=shop": "/installation?site=shop",
		"":                        "/",
		"https://evil.example/":   "/",
		"//evil.example/":         "/",
		`/\evil.example/`:         "/",
		"/\tevil":                 "/",
	} {
		if got := h.attempt("ada", "ada's password", next).Header.Get("Location"); got != want {
			t.Errorf("next=%q goes to %q, want %q", next, got, want)
		}
	}
}

func TestSignInNeedsItsForm(t *testing.T) {
	h := build(t, nil, false)
	page := h.do("GET", "/signin")
	right := url.Values{"csrf": {csrfOf(t, page.body)}, "name": {"ada"}, "password": {"ada's password"}}
	wrong := url.Values{"csrf": {"x"}, "name": {"ada"}, "password": {"ada's password"}}
	wantStatus(t, "without the cookie", h.do("POST", "/signin", form(right)), http.StatusForbidden)
	wantStatus(t, "with another token", h.do("POST", "/signin", cookies(page.Cookies()), form(wrong)), http.StatusForbidden)
	foreign := h.do("POST", "/signin", cookies(page.Cookies()), form(right), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	wantStatus(t, "from a foreign page", foreign, http.StatusForbidden)
	wantStatus(t, "as it should be", h.do("POST", "/signin", cookies(page.Cookies()), form(right)), http.StatusSeeOther)
}

func TestManyFailuresMustWait(t *testing.T) {
	h := build(t, nil, false)
	for range triesNameAndAdr {
		wantStatus(t, "a failure", h.attempt("ada", "guess", "/"), http.StatusUnauthorized)
	}
	late := h.attempt("ada", "ada's password", "/")
	wantStatus(t, "the right password after too many wrong ones", late, http.StatusTooManyRequests)
	if late.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	wantStatus(t, "somebody else", h.attempt("root", "root's password", "/"), http.StatusSeeOther)
	h.now = h.now.Add(triesWindow)
	wantStatus(t, "after the wait", h.attempt("ada", "ada's password", "/"), http.StatusSeeOther)
}

func TestSessionsEnd(t *testing.T) {
	reach := func(h *house, session []*http.Cookie) bool {
		return h.do("GET", "/api/v1/reports", cookies(session)).StatusCode == http.StatusOK
	}
	for name, end := range map[string]func(h *house, session []*http.Cookie){
		"idle":             func(h *house, _ []*http.Cookie) { h.now = h.now.Add(sessionIdle) },
		"the user is gone": func(h *house, _ []*http.Cookie) { h.accounts.Users = h.accounts.Users[1:] },
		"another password": func(h *house, _ []*http.Cookie) { h.accounts.Users[0].Argon2id = quickHash("new") },
		"a week has passed": func(h *house, session []*http.Cookie) {
			for range int(sessionLife / (sessionIdle / 2)) {
				h.now = h.now.Add(sessionIdle / 2)
				reach(h, session)
			}
		},
		"signed out": func(h *house, session []*http.Cookie) {
			page := h.do("GET", "/nowhere", cookies(session))
			wantStatus(t, "a page that is not there", page, http.StatusNotFound)
			who := h.do("GET", "/reports/nonsense", cookies(session))
			out := h.do("POST", "/signout", cookies(session), form(url.Values{"csrf": {csrfOf(t, who.body)}}))
			wantStatus(t, "signing out", out, http.StatusSeeOther)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, nil, false)
			session := h.signIn("ada")
			if !reach(h, session) {
				t.Fatal("the session does not work")
			}
			h.now = h.now.Add(time.Minute)
			end(h, session)
			if reach(h, session) {
				t.Error("the session still works")
			}
		})
	}
}

func TestFormsNeedTheSessionsToken(t *testing.T) {
	h := build(t, nil, false)
	session := h.signIn("ada")
	for name, values := range map[string]url.Values{"none": {}, "another": {"csrf": {"AAAA"}}} {
		wantStatus(t, name, h.do("POST", "/signout", cookies(session), form(values)), http.StatusForbidden)
	}
	if h.do("GET", "/api/v1/reports", cookies(session)).StatusCode != http.StatusOK {
		t.Error("a form without token ended the session")
	}
}

func TestCookiesAreHeldToThisConsole(t *testing.T) {
	h := build(t, nil, true)
	page := h.do("GET", "/signin")
	answer := h.attempt("ada", "ada's password", "/")
	for _, c := range append(page.Cookies(), answer.Cookies()...) {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s", c)
		}
	}
	if page.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over https")
	}
}
