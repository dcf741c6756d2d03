package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/site"
)

// Config is kunji.yaml, read, checked and with every default filled in. Paths
// are complete: relative ones start at the file's folder.
type Config struct {
	Path       string // of the file
	DataDir    string
	Region     string // where this node stands
	Edge       Edge
	Console    Console
	Ops        Ops
	Jobs       bool
	Keys       Keys
	ClickHouse ClickHouse
	GeoIP      GeoIP
	Spool      Spool
	SMTP       SMTP
	Retention  Retention
	Sites      []*site.Site

	policyDirs map[string]string // by site: where its policies and incidents lie
}

// Edge is what visitors' browsers talk to.
type Edge struct {
	Listen         string
	PublicURL      *url.URL
	TrustedProxies []netip.Prefix
	RateLimit      int // hits a second and address; 0: none
	TLS            TLS
}

// TLS is how a listener speaks; off when neither Files nor ACME is set.
type TLS struct {
	Files     bool
	Cert, Key string
	// ACME has certificates for the sites' hosts fetched when they are first asked
	// for, from the authority at Directory; Roots is a PEM file of its own root.
	ACME                    bool
	Email, Directory, Roots string
}

// Console is what marketers and operators see.
type Console struct {
	Listen         string
	PublicURL      *url.URL // where people open it; nil where only they know
	TrustedProxies []netip.Prefix
	TLS            TLS
	console.Accounts
}

// Secure reports whether browsers reach the console over https: it speaks TLS
// itself, or what stands in front of it does.
func (c Console) Secure() bool {
	return c.TLS.Files || c.PublicURL != nil && c.PublicURL.Scheme == "https"
}

// Ops is for operators alone.
type Ops struct{ Listen string }

// Keys names the key ring's file.
type Keys struct{ File string }

// ClickHouse is where events are kept. DSN is empty for the embedded engine.
type ClickHouse struct {
	DSN     string
	Cluster string
}

// Embedded reports whether ClickHouse runs inside the service.
func (c ClickHouse) Embedded() bool { return c.DSN == "" }

// GeoIP names database files; empty: the one built at set-up.
type GeoIP struct{ Database, ASNDatabase string }

// Spool is the queue on this node's disk. A hit is answered as kept only when
// it is there.
type Spool struct {
	MaxBytes int64
	Encrypt  bool // records are sealed before they reach the disk
}

// SMTP is where mail goes out; without a Host none does.
type SMTP struct {
	Host           string
	Port           int
	User, Password string
	From           string
}

// Retention is how long things are kept.
type Retention struct{ Events, Consents, Quarantine time.Duration }

// Site finds a site by its id.
func (c *Config) Site(id string) (*site.Site, bool) {
	for _, s := range c.Sites {
		if s.ID == id {
			return s, true
		}
	}
	return nil, false
}

// Load reads the configuration at path and the policies it names. env answers
// for environment variables, as os.Getenv does. Whatever is wrong in it comes
// back at once as Problems; a file that cannot be read as another error.
func Load(path string, env func(string) string) (*Config, Warnings, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, usagef("no configuration at %s: write one, or name it with --config", path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	return parseConfig(path, data, env, os.DirFS(filepath.Dir(path)))
}

// parseConfig is Load on bytes; folder is where relative policies are.
func parseConfig(path string, data []byte, env func(string) string, folder fs.FS) (*Config, Warnings, error) {
	rules, err := loadSchema()
	if err != nil {
		return nil, nil, err
	}
	return rules.config(path, data, env, folder)
}

func (s *schema) config(path string, data []byte, env func(string) string, folder fs.FS) (*Config, Warnings, error) {
	doc := readDocument(path, data)
	if doc.root == nil {
		if len(doc.problems) == 0 {
			doc.fail(doc.at(""), "", "is empty: write sites")
		}
		return nil, nil, doc.problems
	}
	doc.override(env)
	s.check(doc)

	written := defaults()
	plain, err := json.Marshal(doc.root)
	if err == nil {
		err = json.Unmarshal(plain, &written)
	}
	if err != nil && len(doc.problems) == 0 {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	spoken, err := banner.Languages()
	if err != nil {
		return nil, nil, err
	}
	r := &reader{doc: doc, folder: folder, base: filepath.Dir(path), spoken: spoken}
	cfg := r.config(&written)
	if len(doc.problems) > 0 {
		doc.problems.sort(path)
		return nil, nil, doc.problems
	}
	cfg.Path = path
	r.warnings.sort(path)
	return cfg, r.warnings, nil
}

// siteNamed is Site for what somebody typed.
func (c *Config) siteNamed(id string) (*site.Site, error) {
	if s, ok := c.Site(id); ok {
		return s, nil
	}
	known := make([]string, len(c.Sites))
	for i, s := range c.Sites {
		known[i] = s.ID
	}
	return nil, usagef("there is no site %q in %s: write %s", id, c.Path, alternatives(known))
}
