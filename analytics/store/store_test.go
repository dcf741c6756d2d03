package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

type dialer = func(context.Context) (net.Conn, error)

var onEngine = map[string]func(*testing.T, *Store){
	"round_trip_event": testRoundTripEvent, "round_trip_ledger": testRoundTripLedger, "insert_again": testInsertAgain,
	"ledger_whole": testLedgerWhole, "ledger_tampered": testLedgerTampered, "ledger_retention": testLedgerRetention,
	"erase": testErase, "keep_numbers": testKeepNumbers, "withdrawn": testWithdrawn, "erased_are_void": testErasedAreVoid, "erase_holds": testEraseHolds,
	"rollup": testRollup, "permanent": testPermanent, "query": testQuery, "sql_reads": testSQLReads, "sql_refuses": testSQLRefuses,
	"mail_consent": testMailConsent, "mail_feed": testMailFeed, "mail_sent": testMailSent, "erase_recipient": testEraseRecipient, "erase_untold": testEraseUntold, "erase_returned": testEraseReturned, "newest": testNewestRow,
}

// TestStore runs what needs an engine on one of them, each in a database of its
// own.
func TestStore(t *testing.T) {
	dial := enginetest.StartOrServer(t)
	for name, run := range onEngine {
		t.Run(name, func(t *testing.T) { run(t, openOn(t, dial, name)) })
	}
	// What other connections use: the driver builds the blocks.
	for name, run := range map[string]func(*testing.T, *Store){
		"driver_round_trip_event": testRoundTripEvent, "driver_round_trip_ledger": testRoundTripLedger, "driver_insert_again": testInsertAgain,
	} {
		t.Run(name, func(t *testing.T) {
			s := openOn(t, dial, name)
			s.plain = false
			run(t, s)
		})
	}
	if dial == nil {
		dial = enginetest.Start(t)
	}
	t.Run("erase_interrupted", func(t *testing.T) { testEraseInterrupted(t, openOn(t, dial, "erase_interrupted"), dial) })
	t.Run("wind_down", func(t *testing.T) { testWindDown(t, openOn(t, dial, "wind_down"), dial) })
	t.Run("hurry", func(t *testing.T) { testHurry(t, openOn(t, dial, "hurry")) })
	t.Run("hurry_closed", func(t *testing.T) { testHurryClosed(t, openOn(t, dial, "hurry_closed"), dial) })
	t.Run("fill", func(t *testing.T) { testFill(t, openOn(t, dial, "fill")) })
	t.Run("migrate", func(t *testing.T) { testMigrate(t, dial) })
}

// openOn opens a database of an engine, or, where dial is nil, one of the server
// that KUNJI_TEST_CLICKHOUSE names.
func openOn(t testing.TB, dial dialer, database string) *Store {
	t.Helper()
	if dial == nil {
		return openOwn(t, Options{DSN: enginetest.Server(t, database)})
	}
	return openOwn(t, Options{Dial: dial, Database: database})
}

// openOwn opens a database that goes with the test: the tables of many together
// would need more memory than an engine may have.
func openOwn(t testing.TB, where Options) *Store {
	t.Helper()
	s := openWith(t, where)
	t.Cleanup(func() {
		own, err := Open(where) // the test may have closed its
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if err := own.SQL(context.Background(), io.Discard, "DROP DATABASE "+own.Database()+own.form.onCluster()+" SYNC", "tsv", true); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openWith(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// one returns the only value of the only row, as text.
func one(t testing.TB, s *Store, sql string) string {
	t.Helper()
	var b strings.Builder
	if err := s.SQL(t.Context(), &b, sql, "tsv", false); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_, value, _ := strings.Cut(b.String(), "\n")
	return strings.TrimSuffix(value, "\n")
}

func mustID(t testing.TB, text string) (id [16]byte) {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || copy(id[:], b) != 16 {
		t.Fatalf("bad id %q", text)
	}
	return id
}

func TestOpenRefuses(t *testing.T) {
	dial := func(context.Context) (net.Conn, error) { return nil, net.ErrClosed }
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"nothing", Options{}, "neither a DSN nor an embedded engine"},
		{"both", Options{DSN: "clickhouse://h:9000", Dial: dial}, "choose one"},
		{"a database that is no identifier", Options{Dial: dial, Database: "a b; DROP"}, "letters, digits"},
		{"a DSN of another scheme", Options{DSN: "mysql://u:s3cret@h:1/x"}, "cannot be read"},
		{"a DSN that is no URL", Options{DSN: "clickhouse://u:s3cr%et@h:1/x"}, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "s3cr") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

func TestOpenTakesEveryDSN(t *testing.T) {
	for dsn, database := range map[string]string{
		"clickhouse://u:s3cret@127.0.0.1:1,127.0.0.1:2/shop?compress=zstd": "shop",
		"clickhouse://127.0.0.1:1?secure=true":                             "kunji",
		"http://u:s3cret@127.0.0.1:1/shop?compress=lz4":                    "shop",
		"https://u:s3cret@127.0.0.1:1?secure=true&database=other":          "other",
	} {
		s, err := Open(Options{DSN: dsn})
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if s.Database() != database {
			t.Errorf("%s: database %s, want %s", dsn, s.Database(), database)
		}
		err = s.Ping(t.Context())
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "s3cret") {
			t.Errorf("%s: ping says %v, want an error without the password", dsn, err)
		}
		if Permanent(err) {
			t.Errorf("%s: unreachable is not for good: %v", dsn, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
