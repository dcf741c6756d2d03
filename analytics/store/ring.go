package store

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ClaimRing names the key ring that a store's nodes share, by its fingerprint.
// The first node to come claims the store for its ring; whoever comes later
// gets the fingerprint that was claimed and compares it with its own. Of two
// that come first at the same moment one is kept, and each is told which.
func (s *Store) ClaimRing(ctx context.Context, fingerprint string) (claimed string, err error) {
	if fingerprint == "" {
		return "", errors.New("store: a key ring without a fingerprint cannot be claimed for")
	}
	if claimed, err = s.claimedRing(ctx); err != nil || claimed != "" {
		return claimed, err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	err = s.conn.Exec(ctx, "INSERT INTO key_ring (fingerprint, claimed_at) SELECT {fingerprint:String}, now64(3)",
		clickhouse.Named("fingerprint", fingerprint))
	if err != nil {
		return "", wrap("claim the store for this key ring", err)
	}
	if err := s.catchUp(ctx, "key_ring"); err != nil {
		return "", err
	}
	return s.claimedRing(ctx)
}

// claimedRing returns the fingerprint claimed first, or "" where none was.
func (s *Store) claimedRing(ctx context.Context) (string, error) {
	rows, err := s.Query(ctx, "SELECT fingerprint FROM key_ring ORDER BY claimed_at, fingerprint LIMIT 1", nil)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var fingerprint string
	if rows.Next() {
		if err := rows.Scan(&fingerprint); err != nil {
			return "", err
		}
	}
	return fingerprint, rows.Err()
}
