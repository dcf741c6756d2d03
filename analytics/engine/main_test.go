package engine_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// openDriver opens clickhouse-go on an engine.
func openDriver(t *testing.T, dial func(context.Context) (net.Conn, error), settings clickhouse.Settings) driver.Conn {
	t.Helper()
	db, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{"engine"},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) },
		Settings:    settings,
		// More than the engine has sessions: it is the engine's turn to queue.
		MaxOpenConns: 20,
		DialTimeout:  time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
