// Package enginetest gives tests a real engine: ClickHouse in a child process
// on a directory of the test.
//
// A package that uses it needs a TestMain, because the child is the test's own
// program, started again:
//
//	func TestMain(m *testing.M) { enginetest.Main(m) }
//
// Then a driver is opened with
//
//	dial := enginetest.Start(t)
//	db, err := clickhouse.Open(&clickhouse.Options{
//		Protocol:    clickhouse.HTTP,
//		Addr:        []string{"engine"},
//		DialContext: func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) },
//	})
package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// childEnv tells a test's program that it was started as an engine.
const childEnv = "KUNJI_ENGINE_CHILD"

// mainEnv tells Start that Main was called, in whichever package.
const mainEnv = "KUNJI_ENGINETEST_MAIN"

// Clusters is configuration for an engine that plays a cluster by itself: the
// cluster one has it as its only shard, the cluster two has it twice, as two
// shards that see the same tables; which shard is asked, shardNum() tells. The
// port makes the address its own one: nothing listens there, and no connection
// is made.
const Clusters = `<clickhouse>
	<tcp_port>9000</tcp_port>
	<remote_servers>
		<one>
			<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
		</one>
		<two>
			<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
			<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
		</two>
	</remote_servers>
</clickhouse>`

// Main runs the tests of m, or the engine in a process that Start started, and
// exits.
func Main(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := engine.Child(context.Background(), os.Stdin, os.Stderr); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := os.Setenv(mainEnv, "1"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Start starts an engine on a directory of its own, waits until it answers and
// ends it with the test. The function it returns connects to it.
func Start(t testing.TB) func(ctx context.Context) (net.Conn, error) {
	t.Helper()
	return StartOptions(t, engine.Options{Dir: filepath.Join(t.TempDir(), "engine")}).Dial
}

// StartOptions is Start with a directory and options of the caller's; the
// supervisor can be asked for the child, and closed earlier than the test.
func StartOptions(t testing.TB, o engine.Options) *engine.Supervisor {
	t.Helper()
	s, err := engine.Start(t.Context(), Supervised(t, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// Supervised returns the options with which Start would start an engine. What
// the engine logs goes to the test's log.
func Supervised(t testing.TB, o engine.Options) engine.SupervisorOptions {
	t.Helper()
	if os.Getenv(mainEnv) == "" {
		t.Fatal("enginetest: the package needs: func TestMain(m *testing.M) { enginetest.Main(m) }")
	}
	return engine.SupervisorOptions{
		Env:    []string{childEnv + "=1"},
		Engine: o,
		Logger: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// testLog writes lines to a test's log.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}
