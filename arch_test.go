package kunji_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kunjicloud/kunji"

// mayImport says, for each package of ours, which of ours it may import: data
// flows one way, and nothing above knows what stands below it. A row holds for
// the package and all below it, unless a longer row exists; an entry that ends
// in /... holds for everything below too. A package without a row is a fault:
// whoever adds one decides where it stands.
var mayImport = map[string][]string{
	"":                            {},
	"cmd":                         {"..."},
	"edge/site":                   {},
	"edge/event":                  {"edge/site", "edge/event/..."},
	"edge/identity":               {"edge/site", "edge/event"},
	"edge/enrich":                 {"edge/site", "edge/event", "edge/enrich/..."},
	"edge/consent":                {"edge/site", "edge/event", "edge/identity"},
	"edge/mail":                   {"edge/site", "edge/event", "edge/identity", "edge/consent"},
	"edge/link":                   {"edge/site", "edge/event", "edge/identity", "edge/enrich", "edge/mail"},
	"edge/spool":                  {"edge/event", "edge/spool/..."},
	"edge/withdrawal":             {},
	"edge/server":                 {"edge/...", "banner"},
	"banner":                      {"edge/site", "edge/consent", "banner/..."},
	"analytics/engine":            {},
	"analytics/engine/enginetest": {"analytics/engine"},
	"analytics/store":             {"edge/event", "edge/site", "analytics/store/..."},
	"analytics/ship":              {"edge/event", "edge/spool", "analytics/store", "analytics/ship/..."},
	"analytics/webhook":           {"analytics/store", "edge/site"},
	"analytics/export":            {"analytics/store", "edge/site"},
	"analytics/report":            {"analytics/store", "analytics/report/...", "edge/site", "edge/event"},
	"analytics/console":           {"analytics/report", "analytics/console/...", "edge/site"},
	"deploy":                      {"..."},
}

// owners names who may import an outside module, nearly always one room, so
// that replacing it is a change there alone.
var owners = map[string][]string{
	"github.com/valyala/fasthttp":                             {"edge/server"},
	"github.com/fasthttp/router":                              {"edge/server"},
	"github.com/oschwald/geoip2-golang":                       {"edge/enrich"},
	"github.com/oschwald/maxminddb-golang":                    {"edge/enrich"},
	"github.com/maxmind/mmdbwriter":                           {"edge/enrich"},
	"github.com/medama-io/go-useragent":                       {"edge/enrich"},
	"zgo.at/isbot":                                            {"edge/enrich"},
	"github.com/cockroachdb/pebble":                           {"edge/spool"},
	"google.golang.org/protobuf":                              {"edge/event"},
	"github.com/ClickHouse/clickhouse-go":                     {"analytics/store"},
	"github.com/ClickHouse/ch-go":                             {"analytics/store"},
	"github.com/ebitengine/purego":                            {"analytics/engine"},
	"github.com/evanw/esbuild":                                {"banner/build", "analytics/console/build"},
	"github.com/alecthomas/kong":                              {"cmd"},
	"github.com/santhosh-tekuri/jsonschema":                   {"cmd"},
	"github.com/goccy/go-yaml":                                {"cmd", "edge/site"},
	"github.com/prometheus/client_golang":                     {"cmd", "edge/server"},
	"github.com/yuin/goldmark":                                {"banner", "edge/server"},
	"golang.org/x/net/publicsuffix":                           {"edge/site", "edge/server"},
	"golang.org/x/crypto/argon2":                              {"analytics/console"},
	"golang.org/x/crypto/chacha20poly1305":                    {"edge/spool"},
	"github.com/prebid/go-gdpr":                               {"edge/consent"},
	"github.com/prebid/go-gpp":                                {"edge/consent"},
	"github.com/caddyserver/certmagic":                        {"cmd"},
	"go.uber.org/zap":                                         {"cmd"}, // certmagic's logger
	"github.com/letsencrypt/pebble":                           {},      // tests only
	"github.com/miekg/dns":                                    {},      // tests only
	"github.com/emersion/go-smtp":                             {"edge/mail", "cmd"},
	"github.com/rogpeppe/go-internal":                         {}, // tests only
	"pgregory.net/rapid":                                      {}, // tests only
	"github.com/kunjicloud/kunji/analytics/engine/enginetest": {}, // tests only
}

