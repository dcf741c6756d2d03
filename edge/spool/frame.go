package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The format's version, first byte of every value and frame (see doc.go); a
// frame whose payload is sealed has the other.
const (
	formatVersion = 1
	sealedVersion = 2
)

const (
	frameHeader = 1 + 4 + 4
	groupHeader = 1 + 4 + 8 + 8 + 8 + 4
	crcSize     = 4

	// maxPayload bounds one record: an event, far below a request's 64 KiB.
	maxPayload = 1 << 20
	// maxGroup bounds one group's bytes. It stays well under half a memtable, beyond
	// which Pebble turns a batch into a table of its own.
	maxGroup = 1 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errDamaged = errors.New("damaged")
)

// appendFrame appends payload with its version, length and checksum.
func appendFrame(dst []byte, version byte, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, version)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	crc := frameCRC(dst[start:], payload)
	dst = binary.BigEndian.AppendUint32(dst, crc)
	return append(dst, payload...)
}

func frameCRC(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:5], castagnoli), castagnoli, payload)
}

// splitFrame cuts the first frame off b. With a wrong checksum it still returns
// the frame's extent, in raw, as far as its length is to be believed; with an
// impossible length raw is all of b.
func splitFrame(b []byte) (payload, raw, rest []byte, err error) {
	if len(b) < frameHeader {
		return nil, b, nil, fmt.Errorf("frame of %d bytes is cut short: %w", len(b), errDamaged)
	}
	n := int(binary.BigEndian.Uint32(b[1:5]))
	if n > maxPayload || n > len(b)-frameHeader {
		return nil, b, nil, fmt.Errorf("frame length %d exceeds the %d bytes left: %w", n, len(b)-frameHeader, errDamaged)
	}
	raw, rest = b[:frameHeader+n], b[frameHeader+n:]
	payload = raw[frameHeader:]
	if b[0] != formatVersion && b[0] != sealedVersion || frameCRC(b, payload) != binary.BigEndian.Uint32(b[5:9]) {
		return nil, raw, rest, fmt.Errorf("frame of %d bytes fails its checksum: %w", n, errDamaged)
	}
	return payload, raw, rest, nil
}

// groupInfo is the header of a group.
type groupInfo struct {
	count         uint32 // records in it
	at            int64  // when it was committed, Unix ns
	recordsBefore uint64 // in all groups before it since the database was made
	bytesBefore   uint64
}

// encode writes the header into the first groupHeader bytes of value.
func (g groupInfo) encode(value []byte, first Seq) {
	value[0] = formatVersion
	binary.BigEndian.PutUint32(value[1:], g.count)
	binary.BigEndian.PutUint64(value[5:], uint64(g.at))
	binary.BigEndian.PutUint64(value[13:], g.recordsBefore)
	binary.BigEndian.PutUint64(value[21:], g.bytesBefore)
	binary.BigEndian.PutUint32(value[29:], keyedCRC(groupKey(first), value[:29]))
}

func decodeGroup(first Seq, value []byte) (groupInfo, error) {
	if len(value) < groupHeader {
		return groupInfo{}, fmt.Errorf("group %d of %d bytes is cut short: %w", first, len(value), errDamaged)
	}
	if value[0] != formatVersion || keyedCRC(groupKey(first), value[:29]) != binary.BigEndian.Uint32(value[29:33]) {
		return groupInfo{}, fmt.Errorf("group %d fails its header's checksum: %w", first, errDamaged)
	}
	return groupInfo{
		count:         binary.BigEndian.Uint32(value[1:]),
		at:            int64(binary.BigEndian.Uint64(value[5:])),
		recordsBefore: binary.BigEndian.Uint64(value[13:]),
		bytesBefore:   binary.BigEndian.Uint64(value[21:]),
	}, nil
}

// keyedCRC covers the key as well, so that a value under another key is damage.
func keyedCRC(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// seal wraps body for a key that holds one small value: version, body, crc.
func seal(key, body []byte) []byte {
	v := make([]byte, 0, 1+len(body)+crcSize)
	v = append(v, formatVersion)
	v = append(v, body...)
	return binary.BigEndian.AppendUint32(v, keyedCRC(key, v))
}

// unseal is the inverse of seal.
func unseal(key, value []byte) ([]byte, error) {
	n := len(value) - crcSize
	if n < 1 || keyedCRC(key, value[:n]) != binary.BigEndian.Uint32(value[n:]) {
		return nil, fmt.Errorf("value of key %q fails its checksum: %w", key, errDamaged)
	}
	if value[0] != formatVersion {
		return nil, fmt.Errorf("value of key %q has version %d, this program reads %d", key, value[0], formatVersion)
	}
	return value[1:n], nil
}
