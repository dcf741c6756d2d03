package main

import (
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// oneSite is the least that a configuration says.
const oneSite = "sites: [ { id: shop, domains: [shop.example] } ]\n"

func noEnv(string) string { return "" }

func mustParse(t *testing.T, text string, env func(string) string) (*Config, Warnings) {
	t.Helper()
	cfg, warnings, err := parseConfig("dir/kunji.yaml", []byte(text), env, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, warnings
}

func TestDefaults(t *testing.T) {
	cfg, _ := mustParse(t, oneSite, noEnv)
	cfg.Edge.PublicURL, cfg.Sites[0].Zone = nil, nil
	s := cfg.Sites[0]
	if got := s.Endpoints[0].String(); len(s.Endpoints) != 1 || got != "http://127.0.0.1:8080" {
		t.Errorf("endpoints %v, want the public address", s.Endpoints)
	}
	s.Endpoints = nil
	wantSite := &site.Site{
		ID: "shop", Name: "shop", Domains: []string{"shop.example"}, Region: "cn", Currency: "USD",
		Purposes:        []site.PurposeUse{{ID: site.Preferences, Version: 1}, {ID: site.Analytics, Version: 1}, {ID: site.Marketing, Version: 1}},
		Minors:          site.Minors{Age: 18},
		Regimes:         site.Regimes{"default": site.OptIn},
		ConsentLifetime: 180 * day,
		MinGroup:        5,
		BlockHosts:      []string{},
		Banner:          site.Banner{Layout: site.Bar, Languages: []string{"en"}, Theme: map[string]string{}, Button: true},
		RetainEvents:    395 * day,
		RetainConsents:  5 * 365 * day,
		Policy:          site.FirstPolicy(),
	}
	if !reflect.DeepEqual(s, wantSite) {
		t.Errorf("site\n%+v, want\n%+v", s, wantSite)
	}
	cfg.Sites = nil
	want := &Config{
		Path: "dir/kunji.yaml", DataDir: "dir/data", Region: "cn",
		Edge:      Edge{Listen: "127.0.0.1:8080", RateLimit: 200},
		Console:   Console{Listen: "127.0.0.1:9080"},
		Ops:       Ops{"127.0.0.1:9081"},
		Jobs:      true,
		Keys:      Keys{"dir/data/keys.json"},
		Spool:     Spool{MaxBytes: 10 << 30},
		SMTP:      SMTP{Port: 587},
		Retention: Retention{395 * day, 5 * 365 * day, 30 * day},
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got\n%+v, want\n%+v", cfg, want)
	}
}

// TestExample loads the file at the repository's root, which README tells
// people to start from: it is valid and nothing in it is worth a warning.
func TestExample(t *testing.T) {
	cfg, warnings, err := Load("../../kunji.yaml", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	if s, ok := cfg.Site("shop"); !ok || s.Zone.String() != "Asia/Shanghai" || s.Services[0].Cookies[1] != "_exads_*" {
		t.Errorf("site %+v", s)
	}
}

func TestEverythingWritten(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{
		"policies/shop/1.en.md": {Data: []byte("---\ndate: 2025-01-01\nmaterial: false\n---\nfirst\n")},
		"policies/shop/2.en.md": {Data: []byte("---\ndate: 2026-05-01\nmaterial: [service, recipients]\nsummary: New.\n---\nsecond\n")},
	}
	cfg, _, err := parseConfig("/etc/kunji/kunji.yaml", data, noEnv, folder)
	if err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	equal("data_dir", cfg.DataDir, "/var/lib/kunji")
	equal("proxies", cfg.Edge.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")})
	equal("the console's address", cfg.Console.origin(), "https://console.shop.example")
	equal("the console's proxies", cfg.Console.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	equal("tls", cfg.Edge.TLS, TLS{Files: true, Cert: "/etc/kunji/cert.pem", Key: "/etc/kunji/key.pem"})
	equal("users", cfg.Console.Users[0].Sites, []string{"*"})
	equal("tokens", cfg.Console.Tokens[0].Sites, []string{"shop"})
	equal("clickhouse", cfg.ClickHouse, ClickHouse{"clickhouse://u:p@one:9000,two:9000/kunji?secure=true", "main"})
	equal("geoip", cfg.GeoIP, GeoIP{"/usr/share/geo.mmdb", "/etc/kunji/asn.mmdb"})
	equal("spool", cfg.Spool, Spool{512 << 20, true})
	equal("smtp", cfg.SMTP, SMTP{"smtp.shop.example", 465, "u", "p", "privacy@shop.example"})
	equal("jobs", cfg.Jobs, false)

	s := cfg.Sites[0]
	equal("domains", s.Domains, []string{"shop.example", "xn--bcher-kva.example"})
	equal("endpoint", s.Endpoints[0].String(), "https://www.shop.example/kj")
	equal("region", s.Region, "eu-west")
	equal("status", s.Status, site.Stopped)
	equal("purposes", s.Purposes, []site.PurposeUse{{ID: site.Analytics, Version: 1}, {ID: site.Marketing, Version: 3}, {ID: site.CrossBorder, Version: 1}})
	equal("transfer", s.CrossBorder["zh-CN"].Complete(), true)
	equal("minors", s.Minors, site.Minors{Ask: true, Age: 14})
	equal("regimes", s.Regimes, site.Regimes{"default": site.OptIn, "US": site.OptOut, "US-CA": site.OptIn})
	equal("consent_lifetime", s.ConsentLifetime, 100*day)
	equal("event_props", s.Props("search"), []string{"query", "results"})
	equal("retention", []time.Duration{s.RetainEvents, s.RetainConsents}, []time.Duration{90 * day, 6 * 365 * day})
	equal("theme", s.Banner.Theme, map[string]string{"bg": "#fff", "dark_button_text": "rgb(0, 0, 0)"})
	equal("banner", []any{s.Banner.Layout, s.Banner.Reason, s.Banner.Button}, []any{site.Modal, "The map needs a choice.", false})
	equal("policy", []int{s.Policy.Current().Number, s.Policy.AskedSince()}, []int{2, 2})
	equal("service", s.Services[0], site.Service{
		ID: "ga4", Name: "Analytics", Purpose: site.Analytics, Provider: "P", Country: "US", Data: "d", Use: "u",
		Retention: "14 months", Hosts: []string{"ga.example"}, Cookies: []string{"_ga", "_ga_*"}, Storage: []string{"ga"},
	})
	equal("anchor", cfg.Sites[1].Controller, s.Controller)
}

func TestEnvironment(t *testing.T) {
	env := map[string]string{
		"KUNJI_DATA_DIR":             "/srv",
		"KUNJI_EDGE_LISTEN":          ":80",
		"KUNJI_EDGE_RATE_LIMIT":      "7",
		"KUNJI_EDGE_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.1.1",
		"KUNJI_CONSOLE_PUBLIC_URL":   "https://console.shop.example",
		"KUNJI_EDGE_TLS_MODE":        "files",
		"KUNJI_EDGE_TLS_CERT":        "/c",
		"KUNJI_EDGE_TLS_KEY":         "/k",
		"KUNJI_JOBS":                 "false",
		"KUNJI_CLICKHOUSE_DSN":       "http://h:8123/kunji",
		"KUNJI_SPOOL_MAX_BYTES":      "1073741824",
		"KUNJI_REGION":               "", // as good as unset
	}
	cfg, _ := mustParse(t, "jobs: true\nregion: eu\nedge: {listen: nonsense}\n"+oneSite, func(k string) string { return env[k] })
	got := []any{
		cfg.DataDir, cfg.Edge.Listen, cfg.Edge.RateLimit, len(cfg.Edge.TrustedProxies), cfg.Edge.TLS, cfg.Jobs,
		cfg.ClickHouse.DSN, cfg.Spool.MaxBytes, cfg.Region, cfg.Keys.File, cfg.Console.origin(),
	}
	want := []any{"/srv", ":80", 7, 2, TLS{Files: true, Cert: "/c", Key: "/k"}, false, "http://h:8123/kunji", int64(1 << 30), "eu", "/srv/keys.json", "https://console.shop.example"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDocumentFaults(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, _, err := parseConfig("k.yaml", []byte(text), noEnv, fstest.MapFS{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}
	f("", `k.yaml:1:1: sites: is missing: add it (The websites)`)
	f("# nothing\n", `k.yaml:1:1: sites: is missing`)
	f("null", `k.yaml:1:1: is empty: write sites`)
	f("- a\n", `k.yaml:1:1: is a list: write a map of keys`)
	f("text", `k.yaml:1:1: is a text: write a map of keys`)
	f(oneSite+"---\n"+oneSite, `k.yaml:3:1: starts a second document`)
	f(oneSite+"edge: *base\n", `k.yaml:2:7: edge: *base names no anchor above it`)
	f("a: &a [*a]\n", `is nested too deeply`)
	f("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"+
		"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e]\n", `is nested too deeply`)
	f(strings.Repeat("#", maxConfigBytes+1), `k.yaml:1:1: is larger than 1 MiB`)
	f("region: eu\nregion: cn\n"+oneSite, `k.yaml:2:1: region: stands there twice, first at line 1`)
	f("region: \"eu\n"+oneSite, `k.yaml:1:9: is not YAML: `)
	f("1: 2\n"+oneSite, `k.yaml:1:1: 1: unknown key "1"`)
	f("<<: {a: b}\n"+oneSite, `unknown key "<<"`)
	f("edge: {listen: \"[::1]:99999\"}\n"+oneSite, `k.yaml:1:16: edge.listen: "[::1]:99999" has no port from 0 to 65535`)
	f("retention: {events: 999999y}\n"+oneSite, `is longer than 292 years`)
	f("spool: {max_bytes: 999999999999TiB}\n"+oneSite, `is larger than any disk`)
	f("console: {public_url: 'https://shop.example/console/'}\n"+oneSite, `k.yaml:1:23: console.public_url: "https://shop.example/console/" has a path, and the console answers at the root of a host only: write https://shop.example`)
	f("console: {public_url: 'https://u:p@shop.example'}\n"+oneSite, `console.public_url: an endpoint carries no user name or password`)
	f("console: {public_url: 'http://shop.example', tls: {mode: files, cert: c, key: k}}\n"+oneSite, `is not reached over TLS, which console.tls has the console speak: write https://shop.example`)
	f("console: {trusted_proxies: ['::/0']}\n"+oneSite, `console.trusted_proxies[0]: "::/0" is everybody`)
	f("console: {tls: {mode: acme}}\n"+oneSite, `acme is for the edge alone`)
	f("edge: {tls: {mode: acme, directory: http://ca.example/}}\n"+oneSite, `is not the address of an ACME directory`)
	f("edge: {tls: {email: a@b.example}}\n"+oneSite, `are for mode acme`)
	f("spool: {max_bytes: 1}\n"+oneSite, `"1" holds next to nothing`)
	f("clickhouse: {cluster: main}\n"+oneSite, `clickhouse.cluster: needs a server`)
	f("region: ~\n"+oneSite, `k.yaml:1:9: region: has no value: write a region such as cn, eu or us-east or remove the key`)
}

func TestAbsentFile(t *testing.T) {
	_, _, err := Load("/nowhere/kunji.yaml", noEnv)
	if err == nil || !strings.Contains(err.Error(), "no configuration at /nowhere/kunji.yaml") {
		t.Errorf("got %v", err)
	}
	_, _, err = Load(t.TempDir(), noEnv)
	if err == nil || strings.Contains(err.Error(), "no configuration") {
		t.Errorf("a folder: got %v", err)
	}
}

// FuzzConfig wants an answer to every text: a configuration that can be served
// or problems that each name a place.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"../../kunji.yaml", "testdata/full.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(oneSite))
	f.Add([]byte("a: &a [*a]\n? [x]\n: - y\n!!str 1: !x {}\n"))
	f.Add([]byte("sites: [{id: a, domains: [\"\xff\"], regimes: {? : }}]"))
	rules, err := loadSchema()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, _, err := rules.config("k.yaml", data, noEnv, fstest.MapFS{})
		if err == nil {
			for _, s := range cfg.Sites {
				if faults := s.Faults(); len(faults) > 0 {
					t.Errorf("accepted with faults: %v", faults)
				}
			}
			return
		}
		problems, ok := err.(Problems)
		if !ok || len(problems) == 0 {
			t.Fatalf("not problems: %v", err)
		}
		for _, p := range problems {
			if p.source == "" || p.line < 1 || p.column < 1 || p.Message == "" {
				t.Errorf("no place: %+v", p)
			}
		}
	})
}
