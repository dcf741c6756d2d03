package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/banner"
	"github.com/kunjicloud/kunji/edge/site"
)

// reader turns what is written into what the service uses. What it finds wrong
// goes into the document's problems; after one it goes on, with a zero value.
type reader struct {
	doc      *document
	folder   fs.FS  // the file's folder, for policies
	base     string // its path
	warnings Warnings
	spoken   []banner.LanguageInfo // what the banner speaks
}

func (r *reader) fault(path, format string, args ...any) {
	if !r.doc.problems.touches(path) {
		r.doc.fail(r.doc.at(path), path, format, args...)
	}
}

func (r *reader) warn(path, format string, args ...any) {
	p := Problem{place: r.doc.at(path), Path: path, Message: fmt.Sprintf(format, args...)}
	r.warnings = append(r.warnings, Warning{Problem: p})
}

func (r *reader) config(w *file) *Config {
	c := &Config{
		DataDir: r.file(w.DataDir),
		Region:  w.Region,
		Edge: Edge{
			Listen:         r.listen("edge.listen", w.Edge.Listen),
			PublicURL:      r.endpoint("edge.public_url", w.Edge.PublicURL),
			TrustedProxies: r.networks("edge.trusted_proxies", w.Edge.TrustedProxies),
			RateLimit:      w.Edge.RateLimit,
			TLS:            r.tls("edge.tls", w.Edge.TLS),
		},
		Console:    r.console(w.Console),
		Ops:        Ops{r.listen("ops.listen", w.Ops.Listen)},
		Jobs:       w.Jobs,
		Keys:       Keys{r.file(w.Keys.File)},
		ClickHouse: r.clickhouse(w.ClickHouse),
		GeoIP:      GeoIP{r.file(w.GeoIP.Database), r.file(w.GeoIP.ASNDatabase)},
		Spool:      Spool{r.size("spool.max_bytes", string(w.Spool.MaxBytes)), w.Spool.Encrypt},
		SMTP:       r.smtp(w.SMTP),
		Retention: Retention{
			Events:     r.term("retention.events", w.Retention.Events),
			Consents:   r.term("retention.consents", w.Retention.Consents),
			Quarantine: r.term("retention.quarantine", w.Retention.Quarantine),
		},
	}
	if c.Keys.File == "" {
		c.Keys.File = filepath.Join(c.DataDir, "keys.json")
	}
	r.listeners(c)
	r.warnConsole(c.Console)
	r.sites(c, w.Sites)
	r.users(c, w.Console.Users)
	r.tokens(c, w.Console.Tokens)
	return c
}

// file completes a path from the configuration's folder; "" stays empty.
func (r *reader) file(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.base, path)
}

func (r *reader) listen(path, text string) string {
	_, port, _ := strings.Cut(text[strings.LastIndexByte(text, ']')+1:], ":")
	if n, err := strconv.Atoi(port); err != nil || n > 65535 {
		r.fault(path, "%q has no port from 0 to 65535: write an address such as 127.0.0.1:8080", text)
	}
	return text
}

// listeners refuses one address for two listeners; port 0 is free for each.
func (r *reader) listeners(c *Config) {
	seen := map[string]string{}
	for _, l := range []struct{ path, addr string }{
		{"edge.listen", c.Edge.Listen},
		{"console.listen", c.Console.Listen},
		{"ops.listen", c.Ops.Listen},
	} {
		if first, taken := seen[l.addr]; taken && !strings.HasSuffix(l.addr, ":0") {
			r.fault(l.path, "%q is taken by %s: write another port", l.addr, first)
		}
		seen[l.addr] = l.path
	}
}

func (r *reader) endpoint(path, text string) *url.URL {
	u, err := site.ParseEndpoint(text)
	if err != nil {
		r.fault(path, "%v", err)
		return &url.URL{}
	}
	return u
}