// benches may measure what others own.
const benches = "deploy/bench"

type goPackage struct {
	Dir, ImportPath string
	Imports         []string
}

// packages lists what is built, tests left out: they may import more.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Imports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.ImportPath, "/node_modules/") {
			list = append(list, p)
		}
	}
	if len(list) < 10 {
		t.Fatalf("go list names only %d packages", len(list))
	}
	return list
}

// TestImports keeps who may import whom.
func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		row, ok := rowOf(from)
		if !ok {
			t.Errorf("%s has no row in arch_test.go: add it with what it may import", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if !ours(path) || room(path) == from {
				continue
			}
			if to := room(path); to != "" && !slices.ContainsFunc(mayImport[row], func(rule string) bool { return allows(rule, to) }) {
				t.Errorf("%s may not import %s: it may import %v", from, to, mayImport[row])
			}
		}
	}
}

// TestOwners keeps each outside dependency in one place.
func TestOwners(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if below(from, benches) || below(from, "analytics/engine/enginetest") {
			continue
		}
		for _, path := range p.Imports {
			for dependency, places := range owners {
				if below(path, dependency) && !slices.ContainsFunc(places, func(place string) bool { return below(from, place) }) {
					t.Errorf("%s may not import %s: only %v may", from, path, places)
				}
			}
		}
	}
}

// TestRules makes sure that the two tests above can fail.
func TestRules(t *testing.T) {
	f := func(from, to string, want bool) {
		t.Helper()
		row, ok := rowOf(from)
		if got := ok && slices.ContainsFunc(mayImport[row], func(rule string) bool { return allows(rule, to) }); got != want {
			t.Errorf("%s → %s: %v, want %v", from, to, got, want)
		}
	}
	f("edge/site", "edge/event", false)
	f("edge/event", "edge/consent", false)
	f("edge/spool", "edge/consent", false)
	f("edge/server", "edge/spool", true)
	f("edge/server", "analytics/store", false)
	f("analytics/store", "edge/spool", false)
	f("analytics/report", "edge/server", false)
	f("analytics/console", "analytics/store", false)
	f("cmd/kunji", "analytics/console", true)
	f("somewhere", "edge/site", false)
	if below("edge/sitemap", "edge/site") || !below("github.com/cockroachdb/pebble/v2/vfs", "github.com/cockroachdb/pebble") {
		t.Error("below is wrong")
	}
}

// TestFolders: sources stand in five folders and at the root, nowhere else.
func TestFolders(t *testing.T) {
	rooms := []string{"cmd", "edge", "banner", "analytics", "deploy"}
	skipped := []string{"node_modules", "bin", "data"} // made by set-up, build and run; not kept
	sources := []string{".go", ".ts", ".tsx", ".sql", ".proto", ".css", ".html"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		top, _, nested := strings.Cut(filepath.ToSlash(path), "/")
		if d.IsDir() {
			if top != "." && (strings.HasPrefix(top, ".") || slices.Contains(skipped, top) || d.Name() == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if nested && !slices.Contains(rooms, top) && slices.Contains(sources, filepath.Ext(path)) {
			t.Errorf("%s: sources stand in %v", path, rooms)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// room is a package's path below the module; "" is the root.
func room(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

// rowOf finds the longest row of mayImport that covers a room.
func rowOf(room string) (string, bool) {
	for at := room; ; {
		if _, ok := mayImport[at]; ok && (at != "" || room == "") {
			return at, true
		}
		i := strings.LastIndexByte(at, '/')
		if i < 0 {
			return "", false
		}
		at = at[:i]
	}
}

func allows(rule, to string) bool {
	if rule == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(rule, "/..."); ok {
		return below(to, base)
	}
	return to == rule
}

// below reports whether path is outer or stands inside it.
func below(path, outer string) bool {
	return path == outer || strings.HasPrefix(path, outer+"/")
}
