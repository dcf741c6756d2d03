package console

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	signInCookie = "kunji_console_form" // what the sign-in form must send back
	signInLife   = time.Hour
	maxForm      = 64 << 10
)

type signInPage struct {
	page
	CSRF  string
	Next  string
	Error string
}

// signInForm shows the form. Its token is in a cookie too: a foreign page that
// signs a visitor in as somebody else has neither.
func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	if p := c.identify(r); p != nil && p.session != nil {
		http.Redirect(w, r, localPath(r.URL.Query().Get("next")), http.StatusSeeOther)
		return
	}
	c.showSignIn(w, r, http.StatusOK, r.URL.Query().Get("next"), "")
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, next, errorKey string) {
	csrf := c.readCookie(r, signInCookie)
	if csrf == "" {
		var err error
		if csrf, err = randomText(); err != nil {
			http.Error(w, "no random bytes", http.StatusInternalServerError)
			return
		}
	}
	http.SetCookie(w, c.cookie(signInCookie, csrf, signInLife))
	data := signInPage{page: c.newPage(w, r, "signin.title"), CSRF: csrf, Next: localPath(next)}
	if errorKey != "" {
		data.Error = data.T(errorKey)
	}
	c.render(w, status, "signin", data)
}

// signIn checks name and password. Unknown names cost and say the same as
// wrong passwords.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if !c.formIsOurs(w, r, c.readCookie(r, signInCookie)) {
		return
	}
	name, password, next := r.PostForm.Get("name"), r.PostForm.Get("password"), r.PostForm.Get("next")
	if wait := c.tries.try(name, c.opt.Address(r)); wait > 0 {
		c.opt.Logger.Warn("sign-in refused: too many failures")
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		c.showSignIn(w, r, http.StatusTooManyRequests, next, "signin.wait")
		return
	}
	user, ok, done := c.checkPassword(r, name, password)
	if !done {
		return // the client has left
	}
	if !ok {
		c.opt.Logger.Warn("sign-in failed", "user", user.Name) // empty for a name that does not exist
		c.audit(r, user.Name, "sign_in_failed", "", "")
		c.showSignIn(w, r, http.StatusUnauthorized, next, "signin.wrong")
		return
	}
	c.tries.succeeded(name, c.opt.Address(r))
	secret, err := c.sessions.start(user)
	if err != nil {
		c.opt.Logger.Error("sign-in", "error", err)
		http.Error(w, "no random bytes", http.StatusInternalServerError)
		return
	}
	if old := c.readCookie(r, sessionCookie); old != "" {
		c.sessions.end(old)
	}
	http.SetCookie(w, c.cookie(signInCookie, "", 0))
	http.SetCookie(w, c.cookie(sessionCookie, secret, sessionLife))
	c.opt.Logger.Info("signed in", "user", user.Name)
	c.audit(r, user.Name, "signed_in", "", string(user.Role))
	http.Redirect(w, r, localPath(next), http.StatusSeeOther)
}

// checkPassword waits for a slot and compares. done is false where the client
// left meanwhile.
func (c *Console) checkPassword(r *http.Request, name, password string) (user User, ok, done bool) {
	select {
	case c.hashing <- struct{}{}:
		defer func() { <-c.hashing }()
	case <-r.Context().Done():
		return User{}, false, false
	}
	accounts := c.opt.Accounts()
	user, known := accounts.user(name)
	if len(password) > MaxPassword {
		return user, false, true
	}
	hash := passwordHash{memory: hashMemory, passes: hashPasses, lanes: hashLanes, key: make([]byte, keyBytes)}
	if known {
		parsed, err := parseHash(user.Argon2id)
		known, hash = err == nil, parsed
	} else if len(accounts.Users) > 0 {
		if like, err := parseHash(accounts.Users[0].Argon2id); err == nil {
			hash = like
		}
	}
	if !known {
		hash = decoy(hash)
	}
	return user, hash.matches(password) && known, true
}

// signOut ends the session.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	c.sessions.end(c.readCookie(r, sessionCookie))
	http.SetCookie(w, c.cookie(sessionCookie, "", 0))
	c.opt.Logger.Info("signed out", "user", principalOf(r).name)
	c.audit(r, principalOf(r).name, "signed_out", "", "")
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// formIsOurs reads a form and compares its token; it answers 403 itself where
// the two differ.
func (c *Console) formIsOurs(w http.ResponseWriter, r *http.Request, want string) bool {
	limit, parse := int64(maxForm), r.ParseForm
	switch r.URL.Path {
	case uploadPath, mailConsentPath:
		limit, parse = maxUpload, func() error { return r.ParseMultipartForm(maxUpload) }
	case mailPath:
		limit = maxMailForm
	}
	r.Body = bodyOf(w, r, limit)
	if err := parse(); err != nil {
		p := problem{
			Status: http.StatusBadRequest, Code: "bad_form", Detail: "the form cannot be read", Fix: "send it as the page does: application/x-www-form-urlencoded up to 64 KiB, a file as multipart/form-data up to 32 MiB",
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p = (&lostBody{err}).problem()
		}
		c.fail(w, r, p)
		return false
	}
	if want != "" && subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(want)) == 1 {
		return true
	}
	at := ""
	if c.opt.Origin != "" { // elsewhere browsers may refuse the cookies
		at = " at " + c.opt.Origin
	}
	c.fail(w, r, problem{
		Status: http.StatusForbidden, Code: "form_expired", Detail: "the form does not belong to this session",
		Fix: "open the page again" + at + ", with cookies allowed, and send the form from there",
	})
	return false
}

// localPath returns where to go after signing in: a path of this console, else
// its start. Browsers read // and /\ as another host.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}
