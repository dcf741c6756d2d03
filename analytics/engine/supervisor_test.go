package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// patience bounds what has to happen but may take long on a busy machine.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// waitFor polls until done or for as long as patience lasts.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx := patience(t)
	for !done() {
		if ctx.Err() != nil {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestKilledEngineKeepsWhatItAnswered kills the child in the middle of inserts
// and looks after every restart: each answered row is there once, and a retry
// of an answered batch, or of the one that was not answered, adds nothing
// twice: the deduplication log is still known.
func TestKilledEngineKeepsWhatItAnswered(t *testing.T) {
	s := enginetest.StartOptions(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine")})
	c := newHTTPClient(t, s.Dial)
	c.want("", "CREATE TABLE k (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000")
	insert := func(i int) bool {
		r, err := c.http.Post("http://engine/?insert_deduplicate=1&async_insert=0&insert_deduplication_token=t"+strconv.Itoa(i), "",
			strings.NewReader("INSERT INTO k SELECT "+strconv.Itoa(i)+" FROM numbers(10)"))
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		return r.StatusCode == 200
	}
	const batches, kills = 20, 2
	for kill := range kills {
		var answered atomic.Int64
		pid := s.State().PID
		go func() {
			for answered.Load() < batches/2 {
				time.Sleep(time.Millisecond)
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}()
		first := kill * batches
		for insert(first + int(answered.Load())) {
			answered.Add(1)
		}
		waitFor(t, "a restart", func() bool { st := s.State(); return st.Ready && st.PID != pid })
		kept := strconv.Itoa(first + int(answered.Load()))
		c.want("1\t1\n", "SELECT uniqExact(n) IN ("+kept+", "+kept+" + 1), count() = 10 * uniqExact(n) FROM k")
		for i := range first + batches { // retry what was answered, and go on
			if i >= first+int(answered.Load()) || i%3 == 0 {
				if !insert(i) {
					t.Fatalf("insert %d failed after the restart", i)
				}
			}
		}
		total := strconv.Itoa(first + batches)
		c.want(total+"\t"+total+"0\n", "SELECT uniqExact(n), count() FROM k")
	}
	if st := s.State(); st.Restarts != kills || !strings.Contains(st.LastExit, "killed") || st.RSS == 0 {
		t.Errorf("state: %+v", st)
	}
}

// TestEngineEndsWithItsParent closes the pipe that a dying parent would close.
func TestEngineEndsWithItsParent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engine")
	options := enginetest.Supervised(t, engine.Options{Dir: dir})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := engine.SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(engine.Options{Dir: dir, Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), options.Env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.Contains(lines.Text(), "engine ready") {
			break
		}
	}
	// SIGINT and SIGHUP reach the whole group of a terminal; neither ends it.
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v, want mode 0600", info, err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the engine ended with %v, want exit status 0", err)
	}
}

// TestOneEngineForADirectory starts a second engine on a directory in use.
func TestOneEngineForADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engine")
	enginetest.StartOptions(t, engine.Options{Dir: dir})
	text := startFails(t, engine.Options{Dir: dir, Socket: filepath.Join(t.TempDir(), "s")})
	if !strings.Contains(text, "is open in another process") {
		t.Errorf("got %q", text)
	}
}

func TestVersions(t *testing.T) {
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
	text := startFails(t, engine.Options{Dir: t.TempDir(), Library: "/nowhere/libchdb.so"})
	if !strings.Contains(text, `no library at "/nowhere/libchdb.so"`) {
		t.Errorf("got %q", text)
	}
}

func TestLongDirectory(t *testing.T) {
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
	s := enginetest.StartOptions(t, engine.Options{
		Dir: filepath.Join(t.TempDir(), "engine"),
		ConfigXML: []byte(`<clickhouse><remote_servers><two>
			<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
			<shard><replica><host>127.0.0.1</host><port>9001</port></replica></shard>
		</two></remote_servers></clickhouse>`),
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

// TestSupervisorBacksOff starts a program that ends at once.
func TestSupervisorBacksOff(t *testing.T) {
	o := enginetest.Supervised(t, engine.Options{Dir: t.TempDir()})
	o.Executable, o.Logger = "/bin/false", nil
	o.MinBackoff, o.MaxBackoff = time.Millisecond, 4*time.Millisecond
	s, err := engine.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "five restarts", func() bool { return s.State().Restarts >= 5 })
	if _, err := s.Dial(t.Context()); err == nil || s.Ready() {
		t.Error("reachable without an engine")
	}
	closeEngine(t, s)
	if err := s.Wait(t.Context()); err == nil {
		t.Error("ready after Close")
	}
}

// startFails starts an engine that must not come up and returns why it ended.
func startFails(t *testing.T, o engine.Options) string {
	t.Helper()
	so := enginetest.Supervised(t, o)
	so.Logger = nil
	s, err := engine.Start(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	defer closeEngine(t, s)
	waitFor(t, "the end of the engine", func() bool { return s.State().LastExit != "" })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), s.State().LastExit) {
		t.Errorf("Wait: %v", err)
	}
	return s.State().LastExit
}

func closeEngine(t *testing.T, s *engine.Supervisor) {
	t.Helper()
	if err := s.Close(patience(t)); err != nil {
		t.Error(err)
	}
}
