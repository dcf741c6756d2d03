package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// eraseBytes rewrites the parts without what was deleted.
func (s *Store) eraseBytes(ctx context.Context, all []*erasure) error {
	if len(all) == 0 {
		return nil
	}
	if err := s.applyMasks(ctx, eraseTables); err != nil {
		return err
	}
	return s.reach(ctx, stepMasked, all)
}

// applyMasks rewrites the parts of tables that hold deleted rows.
func (s *Store) applyMasks(ctx context.Context, tables map[string]string) error {
	masked, err := s.maskedPartitions(ctx, tables)
	if err != nil {
		return err
	}
	for _, p := range masked { // one by one: each part that is rewritten needs memory for all its columns
		if err := s.change(ctx, "remove deleted rows of "+p.table, "ALTER TABLE "+p.table+s.form.onCluster()+" APPLY DELETED MASK IN PARTITION ID '"+p.id+"'"); err != nil {
			return err
		}
	}
	return nil
}

type partition struct{ table, id string } // the table as it is stored

// eraseTables are those that hold what names a person, with a partition that
// no row is in.
var eraseTables = map[string]string{
	"events": "196912", "touches": "196912", "sales": "196912", "visitor_days": "196912", "campaign_day": "196912", "consents": "1969",
	"mail_consents": "ID 'none'", // it has no partitions
}

// names lists such tables as they are stored, for a condition. The list of the
// people being erased is among them where it is on disk.
func (f form) names(tables map[string]string) string {
	names := []string{}
	for table := range tables {
		names = append(names, "'"+f.stored(table)+"'")
	}
	if f.replicated() {
		names = append(names, "'erasing'", "'erasing_recipients'", "'erasing_returned'")
	}
	slices.Sort(names)
	return "(" + strings.Join(names, ", ") + ")"
}

// maskedPartitions are those that hold rows which are deleted and still there.
func (s *Store) maskedPartitions(ctx context.Context, tables map[string]string) (all []partition, err error) {
	rows, err := s.query(ctx, "look for deleted rows", "SELECT DISTINCT table, partition_id FROM "+s.form.system("parts")+" WHERE database = '"+s.database+"' AND active AND has_lightweight_delete AND table IN "+s.form.names(tables), nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p partition
		if err := rows.Scan(&p.table, &p.id); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// mutationsDone reports an error while a statement of an earlier round is still
// at work: ClickHouse goes on with it by itself, and another one beside it would
// only need more memory.
func (s *Store) mutationsDone(ctx context.Context, tables map[string]string) error {
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM "+s.form.system("mutations")+" WHERE database = '"+s.database+"' AND NOT is_done AND table IN "+s.form.names(tables)).Scan(&n); err != nil {
		return wrap("look for unfinished mutations", err)
	}
	if n > 0 {
		return fmt.Errorf("store: %d unfinished mutations are waited for; system.mutations says what keeps them", n)
	}
	return nil
}

// finishErasures writes the receipts of those whose bytes are gone.
func (s *Store) finishErasures(ctx context.Context, masked []*erasure, signer Signer) (done []ErasureReceipt, err error) {
	if len(masked) == 0 {
		return nil, nil
	}
	if err := s.lookForOldParts(ctx, eraseTables); err != nil {
		return nil, err
	}
	oldest, err := s.oldestPart(ctx, eraseTables)
	if err != nil {
		return nil, err
	}
	var over []*erasure
	for _, e := range masked {
		if !oldest.IsZero() && !oldest.After(e.stepped) {
			continue // a part from before still has the bytes
		}
		e.Finished = s.now().UTC().Truncate(time.Millisecond)
		e.subject, e.Signature = "", signer.Sign(e.Site, e.Message())
		over, done = append(over, e), append(done, e.ErasureReceipt)
	}
	if len(over) == 0 {
		return nil, nil
	}
	if err := s.clearErasing(ctx); err != nil { // an interrupted round may have left it full
		return nil, err
	}
	s.tidied.Store(false)
	if err := s.reach(ctx, stepDone, over); err != nil {
		return nil, err
	}
	return done, s.tidyErasures(ctx)
}

// tidyErasures merges away the earlier steps of erasures that are done, and with
// them the sealed ids, until it has seen that none is left: a process may have died,
// or a merge failed, behind the receipt.
func (s *Store) tidyErasures(ctx context.Context) error {
	if s.tidied.Load() {
		return nil
	}
	months, err := s.untidyMonths(ctx)
	all := []error{err}
	for _, month := range months {
		all = append(all, s.change(ctx, "tidy erasures", "OPTIMIZE TABLE erasures PARTITION "+month+" FINAL"))
	}
	s.tidied.Store(err == nil && len(months) == 0)
	return errors.Join(all...)
}

// untidyMonths are the partitions with a sealed id of somebody whose erasure is
// done.
func (s *Store) untidyMonths(ctx context.Context) ([]string, error) {
	const sql = "SELECT DISTINCT toString(toYYYYMM(requested)) FROM erasures WHERE subject != '' AND " +
		"(site, hash, requested) IN (SELECT site, hash, requested FROM erasures WHERE step = {done:UInt8})"
	return s.texts(ctx, "look for sealed ids", sql, map[string]any{"done": uint8(stepDone)})
}

// lookForOldParts has ClickHouse remove the parts whose time has come. By itself
// it looks for them in a table ever more seldom while nothing happens there, but
// whenever a partition was dropped, also one that never was.
func (s *Store) lookForOldParts(ctx context.Context, tables map[string]string) error {
	for table, never := range tables {
		if err := s.change(ctx, "remove old parts of "+table, "ALTER TABLE "+s.form.change(table)+" DROP PARTITION "+never); err != nil {
			return err
		}
	}
	return nil
}

// oldestPart returns since when the oldest part is out of use that still lies
// on disk; zero where there is none.
func (s *Store) oldestPart(ctx context.Context, tables map[string]string) (oldest time.Time, err error) {
	rows, err := s.query(ctx, "look for old parts", "SELECT min(toUnixTimestamp(remove_time)) FROM "+s.form.system("parts")+" WHERE database = '"+s.database+"' AND NOT active AND table IN "+s.form.names(tables)+" HAVING count() > 0", nil)
	if err != nil {
		return oldest, err
	}
	defer rows.Close()
	for rows.Next() {
		var at uint32
		if err := rows.Scan(&at); err != nil {
			return oldest, err
		}
		oldest = time.Unix(int64(at), 0)
	}
	return oldest, rows.Err()
}
