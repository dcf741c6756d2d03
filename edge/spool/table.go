package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// scanFiles calls visit for every key that can be read from the tables and logs in
// dir, in no order; key and value are valid only within the call. Damage ends the
// reading of a block, an error of the disk ends it all.
func scanFiles(fs vfs.FS, dir string, o *pebble.Options, visit func(entry)) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		if err := scanTable(fs, fs.PathJoin(dir, name), o, visit); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		return err
	}
	for _, l := range logs {
		if err := scanLog(l, visit); err != nil {
			return fmt.Errorf("log %d: %w", l.Num, err)
		}
	}
	return nil
}

// scanTable calls visit for every key that can be read from a table.
func scanTable(fs vfs.FS, path string, o *pebble.Options, visit func(entry)) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return onlyDisk(err) // NewReader closed the file
	}
	defer r.Close()
	// The small keys lie around the groups, whose positions say where to go on
	// behind a damaged block.
	var last Seq
	behind := false // behind the groups
	from := []byte(nil)
	for !behind {
		err := scanBlocks(r, from, func(e entry) {
			if seq, ok := groupKeySeq(e.key); ok {
				last = seq
			} else {
				behind = bytes.Compare(e.key, groupKey(0)) > 0
			}
			visit(e)
		})
		if err == nil || !isDamage(err) {
			return err
		}
		next, err := nextReadable(last+1, math.MaxUint64-1, func(seq Seq) (Seq, error) {
			return seq, scanBlocks(r, groupKey(seq), nil)
		})
		if err != nil || next > math.MaxUint64-1 {
			return err
		}
		from = groupKey(next)
	}
	return nil
}

// scanBlocks calls visit for the keys of a table from a key on, up to the first
// damage. Without visit it only looks whether the first key can be read.
func scanBlocks(r *sstable.Reader, from []byte, visit func(entry)) error {
	it, err := r.NewIter(sstable.IterTransforms{}, from, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return err
	}
	defer it.Close()
	kv := it.First()
	if from != nil {
		kv = it.SeekGE(from, 0)
	}
	for ; kv != nil && visit != nil; kv = it.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return err
		}
		visit(entry{key: kv.K.UserKey, value: value, kind: uint8(kv.Kind()), age: uint64(kv.SeqNum())})
	}
	return it.Error()
}

// onlyDisk drops errors that speak of damaged content.
func onlyDisk(err error) error {
	if isDamage(err) {
		return nil
	}
	return err
}
