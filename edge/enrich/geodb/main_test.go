package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/enrich"
)

// writePackage makes a small npm package with these files.
func writePackage(t *testing.T, version string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["package.json"] = `{"name":"x","version":"` + version + `"}`
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packages(t *testing.T) (country, asn string) {
	t.Helper()
	country = writePackage(t, "2.3.2026060120", map[string]string{
		"dbip-country-ipv4.csv": "1.0.0.0,1.0.0.255,AU\n1.0.1.0,1.0.3.255,CN\n81.2.69.3,81.2.69.200,GB\n100.64.0.0,100.127.255.255,US\n",
		"dbip-country-ipv6.csv": "2001:218::,2001:218:ffff:ffff:ffff:ffff:ffff:ffff,JP\n2002::,2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n",
	})
	asn = writePackage(t, "2.3.2026061719", map[string]string{
		"asn-ipv4.csv": "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n1.0.1.0,1.0.3.255,4134,\"\"\n",
		"asn-ipv6.csv": "2001:218::,2001:218:ffff:ffff:ffff:ffff:ffff:ffff,2914,\"NTT \"\"America\"\"\"\n",
	})
	return country, asn
}

func TestBuiltDatabasesAnswer(t *testing.T) {
	country, asn := packages(t)
	out := t.TempDir()
	countries := countryDatabase(country, filepath.Join(out, "country.mmdb"))
	carriers := asnDatabase(asn, filepath.Join(out, "asn.mmdb"))
	for _, d := range []database{countries, carriers} {
		if done, err := d.build(); err != nil || done.fresh || done.ranges == 0 {
			t.Fatalf("%s: %+v, %v", d.out, done, err)
		}
	}
	geo, err := enrich.OpenGeo(enrich.GeoOptions{Database: countries.out, ASNDatabase: carriers.out})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		addr string
		want enrich.Place
	}{
		{"1.0.0.1", enrich.Place{Country: "AU", ISP: "Cloudflare, Inc."}},
		{"1.0.1.0", enrich.Place{Country: "CN"}},
		{"1.0.3.255", enrich.Place{Country: "CN"}},
		{"1.0.4.0", enrich.Place{}},
		{"81.2.69.2", enrich.Place{}},
		{"81.2.69.3", enrich.Place{Country: "GB"}},
		{"81.2.69.200", enrich.Place{Country: "GB"}},
		{"81.2.69.201", enrich.Place{}},
		{"100.64.0.1", enrich.Place{Country: "US"}},
		{"2001:218::1", enrich.Place{Country: "JP", ISP: "NTT \"America\""}},
		{"2001:219::1", enrich.Place{}},
		{"2002::1", enrich.Place{Country: "DE"}},
	}
	for _, c := range cases {
		if got := geo.Place(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.addr, got, c.want)
		}
	}
	var urls []string
	for _, credit := range geo.Attribution() {
		urls = append(urls, credit.URL)
	}
	if got := strings.Join(urls, " "); got != "https://db-ip.com https://www.routeviews.org https://www.nro.net" {
		t.Errorf("credits: %s", got)
	}
}

func TestSameInputGivesSameBytesOnce(t *testing.T) {
	country, _ := packages(t)
	d := countryDatabase(country, filepath.Join(t.TempDir(), "country.mmdb"))
	read := func() []byte {
		content, err := os.ReadFile(d.out)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if _, err := d.build(); err != nil {
		t.Fatal(err)
	}
	first := read()
	if done, err := d.build(); err != nil || !done.fresh {
		t.Errorf("built again from the same package: %+v, %v", done, err)
	}
	if err := os.Remove(d.out); err != nil {
		t.Fatal(err)
	}
	if _, err := d.build(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, read()) {
		t.Error("the same package gave other bytes")
	}
	if err := os.WriteFile(filepath.Join(country, "package.json"), []byte(`{"version":"2.3.2026070120"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if done, err := d.build(); err != nil || done.fresh {
		t.Errorf("a newer package was not built: %+v, %v", done, err)
	}
	if err := os.WriteFile(d.out, first[:len(first)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if done, err := d.build(); err != nil || done.fresh {
		t.Errorf("a torn file was taken as up to date: %+v, %v", done, err)
	}
}

func TestBadInputLeavesNoFile(t *testing.T) {
	cases := []struct{ name, version, csv, want string }{
		{"no build hour", "1.0.0", "1.0.0.0,1.0.0.255,AU\n", "build hour"},
		{"no range", "2.3.2026060120", "1.0.0.0,1.0.0.255,AU\n1.0.1.9,1.0.1.0,CN\n", "ipv4.csv:2"},
		{"no address", "2.3.2026060120", "x,1.0.0.255,AU\n", "ipv4.csv:1"},
		{"no country", "2.3.2026060120", "1.0.0.0,1.0.0.255,Australia\n", "two letters"},
		{"few columns", "2.3.2026060120", "1.0.0.0,1.0.0.255\n", "columns"},
		{"two kinds of address", "2.3.2026060120", "1.0.0.0,2001::,AU\n", "no range"},
	}
	for _, c := range cases {
		dir := writePackage(t, c.version, map[string]string{"dbip-country-ipv4.csv": c.csv, "dbip-country-ipv6.csv": ""})
		out := t.TempDir()
		_, err := countryDatabase(dir, filepath.Join(out, "country.mmdb")).build()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
		if left, _ := os.ReadDir(out); len(left) != 0 {
			t.Errorf("%s: %v is left", c.name, left)
		}
	}
	if _, err := asnDatabase(t.TempDir(), filepath.Join(t.TempDir(), "asn.mmdb")).build(); err == nil || !strings.Contains(err.Error(), "npm") {
		t.Errorf("missing package: %v", err)
	}
}
