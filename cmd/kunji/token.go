package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/kunjicloud/kunji/analytics/console"
)

// tokenPrefix lets secret scanners recognise a token in a public repository.
const tokenPrefix = "kunji_"

type tokenCmd struct {
	New tokenNewCmd `cmd:"" help:"Make a token. It is printed once; only its SHA-256 is kept."`
}

type tokenNewCmd struct {
	Name  string   `arg:"" help:"What it is for; the audit log names it."`
	Role  string   `required:"" enum:"marketer,mailer,operator,admin" help:"marketer, mailer, operator or admin."`
	Site  []string `required:"" help:"A site's id, several times for several, or * for all."`
	Write bool     `help:"Write it into the configuration, which keeps its comments, instead of printing the lines."`
}

// Run prints a new token, 256 random bits, and the lines that let it in.
func (c *tokenNewCmd) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(cfg.Console.Tokens, func(t console.Token) bool { return t.Name == c.Name }) {
		return usagef("there is a token %q already: choose another name, or remove it from the configuration", c.Name)
	}
	if err := cfg.checkGrant(c.Site); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: the program ends where the system has no randomness
	token := tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	entry := yamlEntry{{"name", c.Name}, {"sha256", hex.EncodeToString(sum[:])}, {"role", c.Role}, {"sites", c.Site}}
	if c.Write {
		if err := a.addEntry("tokens", entry); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s\n", token)
		return nil
	}
	fmt.Fprintf(a.stdout, "# The token, shown only now: %s\nconsole:\n  tokens:\n%s", token, entry.block(4))
	return nil
}
