package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// entryColumns are what scanEntry reads, in its order.
const entryColumns = "site, subject, time, id, previous, method, surface, purposes.name, purposes.version, purposes.granted, " +
	"services.name, services.granted, notice_version, notice_hash, notice_language, policy_version, regime, country, region, " +
	"signal, age, guardian, toInt32(keep_until), withdraws, salt, node, chain_seq, commitment, chain_hash, erased"

func scanEntry(rows *Rows) (*Entry, error) {
	e := &Entry{Consent: new(event.Consent)}
	var id, previous, node uuid.UUID
	var names, services []string
	var versions []uint32
	var granted, allowed []bool
	var notice, salt, commitment, hash string
	var policy uint32
	err := rows.Scan(&e.Site, &e.Subject, &e.Time, &id, &previous, &e.Method, &e.Surface, &names, &versions, &granted,
		&services, &allowed, &e.NoticeVersion, &notice, &e.NoticeLanguage, &policy, &e.Regime, &e.Country, &e.Region,
		&e.Signal, &e.Age, &e.Guardian, &e.KeepUntil, &e.Withdraws, &salt, &node, &e.Seq, &commitment, &hash, &e.Erased)
	if err != nil {
		return nil, err
	}
	for i := range names {
		e.Purposes = append(e.Purposes, event.PurposeDecision{Purpose: names[i], Version: int(versions[i]), Granted: granted[i]})
	}
	for i := range services {
		e.Services = append(e.Services, event.ServiceDecision{Service: services[i], Granted: allowed[i]})
	}
	e.ID, e.Previous, e.Node, e.PolicyVersion, e.Time = id, previous, node, int(policy), e.Time.UTC()
	copy(e.NoticeHash[:], notice)
	copy(e.Salt[:], salt)
	copy(e.Commitment[:], commitment)
	copy(e.Hash[:], hash)
	return e, nil
}

// Heads returns where the chains end that a node wrote, by site.
func (s *Store) Heads(ctx context.Context, node [16]byte) (map[string]Head, error) {
	all, err := s.heads(ctx, "WHERE node = toUUID({node:String})", map[string]any{"node": uuid.UUID(node).String()})
	if err != nil {
		return nil, err
	}
	bySite := make(map[string]Head, len(all))
	for c, h := range all {
		bySite[c.Site] = h
	}
	return bySite, nil
}

func (s *Store) heads(ctx context.Context, where string, params map[string]any) (map[Chain]Head, error) {
	rows, err := s.query(ctx, "read the ends of the ledger", "SELECT site, node, max(chain_seq), argMax(chain_hash, chain_seq) FROM consents "+where+" GROUP BY site, node", params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[Chain]Head{}
	for rows.Next() {
		var c Chain
		var h Head
		var node uuid.UUID
		var hash string
		if err := rows.Scan(&c.Site, &node, &h.Seq, &hash); err != nil {
			return nil, err
		}
		c.Node = node
		copy(h.Hash[:], hash)
		all[c] = h
	}
	return all, rows.Err()
}

// checkpoints reads what was signed about chains, each chain's in the order of
// the records. site "" is all.
func (s *Store) checkpoints(ctx context.Context, site string) (map[Chain][]Checkpoint, error) {
	rows, err := s.query(ctx, "read checkpoints", "SELECT site, node, first, chain_seq, chain_hash, time, signature FROM consent_checkpoints "+
		"WHERE {site:String} IN ('', site) ORDER BY chain_seq, first, time", map[string]any{"site": site})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[Chain][]Checkpoint{}
	for rows.Next() {
		var c Checkpoint
		var node uuid.UUID
		var hash, signature string
		var at time.Time
		if err := rows.Scan(&c.Site, &node, &c.First, &c.Seq, &hash, &at, &signature); err != nil {
			return nil, err
		}
		c.Node, c.Time, c.Signature = node, at.UTC(), []byte(signature)
		copy(c.Hash[:], hash)
		all[c.Chain] = append(all[c.Chain], c)
	}
	return all, rows.Err()
}

// maxSort is how much memory ClickHouse may use to put a chain into order; it
// sorts on disk beyond that.
const maxSort = "268435456"

// walk calls visit with the records of a chain behind a position, in order; of
// a record and its blank copy the record comes first, of two that claim the same
// place the earlier one.
func (s *Store) walk(ctx context.Context, c Chain, after uint64, visit func(*Entry) error) error {
	rows, err := s.query(ctx, "read the ledger", "SELECT "+entryColumns+" FROM consents WHERE site = {site:String} AND node = toUUID({node:String}) AND chain_seq >= {after:UInt64} "+
		"ORDER BY chain_seq, erased, time, id SETTINGS max_bytes_before_external_sort = "+maxSort,
		map[string]any{"site": c.Site, "node": uuid.UUID(c.Node).String(), "after": after})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return rows.Err()
}
