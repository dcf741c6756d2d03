package spool

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// positionsLeftOut is how far positions jump in a salvage. Records that cannot be
// read may have been delivered under positions beyond the last one seen.
const positionsLeftOut = 1 << 32

// entry is a key as it stands in a log or table. A larger age is newer.
type entry struct {
	key, value []byte
	kind       uint8
	age        uint64
}

func (s *Spool) salvageDir() string { return s.opts.Dir + ".salvage" }

// finishSalvage ends a salvage that a crash interrupted. The new database is
// complete before the old one is moved away: with no directory in its place it
// only has to be moved there, else it is made anew.
func (s *Spool) finishSalvage() error {
	fs := s.opts.FS
	if _, err := fs.Stat(s.salvageDir()); err != nil {
		return nil
	}
	if _, err := fs.Stat(s.opts.Dir); err == nil {
		return fs.RemoveAll(s.salvageDir())
	}
	if err := fs.Rename(s.salvageDir(), s.opts.Dir); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(s.opts.Dir))
}

// salvage makes a new database of what can be read from the files of the damaged
// one, and moves that aside.
func (s *Spool) salvage(cause error) error {
	fs, damaged := s.opts.FS, s.damagedDir()
	if err := fs.RemoveAll(s.salvageDir()); err != nil {
		return err
	}
	if err := fs.MkdirAll(s.salvageDir(), 0o700); err != nil {
		return err
	}
	o := s.databaseOptions()
	db, err := openPebble(s.salvageDir(), o)
	if err != nil {
		return err
	}
	to := &salvaged{db: db, now: s.opts.Now().UnixNano(), source: damaged, cause: cause, newest: make(map[string]entry)}
	err = to.fill(fs, s.opts.Dir, o)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	parent := fs.PathDir(s.opts.Dir)
	if err := fs.Rename(s.opts.Dir, damaged); err != nil {
		return err
	}
	if err := syncDir(fs, parent); err != nil {
		return err
	}
	if err := fs.Rename(s.salvageDir(), s.opts.Dir); err != nil {
		return err
	}
	s.opts.Logger.Error("spool: salvaged", "dir", s.opts.Dir, "damaged one kept in", damaged,
		"records", to.records, "missing", to.missing)
	return syncDir(fs, parent)
}

// salvaged is the new database while it is being filled.
type salvaged struct {
	db     *pebble.DB
	now    int64
	source string // where the damaged one will be kept
	cause  error

	newest map[string]entry // all keys but groups and marks
	cursor Seq
	seen   Seq // last position met

	records, missing uint64
}

