package ship

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/kunjicloud/kunji/edge/spool"
)

const (
	manifestVersion = 1
	manifestSize    = 1 + 16 + 8 + 8 + 4 + 2 + sha256.Size
)

// manifest names a batch for good: every try of it repeats these records.
type manifest struct {
	spool       [16]byte
	first, last spool.Seq
	records     uint32
	wire        uint16 // event.WireVersion of the program that cut it
	hash        [sha256.Size]byte
}

func (m manifest) encode() []byte {
	b := make([]byte, 0, manifestSize)
	b = append(b, manifestVersion)
	b = append(b, m.spool[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.first))
	b = binary.BigEndian.AppendUint64(b, uint64(m.last))
	b = binary.BigEndian.AppendUint32(b, m.records)
	b = binary.BigEndian.AppendUint16(b, m.wire)
	return append(b, m.hash[:]...)
}

func decodeManifest(b []byte) (m manifest, err error) {
	switch {
	case len(b) == 0:
		return m, fmt.Errorf("ship: the manifest in the spool is empty")
	case b[0] != manifestVersion:
		return m, fmt.Errorf("ship: the manifest in the spool has version %d, this program knows %d: start the program that wrote it", b[0], manifestVersion)
	case len(b) != manifestSize:
		return m, fmt.Errorf("ship: the manifest in the spool has %d bytes, want %d", len(b), manifestSize)
	}
	b = b[1:]
	b = b[copy(m.spool[:], b):]
	m.first, m.last = spool.Seq(binary.BigEndian.Uint64(b)), spool.Seq(binary.BigEndian.Uint64(b[8:]))
	m.records, m.wire = binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint16(b[20:])
	copy(m.hash[:], b[22:])
	return m, nil
}

// token is what the store files the batch under.
func (m manifest) token() string { return fmt.Sprintf("%x-%d-%d", m.spool, m.first, m.last) }

// rowHash is the hash over a batch's records.
type rowHash struct{ hash.Hash }

func newRowHash() rowHash { return rowHash{sha256.New()} }

func (h rowHash) add(r spool.Record) {
	var head [12]byte
	binary.BigEndian.PutUint64(head[:], uint64(r.Seq))
	binary.BigEndian.PutUint32(head[8:], uint32(len(r.Payload)))
	_, _ = h.Write(head[:]) // a hash returns no errors
	_, _ = h.Write(r.Payload)
}

func (h rowHash) sum() (sum [sha256.Size]byte) {
	h.Sum(sum[:0])
	return sum
}
