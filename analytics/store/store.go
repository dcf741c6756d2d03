package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DefaultDatabase is where the tables are unless the options say otherwise.
const DefaultDatabase = "kunji"

// Options say where ClickHouse is. Exactly one of DSN and Dial is set.
type Options struct {
	// DSN names a server or several: clickhouse://user:pass@host:9000/kunji for
	// the native protocol, http:// or https:// for the other; more hosts after
	// commas; compress=lz4 or zstd, secure=true and the other parameters of
	// clickhouse-go. Its path is the database.
	DSN string
	// Dial reaches the embedded engine: HTTP over the connection it returns.
	Dial func(context.Context) (net.Conn, error)
	// Database is used where the DSN names none; default "kunji".
	Database string
	// Cluster names one of the server's clusters (remote_servers): the tables are
	// replicated and spread over it. With Dial it is a cluster of that one engine,
	// which has no keeper: the tables are plain ones behind Distributed ones.
	Cluster string
	// Logger takes what an operator should know; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Subject is the keyed hash of a visitor that tombstones have. With it, what
	// arrives late about somebody who was erased is not stored; nil stores all.
	Subject func(site string, visitor uint64) [16]byte
	// Recipient is that of a mail recipient.
	Recipient func(site string, recipient uint64) [16]byte
}

// Store is a pool of connections to one ClickHouse. All methods may be called
// from any goroutine.
type Store struct {
	conn     driver.Conn
	connect  *clickhouse.Options
	plain    bool // HTTP without compression: blocks are written by this package
	database string
	form     form
	log      *slog.Logger
	now      func() time.Time
	buffers  sync.Pool // of *buffers

	forgotten forgotten
	wound     wound
	inserting sync.RWMutex // held for writing while the rollup is rebuilt
	unsettled unsettled
	tidied    atomic.Bool // no erasure that is done has a sealed id left
	unnamed   time.Time   // when Erase last looked for names of erased people
	embedded  bool        // the engine is this program's own
	merges    merges
}

var schemes = []string{"clickhouse", "tcp", "http", "https"}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Open checks the options. It does not connect: the first call that needs
// ClickHouse does, and every later one that finds the connection gone.
func Open(o Options) (*Store, error) {
	connect, err := o.driver()
	if err != nil {
		return nil, err
	}
	if connect.Auth.Database == "" {
		connect.Auth.Database = o.Database
	}
	if connect.Auth.Database == "" {
		connect.Auth.Database = DefaultDatabase
	}
	if !identifier.MatchString(connect.Auth.Database) {
		return nil, fmt.Errorf("store: database %q: use letters, digits and underscores", connect.Auth.Database)
	}
	if o.Cluster != "" && !identifier.MatchString(o.Cluster) {
		return nil, fmt.Errorf("store: cluster %q: use letters, digits and underscores", o.Cluster)
	}
	conn, err := clickhouse.Open(connect)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{conn: conn, connect: connect, database: connect.Auth.Database, log: o.Logger, now: o.Now, embedded: o.Dial != nil}
	s.form = form{cluster: o.Cluster, database: s.database, keeper: o.Dial == nil}
	s.plain = connect.Protocol == clickhouse.HTTP && (connect.Compression == nil || connect.Compression.Method == clickhouse.CompressionNone)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.forgotten.subject, s.forgotten.recipient = o.Subject, o.Recipient
	s.buffers.New = func() any { return new(buffers) }
	return s, nil
}

// driver translates the options for clickhouse-go.
func (o Options) driver() (*clickhouse.Options, error) {
	switch {
	case o.DSN != "" && o.Dial != nil:
		return nil, errors.New("store: both a DSN and an embedded engine were named: choose one")
	case o.Dial != nil:
		return &clickhouse.Options{
			Protocol: clickhouse.HTTP,
			// Never resolved, Dial knows the way; localhost is exempt from HTTP_PROXY.
			Addr:        []string{"localhost:80"},
			DialContext: func(ctx context.Context, _ string) (net.Conn, error) { return o.Dial(ctx) },
			Compression: &clickhouse.Compression{Method: clickhouse.CompressionNone},
		}, nil
	case o.DSN != "":
		connect, err := clickhouse.ParseDSN(o.DSN)
		// clickhouse-go takes any other scheme for the native protocol.
		if scheme, _, _ := strings.Cut(o.DSN, "://"); err != nil || !slices.Contains(schemes, scheme) {
			// The driver's error may quote the DSN, and with it the password.
			return nil, errors.New("store: the ClickHouse DSN cannot be read: write clickhouse://user:password@host:9000/database, or http(s)://; special characters in the password as %XX")
		}
		return connect, nil
	}
	return nil, errors.New("store: neither a DSN nor an embedded engine was named")
}

// Database returns the name of the database.
func (s *Store) Database() string { return s.database }

// Close ends the connections.
func (s *Store) Close() error {
	s.merge()
	s.merges.stop()
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Ping asks ClickHouse for an answer. Before the first Migrate the database
// does not exist, which is an error too.
func (s *Store) Ping(ctx context.Context) error {
	return wrap("ping", s.conn.Ping(ctx))
}

// Version returns ClickHouse's own version, such as 26.7.3.
func (s *Store) Version(ctx context.Context) (string, error) {
	var version string
	if err := s.conn.QueryRow(ctx, "SELECT version()").Scan(&version); err != nil {
		return "", wrap("ask for the version", err)
	}
	return version, nil
}
