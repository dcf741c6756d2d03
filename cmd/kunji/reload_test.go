package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/site"
)

// rewrite changes the configuration, sends SIGHUP and waits until the service
// has said what it makes of it.
func (r *running) rewrite(old, new string) {
	r.in.t.Helper()
	path := filepath.Join(r.in.dir, "kunji.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		r.in.t.Fatal(err)
	}
	changed := strings.Replace(string(b), old, new, 1)
	if changed == string(b) {
		r.in.t.Fatalf("%q does not stand in the configuration", old)
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		r.in.t.Fatal(err)
	}
	before, _ := r.in.metric("kunji_config_reload_timestamp_seconds")
	time.Sleep(2 * time.Millisecond) // the timestamp is in milliseconds
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		r.in.t.Fatal(err)
	}
	r.in.eventually("the configuration is read again", func() error {
		if now, err := r.in.metric("kunji_config_reload_timestamp_seconds"); err != nil || now <= before {
			return fmt.Errorf("%v, %v", now, err)
		}
		return nil
	})
}

// TestReload: a right configuration is taken at once, a wrong one leaves the
// one before it, and both are said.
func TestReload(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	collects := func(want string) {
		t.Helper()
		v := &visitor{in: in, client: http.DefaultClient}
		if _, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil {
			t.Fatal(err)
		}
		if _, result, err := v.do("GET", "/p.gif?s=shop&u=http://"+in.edge+"/shop/", ""); err != nil || result != want {
			t.Errorf("a hit: %q, %v, want %q", result, err, want)
		}
	}
	collects("recorded")

	r.rewrite("    currency: CNY\n", "    currency: CNY\n    status: paused\n")
	collects("recorded")
	if !strings.Contains(r.said(), "kunji.yaml:50:13: sites[0].status") {
		t.Errorf("what is wrong and where was not said:\n%s", r.said())
	}
	if ok, err := in.metric("kunji_config_reload_success"); err != nil || ok != 0 {
		t.Errorf("kunji_config_reload_success is %v, %v", ok, err)
	}
	if err := in.partOK("configuration"); err == nil {
		t.Error("/readyz says that the configuration is as written")
	}

	r.rewrite("status: paused", "status: stopped")
	collects("refused; reason=site_stopped")
	r.rewrite("status: stopped", "status: live")
	collects("recorded")
	if err := in.partOK("configuration"); err != nil {
		t.Error(err)
	}

	r.rewrite("consent_lifetime: 180d", "consent_lifetime: 200d")
	if want := "a consent's life would be 200 days instead of 180 days: write a material policy version"; !strings.Contains(r.said(), want) {
		t.Errorf("a longer life was not refused:\n%s", r.said())
	}
	policies := filepath.Join(in.dir, "policies")
	if err := os.Mkdir(policies, 0o700); err != nil {
		t.Fatal(err)
	}
	for version, material := range map[int]string{1: "false", 2: "[service]"} {
		text := fmt.Sprintf("---\ndate: 2026-0%d-01\nmaterial: %s\nsummary: Longer.\n---\nText.\n", version, material)
		for _, lang := range []string{"en", "zh-CN"} {
			if err := os.WriteFile(filepath.Join(policies, fmt.Sprintf("%d.%s.md", version, lang)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.rewrite("    # policy_dir: policies/shop", "    policy_dir: policies")
	if ok, err := in.metric("kunji_config_reload_success"); err != nil || ok != 1 {
		t.Errorf("with a material version: %v, %v\n%s", ok, err, r.said())
	}

	r.rewrite("consent_lifetime: 200d", "consent_lifetime: 100d")
	r.rewrite("jobs: true", "jobs: false")
	if want := "these keys changed and need a restart; everything else is in use\" keys=jobs\n"; !strings.Contains(r.said(), want) {
		t.Errorf("what needs a restart was not said:\n%s", r.said())
	}
	r.end()

	// Nor does a restart make visitors agree.
	path := filepath.Join(in.dir, "kunji.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), "consent_lifetime: 100d", "consent_lifetime: 101d", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	in.fails(exitUsage, "sites[0].consent_lifetime: a consent's life would be 101 days instead of 100 days", "serve")
}

// TestReloadAccounts: who may use the console changes with the configuration.
func TestReloadAccounts(t *testing.T) {
	in := newInstallation(t, "")
	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=http://"+freePort(t)+"/kunji") // away: the console does not need it for this
	r := in.start("serve")
	status := func(token string) int {
		req, err := http.NewRequest("GET", "http://"+in.console+"/api/v1/reports/none?site=shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	token := strings.TrimSpace(in.kunji("token", "new", "ci", "--role", "marketer", "--site", "shop", "--write"))
	if got := status(token); got != http.StatusUnauthorized {
		t.Errorf("before the reload: %d", got)
	}
	r.rewrite("min_group: 5", "min_group: 6")
	if got := status(token); got == http.StatusUnauthorized {
		t.Errorf("after the reload: %d", got)
	}
	r.end()
}

// TestWidened: what a site does more than was promised needs a material
// version; what it does less needs nothing.
func TestWidened(t *testing.T) {
	toA := site.Transfer{Recipient: "A", Country: "SG", Purpose: "hosting", Safeguards: "contract", Risks: "other law"}
	base := func() *site.Site {
		return &site.Site{
			ID: "shop", RetainEvents: 90 * day, RetainConsents: 900 * day, ConsentLifetime: 180 * day,
			Purposes:    []site.PurposeUse{{ID: site.Analytics, Version: 1}, {ID: site.CrossBorder, Version: 1}},
			CrossBorder: map[string]site.Transfer{"en": toA, "de": toA},
			Services:    []site.Service{{ID: "ads", Purpose: site.Analytics, Provider: "Ads", Country: "CN", Data: "pages"}},
			EventProps:  map[string][]string{"search": {"query"}},
			Regimes:     site.Regimes{"default": site.OptIn, "US": site.OptOut, "US-CA": site.OptIn},
			Minors:      site.Minors{Ask: true, Age: 14}, Policy: site.FirstPolicy(),
		}
	}
	nowhere := func(string) place { return place{} }
	f := func(change func(*site.Site), want ...string) {
		t.Helper()
		next := base()
		change(next)
		var got []string
		for _, p := range widened(promisesOf([]*site.Site{base()}), promisesOf([]*site.Site{next}), nowhere) {
			got = append(got, p.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("widened: %v, want %v", got, want)
		}
	}
	f(func(*site.Site) {})
	f(func(s *site.Site) { s.RetainEvents, s.ConsentLifetime = day, day })
	f(func(s *site.Site) {
		s.Purposes, s.Services, s.EventProps, s.Regimes, s.CrossBorder = nil, nil, nil, nil, nil
	})
	f(func(s *site.Site) { delete(s.CrossBorder, "de") })
	f(func(s *site.Site) { s.CrossBorder["fr"] = toA }) // a translation: nobody agreed to another
	f(func(s *site.Site) { s.Minors.Age = 18 })
	f(func(s *site.Site) { s.ID, s.RetainEvents = "another", 900*day })

	f(func(s *site.Site) { s.RetainEvents++ }, "sites[0].retention.events")
	f(func(s *site.Site) { s.RetainConsents++ }, "sites[0].retention.consents")
	f(func(s *site.Site) { s.ConsentLifetime++ }, "sites[0].consent_lifetime")
	f(func(s *site.Site) { s.Purposes[0].Version = 2 }, "sites[0].purposes")
	f(func(s *site.Site) { s.Purposes = append(s.Purposes, site.PurposeUse{ID: site.Marketing, Version: 1}) }, "sites[0].purposes")
	f(func(s *site.Site) { s.Services = append(s.Services, site.Service{ID: "more"}) }, "sites[0].services[1]")
	f(func(s *site.Site) { s.Services[0].Purpose = site.Marketing }, "sites[0].services[0].purpose")
	f(func(s *site.Site) { s.Services[0].Country = "US" }, "sites[0].services[0].provider")
	f(func(s *site.Site) { s.Services[0].Data = "everything" }, "sites[0].services[0]")
	for _, change := range []func(*site.Transfer){
		func(t *site.Transfer) { t.Recipient = "B" },
		func(t *site.Transfer) { t.Country = "US" },
		func(t *site.Transfer) { t.Purpose = "profiles" },
		func(t *site.Transfer) { t.Safeguards = "none" },
		func(t *site.Transfer) { t.Risks = "many" },
	} {
		to := toA
		change(&to)
		f(func(s *site.Site) { s.CrossBorder["de"] = to }, "sites[0].cross_border.de")
	}
	f(func(s *site.Site) { s.CrossBorder = map[string]site.Transfer{"fr": toA} }, "sites[0].cross_border")
	f(func(s *site.Site) { s.EventProps = map[string][]string{"search": {"query", "name"}} }, "sites[0].event_props.search")
	f(func(s *site.Site) { s.Regimes["default"] = site.OptOut }, "sites[0].regimes.default")
	f(func(s *site.Site) { s.Regimes["FK"] = site.OptOut }, "sites[0].regimes.FK")
	f(func(s *site.Site) { delete(s.Regimes, "US-CA") }, "sites[0].regimes.US", "sites[0].regimes.US-CA")
	f(func(s *site.Site) { s.Minors.Age = 13 }, "sites[0].minors")
	f(func(s *site.Site) { s.Minors.Ask = false }, "sites[0].minors")

	f(func(s *site.Site) {
		s.RetainEvents = 900 * day
		s.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1}, {Number: 2}}}
	}, "sites[0].retention.events")
	f(func(s *site.Site) {
		s.RetainEvents, s.CrossBorder["en"] = 900*day, site.Transfer{Recipient: "B"}
		s.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1}, {Number: 2, Material: []site.Material{site.MaterialService}}}}
	})
}

// TestPromisesBeforeCrossBorder: a file of a program that did not keep what
// was told about leaving the region holds nobody to it, until it is written anew.
func TestPromisesBeforeCrossBorder(t *testing.T) {
	dir := t.TempDir()
	const kept = `[{"Site": "shop", "AskedSince": 1, "Purposes": [{"ID": 4, "Version": 1}]}]`
	if err := os.WriteFile(filepath.Join(dir, promisesFile), []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(recipient string) *Config {
		path := filepath.Join(dir, "kunji.yaml")
		if err := os.WriteFile(path, []byte("sites: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return &Config{Path: path, Sites: []*site.Site{{
			ID: "shop", Policy: site.FirstPolicy(), Purposes: []site.PurposeUse{{ID: site.CrossBorder, Version: 1}},
			CrossBorder: map[string]site.Transfer{"en": {Recipient: recipient}},
		}}}
	}
	for range 2 {
		if err := keepPromises(config("A"), dir); err != nil {
			t.Error(err)
		}
	}
	if err := keepPromises(config("B"), dir); err == nil {
		t.Error("another recipient was taken")
	}
}

// TestRestartKeys: each key that needs a restart is named, and no other.
func TestRestartKeys(t *testing.T) {
	const sites = "sites: [{id: shop, domains: [shop.example]}]\n"
	read := func(text string) *Config {
		t.Helper()
		c, _, err := parseConfig("kunji.yaml", []byte(sites+text), func(string) string { return "" }, os.DirFS(t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := func(text string, want ...string) {
		t.Helper()
		if got := restartKeys(read(""), read(text)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	f("")
	f("retention: {events: 90d}")
	f("edge: {listen: '127.0.0.1:1', rate_limit: 1}", "edge.listen", "edge.rate_limit")
	f("edge: {trusted_proxies: [10.0.0.0/8]}", "edge.trusted_proxies")
	f("edge: {public_url: 'https://t.shop.example'}", "edge.public_url")
	f("console: {listen: '127.0.0.1:1'}", "console.listen")
	f("console: {public_url: 'https://c.shop.example', trusted_proxies: [10.0.0.0/8]}", "console.public_url", "console.trusted_proxies")
	f("ops: {listen: '127.0.0.1:1'}", "ops")
	f("data_dir: ./elsewhere", "data_dir", "keys")
	f("region: eu", "region")
	f("jobs: false", "jobs")
	f("clickhouse: {dsn: 'clickhouse://host:9000/kunji'}", "clickhouse")
	f("geoip: {database: a.mmdb}", "geoip")
	f("spool: {max_bytes: 1GiB}", "spool")
	f("retention: {quarantine: 1d}", "retention.quarantine")
}
