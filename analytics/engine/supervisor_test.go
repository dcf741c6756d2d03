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
	"sync"
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
	t.Parallel()
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
	t.Parallel()
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

// TestSupervisorBacksOff starts a program that ends at once.
func TestSupervisorBacksOff(t *testing.T) {
	t.Parallel()
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

// TestSupervisorReplacesAStuckEngine stops the child without ending it.
func TestSupervisorReplacesAStuckEngine(t *testing.T) {
	t.Parallel()
	o := enginetest.Supervised(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine")})
	o.Logger, o.Unhealthy = nil, 4*time.Second
	s, err := engine.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeEngine(t, s)
	if err := s.Wait(patience(t)); err != nil {
		t.Fatal(err)
	}
	pid := s.State().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another child", func() bool { st := s.State(); return st.Ready && st.PID != pid })
	newHTTPClient(t, s.Dial).want("1\n", "SELECT 1")
}

// TestMemory runs queries that want far more memory than there may be: they
// spill or fail, and the process stays under 1 GiB.
func TestMemory(t *testing.T) {
	t.Parallel()
	s := enginetest.StartOptions(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine")})
	c := newHTTPClient(t, s.Dial)
	var wg sync.WaitGroup
	for _, sql := range []string{
		"SELECT number, count() FROM numbers(3000000) GROUP BY number FORMAT Null",
		"SELECT groupArray(number) FROM numbers(100000000) FORMAT Null",
		"SELECT groupArray(repeat('x', 1000000)) FROM numbers(2000) SETTINGS max_block_size = 10 FORMAT Null",
	} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.do(strings.NewReader(sql))
		}()
	}
	wg.Wait()
	c.want("1\n", "SELECT 1")
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.State().PID) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil || peak > 1<<20 {
		t.Errorf("peak of %d kB, %v, want at most %d", peak, err, 1<<20)
	}
	t.Logf("peak %d MiB", peak>>10)
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