// console is all of it but the accounts, which name sites.
func (r *reader) console(w fileConsole) Console {
	c := Console{
		Listen:         r.listen("console.listen", w.Listen),
		PublicURL:      r.origin("console.public_url", w.PublicURL),
		TrustedProxies: r.networks("console.trusted_proxies", w.TrustedProxies),
		TLS:            r.tls("console.tls", w.TLS),
	}
	if c.TLS.Files && c.PublicURL != nil && c.PublicURL.Scheme == "http" {
		r.fault("console.public_url", "%q is not reached over TLS, which console.tls has the console speak: write https://%s", w.PublicURL, c.PublicURL.Host)
	}
	return c
}

// origin is an address without a path, because the console's pages stand at the
// root of their host; nil where none is written.
func (r *reader) origin(path, text string) *url.URL {
	if text == "" {
		return nil
	}
	u := r.endpoint(path, text)
	if u.Path != "" {
		r.fault(path, "%q has a path, and the console answers at the root of a host only: write %s://%s", text, u.Scheme, u.Host)
	}
	return u
}

func (r *reader) networks(path string, texts []string) []netip.Prefix {
	var out []netip.Prefix
	for i, text := range texts {
		at := indexed(path, i)
		prefix, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		switch {
		case err != nil:
			r.fault(at, "%q is not a network: write one such as 10.0.0.0/8 or ::1", text)
		case prefix.Masked() != prefix:
			r.fault(at, "%q has bits set behind its length: write %s", text, prefix.Masked())
		case prefix.Bits() == 0:
			r.fault(at, "%q is everybody: any visitor could then name any address; write the proxies' networks", text)
		default:
			out = append(out, prefix)
		}
	}
	return out
}

func (r *reader) tls(path string, w fileTLS) TLS {
	t := TLS{Files: w.Mode == "files", Cert: r.file(w.Cert), Key: r.file(w.Key)}
	switch {
	case t.Files && t.Cert == "":
		r.fault(path+".cert", "is missing: mode files needs cert and key")
	case t.Files && t.Key == "":
		r.fault(path+".key", "is missing: mode files needs cert and key")
	case !t.Files && t.Cert != "":
		r.fault(path+".cert", "is not used with mode %s: write mode: files, or remove it", w.Mode)
	case w.Mode == "acme" && path != "edge.tls":
		r.fault(path+".mode", "acme is for the edge alone, whose hosts the sites name: write files, with a certificate for the console's host")
	case w.Mode == "acme":
		t.ACME, t.Email, t.Directory, t.Roots = true, w.Email, w.Directory, r.file(w.Roots)
		if u, err := url.Parse(t.Directory); err != nil || t.Directory != "" && u.Scheme != "https" {
			r.fault(path+".directory", "%q is not the address of an ACME directory: write https://…, or remove it for Let's Encrypt", t.Directory)
		}
	case w.Email != "" || w.Directory != "" || w.Roots != "":
		r.fault(path+".mode", "email, directory and roots are for mode acme: write it, or remove them")
	}
	return t
}

// clickhouse checks the address by hand: it may name several hosts, and it
// holds a password, so that no message may quote it.
func (r *reader) clickhouse(w fileClickHouse) ClickHouse {
	if w.DSN == "embedded" {
		if w.Cluster != "" {
			r.fault("clickhouse.cluster", "needs a server: write its address into clickhouse.dsn, or remove the cluster")
		}
		return ClickHouse{}
	}
	_, rest, _ := strings.Cut(w.DSN, "://")
	rest, _, _ = strings.Cut(rest, "?")
	authority, database, _ := strings.Cut(rest, "/")
	hosts := authority[strings.LastIndexByte(authority, '@')+1:]
	for host := range strings.SplitSeq(hosts, ",") {
		if name, _, _ := strings.Cut(host, ":"); name == "" {
			r.fault("clickhouse.dsn", "names no host: write clickhouse://user:password@host:9000/kunji, several hosts separated by commas")
			return ClickHouse{}
		}
	}
	if strings.Contains(database, "/") {
		r.fault("clickhouse.dsn", "has more than a database behind the host: write clickhouse://user:password@host:9000/kunji")
	}
	return ClickHouse(w)
}

