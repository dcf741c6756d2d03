package enginetest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"testing"
)

// serverEnv names a ClickHouse server, by a DSN as in kunji.yaml. The suites of
// store, ship and report then run on it in place of the embedded engine, each test
// in a database that is made for it and dropped after it: whoever the DSN signs in
// must be allowed to. What looks into the engine's files, cuts its connections or
// restarts it stays with an engine.
const serverEnv = "KUNJI_TEST_CLICKHOUSE"

// StartOrServer is Start unless a server is named: then it returns nil, and Server
// the DSN.
func StartOrServer(t testing.TB) func(ctx context.Context) (net.Conn, error) {
	t.Helper()
	if os.Getenv(serverEnv) != "" {
		return nil
	}
	return Start(t)
}

// Server returns the DSN of a database on the named server, called so that no
// other run of tests has it.
func Server(t testing.TB, database string) string {
	t.Helper()
	dsn, err := url.Parse(os.Getenv(serverEnv))
	if err != nil || dsn.Host == "" {
		t.Fatalf("enginetest: %s cannot be read: write clickhouse://user:password@host:9000 or http://user:password@host:8123", serverEnv)
	}
	dsn.Path = fmt.Sprintf("/test_%s_%d", database, os.Getpid())
	return dsn.String()
}
