package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// User is a person who signs in.
type User struct {
	Name     string
	Argon2id string // PHC string, from HashPassword
	Role     Role
	Sites    []string // site ids; "*" is all
}

// Token is a program that calls the API.
type Token struct {
	Name   string
	SHA256 string // of the token, in hex
	Role   Role
	Sites  []string
}

// Accounts is who may come in.
type Accounts struct {
	Users  []User
	Tokens []Token
}

// Check reports what is wrong with the accounts, naming the account.
func (a Accounts) Check() error {
	seen := map[string]bool{}
	for _, u := range a.Users {
		if u.Name == "" || seen[u.Name] {
			return fmt.Errorf("user %q: a name must be there, once", u.Name)
		}
		seen[u.Name] = true
		if _, err := parseHash(u.Argon2id); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
		if _, err := ParseRole(string(u.Role)); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	for _, t := range a.Tokens {
		if b, err := hex.DecodeString(t.SHA256); err != nil || len(b) != sha256.Size {
			return fmt.Errorf("token %q: sha256 must be 64 hex digits: make one with `kunji token new`", t.Name)
		}
		if _, err := ParseRole(string(t.Role)); err != nil {
			return fmt.Errorf("token %q: %w", t.Name, err)
		}
	}
	return nil
}

// user finds a user by name. Every name is compared, so that the time taken
// does not tell which names exist.
func (a Accounts) user(name string) (User, bool) {
	var found User
	ok := false
	for _, u := range a.Users {
		if subtle.ConstantTimeCompare([]byte(u.Name), []byte(name)) == 1 {
			found, ok = u, true
		}
	}
	return found, ok
}

// token finds the token that a bearer sent. Hashes are compared, all of them,
// in constant time.
func (a Accounts) token(bearer string) (Token, bool) {
	sum := sha256.Sum256([]byte(bearer))
	var found Token
	ok := false
	for _, t := range a.Tokens {
		want, err := hex.DecodeString(strings.ToLower(t.SHA256))
		if err == nil && subtle.ConstantTimeCompare(want, sum[:]) == 1 {
			found, ok = t, true
		}
	}
	return found, ok
}

// principal is who a request comes from.
type principal struct {
	name    string
	role    Role
	sites   []string
	session *session // nil for a token
}

// sees reports whether the principal may see anything of the site.
func (p *principal) sees(siteID string) bool {
	return slices.Contains(p.sites, "*") || slices.Contains(p.sites, siteID)
}
