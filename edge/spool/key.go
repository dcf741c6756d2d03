package spool

import "encoding/binary"

// Keys: one letter for the namespace, then positions (see doc.go).
var (
	keyMeta     = []byte("m")
	keyCursor   = []byte("c")
	keyManifest = []byte("f")
	keySalvaged = []byte("x")
	keyUnsound  = []byte("y")
)

const (
	prefixGroup = 'g'
	prefixAside = 'q'
	prefixMark  = 'k'
	prefixSort  = 't' // only in a database that a salvage is filling
)

func groupKey(first Seq) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), prefixGroup), uint64(first))
}

// groupKeySeq returns the position in a group's key, false for another key.
func groupKeySeq(key []byte) (Seq, bool) {
	if len(key) != 9 || key[0] != prefixGroup {
		return 0, false
	}
	return Seq(binary.BigEndian.Uint64(key[1:])), true
}

func asideKey(batch, first Seq) []byte {
	k := append(make([]byte, 0, 17), prefixAside)
	k = binary.BigEndian.AppendUint64(k, uint64(batch))
	return binary.BigEndian.AppendUint64(k, uint64(first))
}

func asideKeySeqs(key []byte) (batch, first Seq, ok bool) {
	if len(key) != 17 || key[0] != prefixAside {
		return 0, 0, false
	}
	return Seq(binary.BigEndian.Uint64(key[1:])), Seq(binary.BigEndian.Uint64(key[9:])), true
}

func markKey(space byte, key []byte) []byte {
	k := append(make([]byte, 0, 2+len(key)), prefixMark, space)
	return append(k, key...)
}

// markParts returns the space and the key of a mark, false for another key. key is
// a part of k.
func markParts(k []byte) (space byte, key []byte, ok bool) {
	if len(k) < 2 || k[0] != prefixMark {
		return 0, nil, false
	}
	return k[1], k[2:], true
}
