package enrich

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func headers(values ...string) [][]byte {
	var out [][]byte
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	cases := []struct {
		name, peer string
		headers    [][]byte
		want       string
	}{
		{"no header", "198.51.100.1", nil, "198.51.100.1"},
		{"peer not trusted", "198.51.100.1", headers("203.0.113.7"), "198.51.100.1"},
		{"peer trusted, no header", "10.0.0.1", nil, "10.0.0.1"},
		{"one hop", "10.0.0.1", headers("203.0.113.7"), "203.0.113.7"},
		{"spoofed left of the client", "10.0.0.1", headers("1.1.1.1, 203.0.113.7"), "203.0.113.7"},
		{"trusted hops are skipped", "10.0.0.1", headers("1.1.1.1, 203.0.113.7, 10.1.1.1,10.2.2.2"), "203.0.113.7"},
		{"several headers are one list", "10.0.0.1", headers("1.1.1.1", "203.0.113.7", "10.1.1.1"), "203.0.113.7"},
		{"all hops trusted", "10.0.0.1", headers("10.9.9.9, 10.1.1.1"), "10.9.9.9"},
		{"port", "10.0.0.1", headers("203.0.113.7:4711"), "203.0.113.7"},
		{"IPv6", "10.0.0.1", headers("2001:db8::7"), "2001:db8::7"},
		{"IPv6 in brackets", "10.0.0.1", headers("[2001:db8::7]"), "2001:db8::7"},
		{"IPv6 with port", "10.0.0.1", headers("[2001:db8::7]:443"), "2001:db8::7"},
		{"IPv6 hop trusted", "2001:db8:ffff::1", headers("2001:db8::7, [2001:db8:ffff::2]:80"), "2001:db8::7"},
		{"mapped peer", "::ffff:10.0.0.1", headers("203.0.113.7"), "203.0.113.7"},
		{"mapped entry", "10.0.0.1", headers("::ffff:203.0.113.7"), "203.0.113.7"},
		{"mapped trusted entry", "10.0.0.1", headers("203.0.113.7, ::ffff:10.1.1.1"), "203.0.113.7"},
		{"zone is dropped", "10.0.0.1", headers("fe80::1%eth0"), "fe80::1"},
		{"spaces and tabs", "10.0.0.1", headers(" \t203.0.113.7\t "), "203.0.113.7"},
		{"garbage stops at the last good hop", "10.0.0.1", headers("203.0.113.7, unknown, 10.1.1.1"), "10.1.1.1"},
		{"garbage at once", "10.0.0.1", headers("203.0.113.7, _hidden"), "10.0.0.1"},
		{"empty entry", "10.0.0.1", headers("203.0.113.7,"), "10.0.0.1"},
		{"empty header", "10.0.0.1", headers("203.0.113.7", ""), "10.0.0.1"},
		{"unspecified", "10.0.0.1", headers("0.0.0.0"), "10.0.0.1"},
		{"IPv4 in brackets", "10.0.0.1", headers("[203.0.113.7]"), "10.0.0.1"},
		{"port too large", "10.0.0.1", headers("203.0.113.7:99999"), "10.0.0.1"},
		{"very long entry", "10.0.0.1", headers(strings.Repeat("1", 5000)), "10.0.0.1"},
		{"too many hops", "10.0.0.1", headers("203.0.113.7," + strings.Repeat("10.0.0.2,", 40) + "10.0.0.3"), "10.0.0.2"},
	}
	for _, c := range cases {
		got := ClientAddress(netip.MustParseAddr(c.peer), trusted, c.headers)
		if !got.Known() || got.at.String() != c.want {
			t.Errorf("%s: %v, want %s", c.name, got.at, c.want)
		}
	}
	if ClientAddress(netip.Addr{}, trusted, headers("203.0.113.7")).Known() {
		t.Error("a request without a peer has an address")
	}
}

func TestTheRightmostUntrustedHopIsTheClientWhateverStandsLeft(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.StringMatching(`[0-9a-f:., \[\]x]{0,60}`).Draw(t, "left")
		got := ClientAddress(netip.MustParseAddr("10.0.0.1"), trusted, headers(left+",203.0.113.7, 10.3.3.3"))
		if got.at.String() != "203.0.113.7" {
			t.Fatalf("left part %q made it %v", left, got.at)
		}
	})
}

// The address stays in memory: clause 2.2.2.2.
func TestPolicy_2_2_2_2_AddressReachesNoOutput(t *testing.T) {
	type outer struct {
		Client Address
		inner  Address
	}
	a := AddressFrom(netip.MustParseAddr("203.0.113.7"))
	value := outer{a, a}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n"+verb+"\n", a, value)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "client", a, "outer", value)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	fmt.Fprintln(&out, fmt.Errorf("hit of %v: %+v", a, value))
	octets := fmt.Sprint(0xcb007107) // the address as a number, as a dump of its bits shows it
	for _, secret := range []string{"203", "113.7", "cb007107", "cb 00 71", octets, "3405803783", "281474087514375"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q in the output:\n%s", secret, out.String())
		}
	}
}

func TestRateKey(t *testing.T) {
	key := func(s string) uint64 { return AddressFrom(netip.MustParseAddr(s)).RateKey() }
	if key("203.0.113.7") != key("::ffff:203.0.113.7") {
		t.Error("a mapped address is another client")
	}
	if key("203.0.113.7") == key("203.0.113.8") {
		t.Error("two IPv4 addresses are one client")
	}
	if key("2001:db8:1:2::1") != key("2001:db8:1:2:ffff::9") {
		t.Error("a /64 is two clients")
	}
	if key("2001:db8:1:2::1") == key("2001:db8:1:3::1") {
		t.Error("two /64 are one client")
	}
	if one, other := (Address{}).RateKey(), (Address{}).RateKey(); one != other {
		t.Error("unknown addresses do not share a key")
	}
}

func TestSameNetwork(t *testing.T) {
	cases := []struct {
		a, b string
		want bool
	}{
		{"203.0.113.7", "203.0.200.1", true},
		{"203.0.113.7", "203.1.113.7", false},
		{"2001:db8:1:2::1", "2001:db8:1:ffff::1", true},
		{"2001:db8:1::1", "2001:db8:2::1", false},
		{"203.0.113.7", "::ffff:203.0.1.1", true},
		{"203.0.113.7", "2001:db8::1", false},
	}
	for _, c := range cases {
		a, b := AddressFrom(netip.MustParseAddr(c.a)), AddressFrom(netip.MustParseAddr(c.b))
		if got := a.SameNetwork(b); got != c.want {
			t.Errorf("%s, %s: %v", c.a, c.b, got)
		}
	}
	if (Address{}).SameNetwork(Address{}) {
		t.Error("no address is in no network")
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add([]byte("1.1.1.1, [2001:db8::1]:80, 10.0.0.1"), []byte("fe80::1%eth0,,"))
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		got := ClientAddress(netip.MustParseAddr("10.0.0.1"), trusted, [][]byte{one, two})
		if !got.Known() || got.at.Is4In6() || got.at.Zone() != "" {
			t.Fatalf("%q %q gave %v", one, two, got.at)
		}
	})
}

func BenchmarkClientAddress(b *testing.B) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	peer, list := netip.MustParseAddr("10.0.0.1"), headers("203.0.113.7, 10.1.1.1")
	b.ReportAllocs()
	for b.Loop() {
		ClientAddress(peer, trusted, list)
	}
}
