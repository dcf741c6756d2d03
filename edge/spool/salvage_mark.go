package spool

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// There can be millions of marks, so a salvage sorts their states on disk, under
// sort keys: t | key length 4 | key | age, inverted, 8, with the state's kind (1)
// before the value. The first one of each key is the newest.

// takeMark sets a mark's state under its sort key, and says whether it did.
func takeMark(batch *pebble.Batch, e entry) bool {
	if _, _, ok := markParts(e.key); !ok || e.kind > uint8(pebble.InternalKeyKindSet) {
		return false
	}
	key := append(make([]byte, 0, 1+4+len(e.key)+8), prefixSort)
	key = binary.BigEndian.AppendUint32(key, uint32(len(e.key)))
	key = append(key, e.key...)
	key = binary.BigEndian.AppendUint64(key, ^e.age)
	_ = batch.Set(key, append([]byte{e.kind}, e.value...), nil) // a batch in memory: no error
	return true
}

// finishMarks sets the newest state of every mark, as it was found: one that fails
// its checksum is reported when it is read.
func (v *salvaged) finishMarks() error {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixSort}, UpperBound: []byte{prefixSort + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	batch := v.db.NewBatch()
	defer batch.Close()
	var last string
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()[1+4 : len(it.Key())-8]
		if string(key) == last {
			continue
		}
		last = string(key)
		if it.Value()[0] != uint8(pebble.InternalKeyKindSet) {
			continue
		}
		_ = batch.Set(key, it.Value()[1:], nil) // a batch in memory: no error
		if err := v.apply(batch, maxGroup); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	_ = batch.DeleteRange([]byte{prefixSort}, []byte{prefixSort + 1}, nil)
	return v.db.Apply(batch, pebble.Sync)
}
