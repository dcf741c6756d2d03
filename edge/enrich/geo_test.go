package enrich

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

// testData is the directory of MaxMind's own test databases, good and broken ones,
// a module that go.mod names for these tests alone.
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

// writeCountries makes a small country database; networks are overwritten in map
// order only where they do not overlap.
func writeCountries(t *testing.T, version int, countries map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "country.mmdb")
	putCountries(t, path, version, countries)
	return path
}

func putCountries(t *testing.T, path string, version int, countries map[string]string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "DBIP-Country-Lite", IPVersion: version, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, code := range countries {
		prefix := netip.MustParsePrefix(network)
		if err := tree.Insert(netipx.PrefixIPNet(prefix), mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}); err != nil {
			t.Fatal(err)
		}
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, path, content.Bytes())
}

// replaceFile puts content in a file's place and makes sure that its time changes
// even where the file system's clock is coarse.
func replaceFile(t *testing.T, path string, content []byte) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func TestReloadSwapsADatabaseThatChanged(t *testing.T) {
	addr := netip.MustParseAddr("81.2.69.142")
	path := writeCountries(t, 6, map[string]string{"81.2.0.0/16": "GB"})
	g, log := openGeo(t, path, "")
	g.Reload()
	if g.Place(addr).Country != "GB" || log.Len() != 0 {
		t.Fatalf("unchanged file: %+v, log %s", g.Place(addr), log)
	}

	putCountries(t, path, 6, map[string]string{"81.2.0.0/16": "FR"})
	g.Reload()
	if got := g.Place(addr).Country; got != "FR" {
		t.Errorf("after the change: %q", got)
	}
	if !strings.Contains(log.String(), "reloaded") {
		t.Errorf("log does not tell: %s", log)
	}
}

func TestReloadKeepsTheOldDatabaseWhenTheNewOneIsBroken(t *testing.T) {
	addr := netip.MustParseAddr("81.2.69.142")
	path := writeCountries(t, 6, map[string]string{"81.2.0.0/16": "GB"})
	g, log := openGeo(t, path, "")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	breakages := map[string]func(){
		"truncated": func() { replaceFile(t, path, good[:len(good)/2]) },
		"garbage":   func() { replaceFile(t, path, []byte("not a database")) },
		"other kind": func() {
			content, err := os.ReadFile(maxmindFile(t, "test-data/GeoLite2-ASN-Test.mmdb"))
			if err != nil {
				t.Fatal(err)
			}
			replaceFile(t, path, content)
		},
		"gone": func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range breakages {
		log.Reset()
		damage()
		g.Reload()
		if got := g.Place(addr).Country; got != "GB" {
			t.Errorf("%s: %q, want the old answer", name, got)
		}
		if !strings.Contains(log.String(), "stays in use") || strings.Contains(log.String(), "81.2") {
			t.Errorf("%s: log %s", name, log)
		}
		log.Reset()
		g.Reload()
		if log.Len() != 0 {
			t.Errorf("%s: said again without a change: %s", name, log)
		}
		replaceFile(t, path, good)
		g.Reload()
		if !strings.Contains(log.String(), "reloaded") {
			t.Errorf("%s: the repaired file was not taken: %s", name, log)
		}
	}
}

func TestWatchReloadsAtTicksAndUnderLoad(t *testing.T) {
	addr := netip.MustParseAddr("81.2.69.142")
	path := writeCountries(t, 6, map[string]string{"81.2.0.0/16": "GB"})
	g, err := OpenGeo(GeoOptions{Database: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	tick := make(chan time.Time)
	var group sync.WaitGroup
	group.Go(func() { g.Watch(ctx, tick) })
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				if c := g.Place(addr).Country; c != "GB" && c != "FR" {
					t.Errorf("torn answer %q", c)
					return
				}
			}
		})
	}
	for range 10 {
		putCountries(t, path, 6, map[string]string{"81.2.0.0/16": "FR"})
		tick <- time.Time{}
		putCountries(t, path, 6, map[string]string{"81.2.0.0/16": "GB"})
		tick <- time.Time{}
	}
	tick <- time.Time{} // taken only when the reload before it has ended
	if got := g.Place(addr).Country; got != "GB" {
		t.Errorf("at the end: %q", got)
	}
	stop()
	group.Wait()
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

// Damage anywhere in a file is found when it is opened, or does no harm.
func TestDamagedBytesNeverPanic(t *testing.T) {
	good, err := os.ReadFile(maxmindFile(t, "test-data/GeoIP2-City-Test.mmdb"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "city.mmdb")
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 150 {
		content := bytes.Clone(good)
		for range 8 {
			content[random.IntN(len(content))] ^= byte(1 + random.IntN(255))
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := OpenGeo(GeoOptions{Database: path})
		if err != nil {
			refused++
			continue
		}
		for _, addr := range []string{"81.2.69.142", "216.160.83.56", "2001:218::1", "89.160.20.113"} {
			if place := g.Place(netip.MustParseAddr(addr)); len(place.Country) != 0 && len(place.Country) != 2 {
				t.Errorf("country %q", place.Country)
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was found")
	}
}
