package withdrawal

import (
	"encoding/binary"
	"fmt"
)

// The spaces of marks that belong to this package.
const (
	SpaceRecords    byte = 'r'
	SpaceRecipients byte = 'm'
	SpaceFeed       byte = 'f'
)

// Mark is a small fact on disk: the newest value of a key (a spool.Mark).
type Mark struct {
	Space      byte
	Key, Value []byte
}

// Keeper keeps marks on disk: the spool, joined by whoever starts the process. What
// it returns from, it has synced.
type Keeper interface {
	PutMarks(marks ...Mark) error
	DeleteMarks(space byte, keys ...[]byte) error
	// Marks visits a space in the order of keys. missing says that some marks are,
	// or may be, lost; MarksWhole that they were put again.
	Marks(space byte, visit func(key, value []byte) error) (missing bool, err error)
	MarksWhole(space byte) error
}

// mark makes an entry's mark; when is its time. ok is false for one that says
// nothing.
func (e *Entry) mark(when uint32) (m Mark, ok bool) {
	if e.isRecord() {
		value := append(binary.BigEndian.AppendUint32(nil, when), e.Site...)
		return Mark{Space: SpaceRecords, Key: append([]byte{}, e.Record[:]...), Value: value}, true
	}
	said := e.choices()
	if said == 0 {
		return Mark{}, false
	}
	key := make([]byte, 0, 8+1+len(e.Site)+4+1)
	key = binary.BigEndian.AppendUint64(key, e.Recipient)
	key = append(append(key, byte(len(e.Site))), e.Site...)
	key = binary.BigEndian.AppendUint32(key, when)
	return Mark{Space: SpaceRecipients, Key: append(key, byte(said))}, true
}

// readRecord reads a mark of the space of records.
func readRecord(key, value []byte) (id [16]byte, when uint32, err error) {
	if len(key) != len(id) || len(value) < 4 {
		return id, 0, fmt.Errorf("withdrawal: a record's mark has a key of %d and a value of %d bytes", len(key), len(value))
	}
	return [16]byte(key), binary.BigEndian.Uint32(value), nil
}

// statement is a recipient's mark, read.
type statement struct {
	recipient uint64
	site      []byte // a part of the key
	when      uint32
	said      choices
}

func readStatement(key []byte) (s statement, err error) {
	if len(key) < 9 || len(key) != 9+int(key[8])+5 {
		return s, fmt.Errorf("withdrawal: a recipient's mark has a key of %d bytes that ends too early or too late", len(key))
	}
	site, rest := key[9:9+int(key[8])], key[9+int(key[8]):]
	s = statement{recipient: binary.BigEndian.Uint64(key), site: site, when: binary.BigEndian.Uint32(rest), said: choices(rest[4])}
	if !s.said.valid() || s.said == 0 || len(site) == 0 {
		return s, fmt.Errorf("withdrawal: a recipient's mark has choices %#x, this program knows them to %#x", rest[4], 1<<(2*registers)-1)
	}
	return s, nil
}
