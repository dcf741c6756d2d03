package ship

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/spool"
)

const (
	manifestVersion = 2
	manifestSize    = 1 + 16 + 8 + 8 + 4 + 2 + sha256.Size // without the chains
)

// manifest names a batch for good: every try of it repeats these records, and
// gives its consents the same places in the ledger.
type manifest struct {
	spool       [16]byte
	first, last spool.Seq
	records     uint32
	wire        uint16 // event.WireVersion of the program that cut it
	hash        [sha256.Size]byte
	// chains are where the ledger ended before the batch, for each site that has a
	// consent in it, by name. Version 1 knew no ledger.
	chains    []chain
	unchained bool // read from version 1
}

// chain is the end of a site's chain.
type chain struct {
	site string
	head store.Head
}

func (m manifest) encode() []byte {
	b := make([]byte, 0, manifestSize)
	b = append(b, manifestVersion)
	b = append(b, m.spool[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.first))
	b = binary.BigEndian.AppendUint64(b, uint64(m.last))
	b = binary.BigEndian.AppendUint32(b, m.records)
	b = binary.BigEndian.AppendUint16(b, m.wire)
	b = append(b, m.hash[:]...)
	for _, c := range m.chains {
		b = append(binary.AppendUvarint(b, uint64(len(c.site))), c.site...)
		b = append(b, encodeHead(c.head)...)
	}
	return b
}

func decodeManifest(b []byte) (m manifest, err error) {
	switch {
	case len(b) == 0:
		return m, errors.New("ship: the manifest in the spool is empty")
	case b[0] == 0 || b[0] > manifestVersion:
		return m, fmt.Errorf("ship: the manifest in the spool has version %d, this program knows 1 to %d: start the program that wrote it", b[0], manifestVersion)
	case len(b) < manifestSize || b[0] == 1 && len(b) != manifestSize:
		return m, fmt.Errorf("ship: the manifest in the spool has %d bytes, want %d", len(b), manifestSize)
	}
	m.unchained = b[0] == 1
	b = b[1:]
	b = b[copy(m.spool[:], b):]
	m.first, m.last = spool.Seq(binary.BigEndian.Uint64(b)), spool.Seq(binary.BigEndian.Uint64(b[8:]))
	m.records, m.wire = binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint16(b[20:])
	for b = b[22+copy(m.hash[:], b[22:]):]; len(b) > 0; {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) || len(b)-size-int(n) < headSize {
			return m, errors.New("ship: the manifest in the spool ends within a chain")
		}
		c := chain{site: string(b[size : size+int(n)])}
		b = b[size+int(n):]
		c.head, b = decodeHead(b), b[headSize:]
		m.chains = append(m.chains, c)
	}
	return m, nil
}

const headSize = 8 + sha256.Size

func encodeHead(h store.Head) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, headSize), h.Seq), h.Hash[:]...)
}

// decodeHead reads the first headSize bytes.
func decodeHead(b []byte) (h store.Head) {
	h.Seq = binary.BigEndian.Uint64(b)
	copy(h.Hash[:], b[8:])
	return h
}

// heads are the chains by site.
func (m manifest) heads() map[string]store.Head {
	heads := make(map[string]store.Head, len(m.chains))
	for _, c := range m.chains {
		heads[c.site] = c.head
	}
	return heads
}

// chainsOf returns where the chains of a batch's sites begin.
func chainsOf(rows *store.Batch, heads map[string]store.Head) (chains []chain) {
	for _, e := range rows.Consents {
		i, known := slices.BinarySearchFunc(chains, e.Site, func(c chain, site string) int { return cmp.Compare(c.site, site) })
		if !known {
			chains = slices.Insert(chains, i, chain{e.Site, heads[e.Site]})
		}
	}
	return chains
}

// same reports whether both name the same records.
func (m manifest) same(o manifest) bool {
	return m.spool == o.spool && m.first == o.first && m.last == o.last && m.records == o.records && m.hash == o.hash
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
