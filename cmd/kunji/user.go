package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/kunjicloud/kunji/analytics/console"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Make a user. The password comes from standard input or is asked for."`
	Passwd userPasswdCmd `cmd:"" help:"Give a user another password."`
}

type userAddCmd struct {
	Name  string   `arg:"" help:"The name to sign in with."`
	Role  string   `required:"" enum:"marketer,mailer,operator,admin" help:"marketer, mailer, operator or admin."`
	Site  []string `required:"" help:"A site's id, several times for several, or * for all."`
	Write bool     `help:"Write it into the configuration, which keeps its comments, instead of printing it."`
}

type userPasswdCmd struct {
	Name  string `arg:"" help:"The name to sign in with."`
	Write bool   `help:"Write it into the configuration instead of printing it."`
}

// Run prints the lines of a new user, or writes them.
func (c *userAddCmd) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(cfg.Console.Users, func(u console.User) bool { return u.Name == c.Name }) {
		return usagef("there is a user %q already: kunji user passwd gives another password", c.Name)
	}
	if err := cfg.checkGrant(c.Site); err != nil {
		return err
	}
	hash, err := a.newPassword()
	if err != nil {
		return err
	}
	entry := yamlEntry{{"name", c.Name}, {"argon2id", hash}, {"role", c.Role}, {"sites", c.Site}}
	if c.Write {
		return a.addEntry("users", entry)
	}
	fmt.Fprintf(a.stdout, "console:\n  users:\n%s", entry.block(4))
	return nil
}

// Run prints a user's new line, or writes it.
func (c *userPasswdCmd) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(cfg.Console.Users, func(u console.User) bool { return u.Name == c.Name })
	if i < 0 {
		return usagef("there is no user %q: kunji user add makes one", c.Name)
	}
	hash, err := a.newPassword()
	if err != nil {
		return err
	}
	if c.Write {
		return a.replaceText(cfg.Console.Users[i].Argon2id, hash)
	}
	fmt.Fprintf(a.stdout, "argon2id: %s\n", quoteYAML(hash))
	return nil
}

// checkGrant refuses sites that a user or token could never see.
func (c *Config) checkGrant(ids []string) error {
	if slices.Contains(ids, "*") && len(ids) > 1 {
		return usagef("--site '*' is all sites: write it alone")
	}
	for _, id := range ids {
		if id == "*" {
			continue
		}
		if _, err := c.siteNamed(id); err != nil {
			return err
		}
	}
	return nil
}

// newPassword asks twice at a terminal, or reads one line of standard input,
// and returns its hash. A password never stands on the command line, where
// other users of the machine and its history see it.
func (a *app) newPassword() (string, error) {
	password, err := a.readPassword()
	if err != nil {
		return "", err
	}
	hash, err := console.HashPassword(password)
	if err != nil {
		return "", usagef("%v", err)
	}
	return hash, nil
}

func (a *app) readPassword() (string, error) {
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		first, err := a.ask(f, "Password: ")
		if err != nil {
			return "", err
		}
		second, err := a.ask(f, "Again: ")
		if err != nil {
			return "", err
		}
		if first != second {
			return "", usagef("the two passwords differ")
		}
		return first, nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, 4*console.MaxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usagef("no password came from standard input: write it there, in one line")
	}
	return line, nil
}

func (a *app) ask(f *os.File, prompt string) (string, error) {
	fmt.Fprint(a.stderr, prompt)
	password, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(password), nil
}