func (r *reader) size(path, text string) int64 {
	n, err := parseSize(text)
	if err == nil && n < 1<<20 {
		err = fmt.Errorf("%q holds next to nothing: write 1MiB or more", text)
	}
	if err != nil {
		r.fault(path, "%v", err)
	}
	return n
}

func (r *reader) duration(path, text string) time.Duration {
	d, err := parseDuration(text)
	if err != nil {
		r.fault(path, "%v", err)
	}
	return d
}

// term is how long something is kept: whole days, because rows expire by day.
func (r *reader) term(path, text string) time.Duration {
	d := r.duration(path, text)
	switch {
	case d < day:
		r.fault(path, "%q is less than a day: write 1d or more", text)
	case d%day != 0:
		r.fault(path, "%q is not a number of whole days: rows expire by day; write one such as 395d", text)
	case d > 100*365*day:
		r.fault(path, "%q is longer than a life: write 100y or less", text)
	}
	return d
}

func (r *reader) smtp(w fileSMTP) SMTP {
	s := SMTP(w)
	if s.Host == "" {
		if s.User != "" || s.Password != "" || s.From != "" {
			r.fault("smtp.host", "is missing: no mail goes out without it")
		}
		return s
	}
	host, err := site.ParseHost(s.Host)
	if err != nil {
		r.fault("smtp.host", "%v", err)
	}
	s.Host = host
	if from, err := mail.ParseAddress(s.From); err != nil || from.Address != s.From {
		r.fault("smtp.from", "is not a mail address: write one such as privacy@shop.example")
	}
	return s
}

func (r *reader) users(c *Config, written []fileUser) {
	for i, w := range written {
		path := indexed("console.users", i)
		if slices.ContainsFunc(c.Console.Users, func(u console.User) bool { return u.Name == w.Name }) {
			r.fault(path+".name", "%q stands there twice: give each user a name of its own", w.Name)
		}
		u := console.User{Name: w.Name, Argon2id: w.Argon2id, Role: console.Role(w.Role), Sites: w.Sites}
		if err := (console.Accounts{Users: []console.User{u}}).Check(); err != nil {
			if inner := errors.Unwrap(err); inner != nil {
				err = inner // without the name, which the path tells
			}
			r.fault(path+".argon2id", "%v", err)
		}
		r.grants(c, path+".sites", w.Sites)
		c.Console.Users = append(c.Console.Users, u)
	}
}

func (r *reader) tokens(c *Config, written []fileToken) {
	for i, w := range written {
		path := indexed("console.tokens", i)
		for _, other := range c.Console.Tokens {
			if other.Name == w.Name {
				r.fault(path+".name", "%q stands there twice: give each token a name of its own", w.Name)
			}
			if other.SHA256 == w.SHA256 {
				r.fault(path+".sha256", "is that of token %q too: make a new one with `kunji token new NAME`", other.Name)
			}
		}
		r.grants(c, path+".sites", w.Sites)
		c.Console.Tokens = append(c.Console.Tokens, console.Token{
			Name: w.Name, SHA256: w.SHA256, Role: console.Role(w.Role), Sites: w.Sites,
		})
	}
}

// grants checks the sites that a user or token may see.
func (r *reader) grants(c *Config, path string, ids []string) {
	var known []string
	for _, s := range c.Sites {
		if s.ID != "" && !slices.Contains(known, s.ID) {
			known = append(known, s.ID)
		}
	}
	for i, id := range ids {
		at := indexed(path, i)
		switch {
		case id == "*" && len(ids) > 1:
			r.fault(at, `"*" is all sites: write it alone`)
		case id != "*" && id != "" && !slices.Contains(known, id):
			r.fault(at, "there is no site %q: write %s", id, alternatives(append(known, `"*"`)))
		}
	}
}
