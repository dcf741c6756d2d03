package spool

import (
	"context"
	"errors"
	"fmt"
	"sort"
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
	var from []byte
	for {
		last, err := scanBlocks(r, from, visit)
		if err == nil || !isDamage(err) {
			return err
		}
		// The damaged block holds the key behind the last one read, or that one was the
		// end of its block and the next try finds the damage at once.
		if from, err = nextBlock(r, max(string(from), last)); err != nil || from == nil {
			return onlyDisk(err)
		}
	}
}

// scanBlocks calls visit for the keys of a table from a key on, up to the first
// damage, and returns the last of them.
func scanBlocks(r *sstable.Reader, from []byte, visit func(entry)) (last string, err error) {
	it, err := r.NewIter(sstable.IterTransforms{}, from, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return "", err
	}
	defer it.Close()
	kv := it.First()
	if from != nil {
		kv = it.SeekGE(from, 0)
	}
	var key []byte
	for ; kv != nil; kv = it.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return string(key), err
		}
		key = append(key[:0], kv.K.UserKey...)
		visit(entry{key: key, value: value, kind: plainKind(kv.Kind()), age: uint64(kv.SeqNum())})
	}
	return string(key), it.Error()
}

// plainKind makes one of the two kinds that Pebble has for a key that is set: where
// a compaction met a deletion of it, the set remembers that.
func plainKind(k pebble.InternalKeyKind) uint8 {
	switch k {
	case pebble.InternalKeyKindSetWithDelete:
		return uint8(pebble.InternalKeyKindSet)
	case pebble.InternalKeyKindDeleteSized, pebble.InternalKeyKindSingleDelete:
		return uint8(pebble.InternalKeyKindDelete)
	}
	return uint8(k)
}

// nextBlock returns the first key behind the block that holds the given one, or
// would; nil if that is the last block. It asks the table's index alone, byte by
// byte: a try to read the block costs seconds when it is damaged, since Pebble then
// searches for the bit that flipped.
func nextBlock(r *sstable.Reader, key string) ([]byte, error) {
	extent := func(end string) (uint64, error) { // bytes from key's block to that of end
		return r.EstimateDiskUsage([]byte(key), []byte(end), sstable.NoReadEnv)
	}
	block, err := extent(key)
	if err != nil {
		return nil, err
	}
	within := func(k string) bool { // not behind the block
		if k <= key || err != nil {
			return true
		}
		var n uint64
		n, err = extent(k)
		return n == block
	}
	if within("\xff") { // behind all keys
		return nil, err
	}
	end := "" // of the block, as the index has it: the longest string within
	for within(end + "\x00") {
		c := sort.Search(255, func(c int) bool { return !within(end + string([]byte{byte(c + 1)})) })
		end += string([]byte{byte(c)})
	}
	return []byte(end + "\x00"), err
}

// onlyDisk drops errors that speak of damaged content.
func onlyDisk(err error) error {
	if isDamage(err) {
		return nil
	}
	return err
}
