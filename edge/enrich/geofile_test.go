package enrich

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

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
