package enrich

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	// Keeps the module with the test databases in go.mod.
	_ "github.com/maxmind/MaxMind-DB/pkg/writer"
)

// testData is the directory of MaxMind's own test databases, good and broken ones.
var testData = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/maxmind/MaxMind-DB").Output()
	return strings.TrimSpace(string(out)), err
})

func maxmindFile(t testing.TB, name string) string {
	t.Helper()
	dir, err := testData()
	if err != nil || dir == "" {
		t.Fatalf("module github.com/maxmind/MaxMind-DB is not in the module cache (go mod download): %v", err)
	}
	return filepath.Join(dir, name)
}

func openGeo(t testing.TB, database, asn string) (*Geo, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	g, err := OpenGeo(GeoOptions{Database: database, ASNDatabase: asn, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return g, &log
}

func TestPlaceInMaxMindDatabases(t *testing.T) {
	const (
		city       = "test-data/GeoIP2-City-Test.mmdb"
		country    = "test-data/GeoLite2-Country-Test.mmdb"
		enterprise = "test-data/GeoIP2-Enterprise-Test.mmdb"
		asn        = "test-data/GeoLite2-ASN-Test.mmdb"
		isp        = "test-data/GeoIP2-ISP-Test.mmdb"
	)
	cases := []struct {
		database, asn, addr string
		want                Place
	}{
		{city, "", "216.160.83.56", Place{Country: "US", Region: "US-WA"}},
		{city, "", "::ffff:216.160.83.56", Place{Country: "US", Region: "US-WA"}},
		{city, "", "81.2.69.142", Place{Country: "GB", Region: "GB-ENG"}},
		{city, "", "2001:218::1", Place{Country: "JP"}},
		{city, "", "fe80::1", Place{}},
		{country, "", "81.2.69.142", Place{Country: "GB"}},
		{country, asn, "89.160.20.113", Place{Country: "SE", ISP: "Bredband2 AB"}},
		{country, isp, "1.128.0.1", Place{ISP: "Telstra Internet"}},
		{"", asn, "1.128.0.1", Place{ISP: "Telstra Pty Ltd"}},
		{"", asn, "12.81.96.1", Place{}},
		{enterprise, "", "74.209.24.1", Place{Country: "US", Region: "US-NY", ISP: "Fairpoint Communications"}},
		{"", "", "81.2.69.142", Place{}},
		{city, asn, "10.0.0.1", Place{}},
		{city, asn, "127.0.0.1", Place{}},
		{city, asn, "192.168.1.1", Place{}},
		{city, asn, "::1", Place{}},
		{city, asn, "fd00::1", Place{}},
		{city, asn, "203.0.113.7", Place{}},
	}
	for _, c := range cases {
		database, asn := c.database, c.asn
		if database != "" {
			database = maxmindFile(t, database)
		}
		if asn != "" {
			asn = maxmindFile(t, asn)
		}
		g, _ := openGeo(t, database, asn)
		for range 2 { // decoded, then cached
			if got := g.Place(netip.MustParseAddr(c.addr)); got != c.want {
				t.Errorf("%s %s, %s: %+v, want %+v", c.database, c.asn, c.addr, got, c.want)
			}
		}
	}
}

func TestPlaceOfNoAddress(t *testing.T) {
	g, _ := openGeo(t, maxmindFile(t, "test-data/GeoIP2-City-Test.mmdb"), "")
	if got := g.Place(netip.Addr{}); got != (Place{}) {
		t.Errorf("got %+v", got)
	}
	if got := (Address{}).Place(g); got != (Place{}) {
		t.Errorf("got %+v", got)
	}
	if got := AddressFrom(netip.MustParseAddr("81.2.69.142")).Place(g); got.Country != "GB" {
		t.Errorf("got %+v", got)
	}
}

func TestPlaceInIPv4OnlyDatabase(t *testing.T) {
	path := writeCountries(t, 4, map[string]string{"81.2.0.0/16": "GB"})
	g, _ := openGeo(t, path, "")
	if got := g.Place(netip.MustParseAddr("2001:218::1")); got != (Place{}) {
		t.Errorf("got %+v", got)
	}
	if ok, damaged := g.Ready(); !ok || damaged != 0 {
		t.Errorf("ready %v, damaged %d", ok, damaged)
	}
}

func TestOpenGeoRefusesWhatItCannotUse(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.mmdb")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ database, asn string }{
		{filepath.Join(t.TempDir(), "none.mmdb"), ""},
		{empty, ""},
		{maxmindFile(t, "test-data/GeoLite2-ASN-Test.mmdb"), ""},
		{"", maxmindFile(t, "test-data/GeoLite2-Country-Test.mmdb")},
		{maxmindFile(t, "test-data/GeoIP2-Domain-Test.mmdb"), ""},
		{maxmindFile(t, "test-data/GeoIP2-City-Test-Invalid-Node-Count.mmdb"), ""},
		{maxmindFile(t, "test-data/MaxMind-DB-test-broken-pointers-24.mmdb"), ""},
		{maxmindFile(t, "test-data/MaxMind-DB-test-broken-search-tree-24.mmdb"), ""},
		{maxmindFile(t, "bad-data/libmaxminddb/libmaxminddb-offset-integer-overflow.mmdb"), ""},
		{maxmindFile(t, "bad-data/maxminddb-golang/cyclic-data-structure.mmdb"), ""},
		{maxmindFile(t, "bad-data/maxminddb-golang/invalid-string-length.mmdb"), ""},
		{maxmindFile(t, "bad-data/maxminddb-golang/metadata-is-an-uint128.mmdb"), ""},
		{maxmindFile(t, "bad-data/maxminddb-python/bad-unicode-in-map-key.mmdb"), ""},
	}
	for _, c := range cases {
		path := c.database + c.asn
		g, err := OpenGeo(GeoOptions{Database: c.database, ASNDatabase: c.asn})
		if err == nil {
			t.Errorf("%s: opened as %q", path, g.place.edition.Load().kind)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%v: does not name %s", err, path)
		}
	}
}

func TestAttribution(t *testing.T) {
	dbip := writeCountries(t, 6, map[string]string{"81.2.0.0/16": "GB"})
	cases := []struct {
		database, asn string
		want          []string
	}{
		{"", "", nil},
		{dbip, "", []string{"https://db-ip.com"}},
		{dbip, maxmindFile(t, "test-data/GeoLite2-ASN-Test.mmdb"), []string{"https://db-ip.com", "https://www.maxmind.com"}},
		{maxmindFile(t, "test-data/GeoIP2-City-Test.mmdb"), "", nil},
	}
	for _, c := range cases {
		g, _ := openGeo(t, c.database, c.asn)
		var urls []string
		for _, credit := range g.Attribution() {
			urls = append(urls, credit.URL)
		}
		if strings.Join(urls, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s %s: %v, want %v", c.database, c.asn, urls, c.want)
		}
	}
}

func TestPlaceDoesNotAllocateOnceCached(t *testing.T) {
	g, _ := openGeo(t, maxmindFile(t, "test-data/GeoIP2-City-Test.mmdb"), maxmindFile(t, "test-data/GeoLite2-ASN-Test.mmdb"))
	addr := netip.MustParseAddr("89.160.20.113")
	if n := testing.AllocsPerRun(100, func() { g.Place(addr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPlaceCached(b *testing.B) {
	g, _ := openGeo(b, maxmindFile(b, "test-data/GeoIP2-City-Test.mmdb"), maxmindFile(b, "test-data/GeoLite2-ASN-Test.mmdb"))
	addr := netip.MustParseAddr("89.160.20.113")
	b.ReportAllocs()
	for b.Loop() {
		g.Place(addr)
	}
}