// fill reads the files twice: first the small keys, since the cursor says which
// groups are still wanted, then the groups.
func (v *salvaged) fill(fs vfs.FS, dir string, o *pebble.Options) error {
	if err := scanFiles(fs, dir, o, v.takeSmall); err != nil {
		return err
	}
	batch := v.db.NewBatch()
	var failed error
	err := scanFiles(fs, dir, o, func(e entry) {
		if failed == nil {
			failed = v.take(batch, e)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if err := v.db.Apply(batch, pebble.Sync); err != nil {
		return err
	}
	if err := v.finishMarks(); err != nil {
		return fmt.Errorf("marks: %w", err)
	}
	return v.finish()
}

// take writes a group or a mark into the new database.
func (v *salvaged) take(batch *pebble.Batch, e entry) error {
	if !v.takeGroup(batch, e) && !takeMark(batch, e) {
		return nil
	}
	return v.apply(batch, maxGroup)
}

// apply writes a batch of at least so many bytes, and empties it.
func (v *salvaged) apply(batch *pebble.Batch, least int) error {
	if batch.Len() < least {
		return nil
	}
	if err := v.db.Apply(batch, pebble.NoSync); err != nil {
		return err
	}
	batch.Reset()
	return nil
}

// takeSmall remembers the newest state of every key that is no group and no mark.
func (v *salvaged) takeSmall(e entry) {
	if _, ok := groupKeySeq(e.key); ok || e.kind > uint8(pebble.InternalKeyKindSet) {
		return
	}
	if _, _, ok := markParts(e.key); ok {
		return
	}
	if e.kind == uint8(pebble.InternalKeyKindSet) && bytes.Equal(e.key, keyCursor) {
		if body, err := unseal(e.key, e.value); err == nil && len(body) == 8 {
			v.cursor = max(v.cursor, Seq(binary.BigEndian.Uint64(body)))
		}
	}
	if old, ok := v.newest[string(e.key)]; ok && old.age > e.age {
		return
	}
	e.value = append([]byte(nil), e.value...)
	v.newest[string(e.key)] = e
}

// takeGroup sets a group that is not acknowledged, and says whether it did.
func (v *salvaged) takeGroup(batch *pebble.Batch, e entry) bool {
	first, ok := groupKeySeq(e.key)
	if !ok || e.kind != uint8(pebble.InternalKeyKindSet) {
		return false
	}
	info, err := decodeGroup(first, e.value)
	v.seen = max(v.seen, first+Seq(max(info.count, 1))-1)
	if err == nil && first+Seq(info.count)-1 <= v.cursor {
		return false
	}
	_ = batch.Set(e.key, e.value, nil) // a batch in memory: no error
	return true
}

// finish writes the small keys, an entry for every gap in the positions, and the
// groups' running totals anew.
func (v *salvaged) finish() error {
	batch := v.db.NewBatch()
	for key, e := range v.newest {
		if e.kind != uint8(pebble.InternalKeyKindSet) || key[0] != prefixAside {
			continue
		}
		if err := batch.Set([]byte(key), e.value, nil); err != nil {
			return err
		}
	}
	if err := v.retotal(batch); err != nil {
		return err
	}
	_ = batch.Set(keyCursor, seal(keyCursor, binary.BigEndian.AppendUint64(nil, uint64(v.cursor))), nil)
	if e, ok := v.newest[string(keyManifest)]; ok && e.kind == uint8(pebble.InternalKeyKindSet) {
		if body, err := unseal(keyManifest, e.value); err == nil && manifestOf(body, v.cursor) != nil {
			_ = batch.Set(keyManifest, e.value, nil)
		}
	}
	m := meta{created: v.now}
	if body, err := unseal(keyMeta, v.newest[string(keyMeta)].value); err == nil {
		m, _ = decodeMeta(body)
	} else if _, err := rand.Read(m.id[:]); err != nil {
		return err
	}
	m.floor = max(v.seen, v.cursor, m.floor) + positionsLeftOut
	_ = batch.Set(keyMeta, m.encode(), nil)
	_ = batch.Set(keySalvaged, salvagedAt(v.now), nil)
	return v.db.Apply(batch, pebble.Sync)
}

// retotal rewrites what stands before each group, and notes the gaps.
func (v *salvaged) retotal(batch *pebble.Batch) error {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: groupKey(0), UpperBound: []byte{prefixGroup + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	next := v.cursor + 1
	var total groupInfo
	for ok := it.First(); ok; ok = it.Next() {
		first, _ := groupKeySeq(it.Key())
		info, err := decodeGroup(first, it.Value())
		if err != nil { // read and set aside when its turn comes
			next = max(next, first+1)
			continue
		}
		if first > next {
			v.noteGap(batch, next, first-1)
		}
		next = max(next, first+Seq(info.count))
		if info.recordsBefore != total.recordsBefore || info.bytesBefore != total.bytesBefore {
			value := append([]byte(nil), it.Value()...)
			groupInfo{count: info.count, at: info.at, recordsBefore: total.recordsBefore, bytesBefore: total.bytesBefore}.encode(value, first)
			if err := v.db.Set(it.Key(), value, pebble.NoSync); err != nil {
				return err
			}
		}
		total.recordsBefore += uint64(info.count)
		total.bytesBefore += uint64(len(it.Value()))
		v.records += uint64(info.count)
	}
	if v.missing == 0 && it.Error() == nil {
		// Nothing in between is missing, so what was damaged held the last records, or
		// none: their number is unknown.
		v.noteGap(batch, next, next)
	}
	return it.Error()
}

// noteGap sets an entry aside for positions of which nothing could be read, unless
// they were set aside before.
func (v *salvaged) noteGap(batch *pebble.Batch, first, last Seq) {
	if _, ok := v.newest[string(asideKey(first, first))]; ok {
		return
	}
	v.missing += uint64(last - first + 1)
	key, value := asideEntry{
		batch: first, first: first, batchLast: last, last: last, damaged: true, at: v.now, records: uint64(last - first + 1),
		reason: fmt.Sprintf("unreadable, files kept in %s: %v", v.source, v.cause),
	}.encode()
	_ = batch.Set(key, value, nil) // a batch in memory: no error
}
