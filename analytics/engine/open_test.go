package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// TestOneEngineForADirectory starts a second engine on a directory in use.
func TestOneEngineForADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "engine")
	enginetest.StartOptions(t, engine.Options{Dir: dir})
	text := startFails(t, engine.Options{Dir: dir, Socket: filepath.Join(t.TempDir(), "s")})
	if !strings.Contains(text, "is open in another process") {
		t.Errorf("got %q", text)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "engine")
	s := enginetest.StartOptions(t, engine.Options{Dir: dir})
	c := newHTTPClient(t, s.Dial)
	c.want("", "CREATE TABLE v (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10")
	c.want("", "INSERT INTO v VALUES (7)")
	closeEngine(t, s)

	version := filepath.Join(dir, "engine_version")
	recorded, err := os.ReadFile(version)
	if err != nil {
		t.Fatal(err)
	}
	setVersion := func(v string) {
		t.Helper()
		if err := os.WriteFile(version, []byte(v+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	setVersion("99.1.2")
	if text := startFails(t, engine.Options{Dir: dir}); !strings.Contains(text, "was last opened by libchdb 99.1.2") {
		t.Errorf("an older library: %q", text)
	}
	setVersion("garbage")
	if text := startFails(t, engine.Options{Dir: dir}); !strings.Contains(text, `"garbage" is not a version`) {
		t.Errorf("a damaged version file: %q", text)
	}

	// An upgrade: the copy made before it can be opened in place of the data,
	// even though the tables were changed since.
	setVersion("1.2.3")
	s = enginetest.StartOptions(t, engine.Options{Dir: dir})
	c = newHTTPClient(t, s.Dial)
	c.want("", "INSERT INTO v VALUES (8)")
	c.want("", "OPTIMIZE TABLE v FINAL")
	c.want("", "ALTER TABLE v DELETE WHERE n = 7 SETTINGS mutations_sync = 2")
	c.want("8\n", "SELECT n FROM v ORDER BY n")
	closeEngine(t, s)
	if b, err := os.ReadFile(version); err != nil || string(b) != string(recorded) {
		t.Errorf("version after the upgrade: %q, %v, want %q", b, err, recorded)
	}
	older := filepath.Join(t.TempDir(), "older")
	if err := os.Mkdir(older, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "data-1.2.3"), filepath.Join(older, "data")); err != nil {
		t.Fatal(err)
	}
	s = enginetest.StartOptions(t, engine.Options{Dir: older})
	newHTTPClient(t, s.Dial).want("7\n", "SELECT n FROM v ORDER BY n")
}

func TestMissingLibrary(t *testing.T) {
	t.Parallel()
	text := startFails(t, engine.Options{Dir: t.TempDir(), Library: "/nowhere/libchdb.so"})
	if !strings.Contains(text, `no library at "/nowhere/libchdb.so"`) {
		t.Errorf("got %q", text)
	}
}

func TestLongDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40), "engine")
	path, err := engine.SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, dir) || len(path) > 103 {
		t.Errorf("socket %q", path)
	}
	s := enginetest.StartOptions(t, engine.Options{Dir: dir})
	newHTTPClient(t, s.Dial).want("1\n", "SELECT 1")
}

// TestConfigXML plans a query over a cluster that only the added configuration
// knows.
func TestConfigXML(t *testing.T) {
	t.Parallel()
	s := enginetest.StartOptions(t, engine.Options{
		Dir: filepath.Join(t.TempDir(), "engine"),
		ConfigXML: []byte(`<clickhouse><remote_servers><two>
			<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
			<shard><replica><host>127.0.0.1</host><port>9001</port></replica></shard>
		</two></remote_servers></clickhouse>
`),
	})
	c := newHTTPClient(t, s.Dial)
	c.want("2\n", "SELECT count() FROM system.clusters WHERE cluster = 'two'")
	c.want("1\t1\n", "SELECT countIf(value = '1' AND name = 'fsync_after_insert'), countIf(value = '1' AND name = 'fsync_part_directory') FROM system.merge_tree_settings")
	c.want("", "SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'")
	text := startFails(t, engine.Options{Dir: t.TempDir(), ConfigXML: []byte("<a/>")})
	if !strings.Contains(text, "wanted <clickhouse>") {
		t.Errorf("got %q", text)
	}
}
