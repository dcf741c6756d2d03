package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
)

const (
	// checkpointEvery is how old an anchor gets before the next one.
	checkpointEvery = 24 * time.Hour
	// dueDays is how long before the end of their term records are signed off: a
	// job that stood still for less loses none.
	dueDays = 7
)

// Checkpoint signs where the chains of the ledger end, once a day and chain,
// and which records are about to reach the end of their term, before the TTL
// takes them. A chain that was altered since its last anchor is not signed, and
// an error says which. It returns the number of checkpoints written.
func (s *Store) Checkpoint(ctx context.Context, signer Signer, now time.Time) (int, error) {
	signed, err := s.checkpoints(ctx, "")
	if err != nil {
		return 0, err
	}
	fresh, err := s.due(ctx, signed, now)
	if err != nil {
		return 0, err
	}
	ends, err := s.heads(ctx, "WHERE chain_seq > 0", nil)
	if err != nil {
		return 0, err
	}
	var broken []error
	for c, h := range ends {
		anchor := lastAnchor(signed[c])
		if h.Seq <= anchor.Seq || now.Sub(anchor.Time) < checkpointEvery {
			continue
		}
		head, err := s.follow(ctx, c, anchor, slices.Concat(signed[c], fresh))
		if err != nil {
			broken = append(broken, fmt.Errorf("store: the ledger of site %s, node %s, is not signed: record %w", c.Site, uuid.UUID(c.Node), err))
			continue
		}
		fresh = append(fresh, Checkpoint{Chain: c, Head: head})
	}
	for i := range fresh {
		fresh[i].Time = now.UTC().Truncate(time.Millisecond)
		fresh[i].Signature = signer.Sign(fresh[i].Site, fresh[i].message())
		if err := s.putCheckpoint(ctx, &fresh[i]); err != nil {
			return i, err
		}
	}
	return len(fresh), errors.Join(broken...)
}

func lastAnchor(all []Checkpoint) (last Checkpoint) {
	for _, c := range all {
		if c.First == 0 {
			last = c
		}
	}
	return last
}

// follow walks a chain from its last anchor to its end.
func (s *Store) follow(ctx context.Context, c Chain, from Checkpoint, signed []Checkpoint) (Head, error) {
	signed = slices.DeleteFunc(signed, func(k Checkpoint) bool { return k.Chain != c || k.Seq <= from.Seq })
	slices.SortFunc(signed, func(a, b Checkpoint) int { return cmp.Compare(a.Seq, b.Seq) })
	w := newWalker(c, signed, from.Head)
	err := s.walk(ctx, c, from.Seq+1, w.see)
	var b *Break
	if errors.As(err, &b) {
		err = fmt.Errorf("%d: %w", b.Seq, err)
	}
	return w.at, err
}

// due returns unsigned ranges of records whose term is about to end.
func (s *Store) due(ctx context.Context, signed map[Chain][]Checkpoint, now time.Time) (ranges []Checkpoint, err error) {
	rows, err := s.query(ctx, "read what is due in the ledger", "SELECT site, node, chain_seq, chain_hash FROM consents "+
		"WHERE keep_until <= {day:Date} AND chain_seq > 0 ORDER BY site, node, chain_seq SETTINGS max_bytes_before_external_sort = "+maxSort,
		map[string]any{"day": now.UTC().AddDate(0, 0, dueDays).Format(time.DateOnly)})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	done := make(map[Chain][]span, len(signed))
	for c, all := range signed {
		done[c] = gone(all)
	}
	for rows.Next() {
		var c Checkpoint
		var node uuid.UUID
		var hash string
		if err := rows.Scan(&c.Site, &node, &c.Seq, &hash); err != nil {
			return nil, err
		}
		c.Node, c.First = node, c.Seq
		copy(c.Hash[:], hash)
		if from, to := missing(done[c.Chain], c.Seq, c.Seq); from > to {
			continue
		}
		if n := len(ranges); n > 0 && ranges[n-1].Chain == c.Chain && ranges[n-1].Seq+1 >= c.Seq {
			c.First = ranges[n-1].First
			ranges[n-1] = c
			continue
		}
		ranges = append(ranges, c)
	}
	return ranges, rows.Err()
}

func (s *Store) putCheckpoint(ctx context.Context, c *Checkpoint) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	return wrap("write a checkpoint", s.conn.Exec(ctx,
		"INSERT INTO consent_checkpoints (site, node, first, chain_seq, chain_hash, time, signature) "+
			"SELECT {site:String}, toUUID({node:String}), {first:UInt64}, {seq:UInt64}, unhex({hash:String}), fromUnixTimestamp64Milli({time:Int64}, 'UTC'), unhex({signature:String})",
		clickhouse.Named("site", c.Site), clickhouse.Named("node", uuid.UUID(c.Node).String()), clickhouse.Named("first", c.First),
		clickhouse.Named("seq", c.Seq), clickhouse.Named("hash", fmt.Sprintf("%x", c.Hash)),
		clickhouse.Named("time", c.Time.UnixMilli()), clickhouse.Named("signature", fmt.Sprintf("%x", c.Signature))))
}
