package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// TestConsoleClient: wrong sign-ins are counted for the client that trusted
// proxies name, and what anybody else writes into the header does not count.
func TestConsoleClient(t *testing.T) {
	behind := Console{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	f := func(c Console, peer, client string, forwarded ...string) {
		t.Helper()
		got := httptest.NewRequest(http.MethodPost, "/signin", nil)
		got.RemoteAddr = peer
		got.Header["X-Forwarded-For"] = forwarded
		want := httptest.NewRequest(http.MethodPost, "/signin", nil)
		want.RemoteAddr = client
		if c.clientKey(got) != c.clientKey(want) {
			t.Errorf("from %s, forwarded for %q: not counted as %s", peer, forwarded, client)
		}
	}
	f(behind, "10.0.0.1:1", "203.0.113.7:9", "203.0.113.7")
	f(behind, "[::1]:1", "203.0.113.7:9", "203.0.113.7")
	f(behind, "10.0.0.1:1", "203.0.113.7:9", "198.51.100.1, 203.0.113.7, 10.2.2.2")
	f(behind, "10.0.0.1:1", "203.0.113.7:9", "198.51.100.1", "203.0.113.7")
	f(behind, "10.0.0.1:1", "10.0.0.1:9", "nonsense")
	f(behind, "10.0.0.1:1", "10.0.0.1:9")
	f(behind, "192.0.2.9:1", "192.0.2.9:9", "203.0.113.7") // nobody's proxy
	f(Console{}, "10.0.0.1:1", "10.0.0.1:9", "203.0.113.7")
	f(Console{}, "[2001:db8::1]:1", "[2001:db8::2]:9") // one customer

	key := func(peer string) string {
		r := httptest.NewRequest(http.MethodPost, "/signin", nil)
		r.RemoteAddr = peer
		return behind.clientKey(r)
	}
	if a, b := key("203.0.113.7:1"), key("203.0.113.8:1"); a == b || strings.Contains(a, "203") {
		t.Errorf("two clients are %q and %q", a, b)
	}
}

func TestConsoleAddress(t *testing.T) {
	f := func(text, origin string, secure bool, warning string) {
		t.Helper()
		cfg, warnings := mustParse(t, text+"\n"+oneSite, noEnv)
		if got := cfg.Console.origin(); got != origin || cfg.Console.Secure() != secure {
			t.Errorf("%s: opened at %q, secure %v", text, got, cfg.Console.Secure())
		}
		said := ""
		for _, w := range warnings {
			if strings.HasPrefix(w.Path, "console") {
				said += w.Error()
			}
		}
		if (warning == "") != (said == "") || !strings.Contains(said, warning) {
			t.Errorf("%s: warns %q, want %q", text, said, warning)
		}
	}
	const clear, one = "console.listen: passwords and reports cross the network unencrypted", "console.public_url: all clients have the proxy's address"
	f("region: cn", "", false, "")
	f("console: {listen: 'localhost:9080'}", "", false, "")
	f("console: {listen: '[::1]:9080'}", "", false, "")
	f("console: {listen: ':9080'}", "", false, clear)
	f("console: {listen: '0.0.0.0:9080'}", "", false, clear)
	f("console: {listen: ':9080', public_url: 'http://127.0.0.1:9080'}", "http://127.0.0.1:9080", false, "")
	f("console: {public_url: 'http://console.shop.example'}", "http://console.shop.example", false, clear)
	f("console: {public_url: 'https://console.shop.example'}", "https://console.shop.example", true, one)
	f("console: {listen: ':9080', public_url: 'https://Console.shop.example:443/', trusted_proxies: ['::1']}", "https://console.shop.example", true, "")
	f("console: {listen: ':9443', tls: {mode: files, cert: c, key: k}}", "", true, "")
}
