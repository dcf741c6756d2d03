package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

const (
	logBlock = 32 << 10 // chunks of a log never cross a block's end (pebble/record)

	// A chunk starts with crc 4 | size 2 | type 1 | log number 4, little-endian.
	chunkHeader = 11
	// Types come in fours: full, first, middle, last.
	chunkTypeFirst  = 5  // from here on with a log number
	chunkTypeSynced = 9  // from here on also with the position of the last sync, 8
	chunkTypeLast   = 12 // the last one known
)

// tornTail returns the bytes at the end of the newest log if that ends in a chunk
// of its own that cannot be read, else nil. Such a chunk may be a write that was
// under way; Pebble takes it for the end of the log even if sound chunks follow in
// the same block. If one of them says that the log was synced beyond it, it is
// damage. Zeroes, and what a recycled file held before, are an ordinary end.
func (s *Spool) tornTail() ([]byte, error) {
	logs, err := wal.Scan(wal.Dir{FS: s.opts.FS, Dirname: s.opts.Dir})
	if err != nil || len(logs) == 0 {
		return nil, err
	}
	last := logs[len(logs)-1]
	r := last.OpenForRead()
	defer r.Close()
	for {
		_, at, err := r.NextRecord()
		if err == nil {
			continue
		}
		if !record.IsInvalidRecord(err) {
			return nil, nil // a clean end, or an error that opening the database reports
		}
		data, err := readFile(last.SegmentLocation(0))
		if err != nil || int(at.Physical) >= len(data) {
			return nil, err
		}
		if syncedBeyond(data, int(at.Physical), uint32(last.Num)) {
			return nil, fmt.Errorf("log %s at offset %d: %w", last.Num, at.Physical, errDamaged)
		}
		return tornChunk(data[at.Physical:], uint32(last.Num)), nil
	}
}

// syncedBeyond says whether a sound chunk behind the offset tells that the log was
// synced beyond it.
func syncedBeyond(data []byte, offset int, logNum uint32) bool {
	for at := offset + 1; at < len(data); {
		c, ok := chunkAt(data, at, logNum)
		if !ok {
			at++
			continue
		}
		if c.synced > uint64(offset) {
			return true
		}
		at = c.end
	}
	return false
}

// tornChunk returns tail, as far as it is not zero, if it starts with a chunk of
// the given log, or with nothing but a piece of a chunk's header.
func tornChunk(tail []byte, logNum uint32) []byte {
	end := min(len(tail), 2*maxGroup)
	for end > 0 && tail[end-1] == 0 {
		end--
	}
	if end >= chunkHeader && (binary.LittleEndian.Uint32(tail[7:]) != logNum ||
		tail[6] < chunkTypeFirst || tail[6] > chunkTypeLast) {
		return nil
	}
	if end == 0 {
		return nil
	}
	return tail[:end]
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// scanLog calls visit for every key that can be read from a log. Pebble's reader
// gives up at damage; this one goes on with the next sound chunk.
func scanLog(l wal.LogicalLog, visit func(entry)) error {
	data, err := readFile(l.SegmentLocation(0))
	if err != nil {
		return err
	}
	var batch []byte
	whole := false // batch holds all chunks from a first one on
	for at := 0; at < len(data); {
		c, ok := chunkAt(data, at, uint32(l.Num))
		if !ok {
			whole = false
			at++
			continue
		}
		at = c.end
		if c.first {
			batch, whole = batch[:0], true
		}
		batch = append(batch, c.payload...)
		if c.last && whole {
			visitBatch(batch, visit)
			whole = false
		}
	}
	return nil
}

// chunk is one piece of a log, of the formats that carry the log's number (see
// pebble/record).
type chunk struct {
	payload     []byte
	end         int    // offset behind it
	synced      uint64 // up to here the log was synced when it was written, 0 unknown
	first, last bool
}

// chunkAt reads the chunk at an offset, false if there is none, or a damaged one.
func chunkAt(data []byte, at int, logNum uint32) (c chunk, ok bool) {
	block := data[at:min(len(data), (at/logBlock+1)*logBlock)]
	if len(block) < chunkHeader || binary.LittleEndian.Uint32(block[7:]) != logNum ||
		block[6] < chunkTypeFirst || block[6] > chunkTypeLast {
		return c, false
	}
	head := chunkHeader
	if block[6] >= chunkTypeSynced {
		head += 8
		if len(block) < head {
			return c, false
		}
		c.synced = binary.LittleEndian.Uint64(block[chunkHeader:])
	}
	end := head + int(binary.LittleEndian.Uint16(block[4:]))
	if end > len(block) {
		return c, false
	}
	sum := crc32.Checksum(block[6:end], castagnoli)
	if (sum>>15|sum<<17)+0xa282ead8 != binary.LittleEndian.Uint32(block) {
		return c, false
	}
	part := (block[6] - chunkTypeFirst) % 4 // full, first, middle, last
	c.payload, c.end = block[head:end], at+end
	c.first, c.last = part <= 1, part == 0 || part == 3
	return c, true
}

// visitBatch calls visit for the keys of a batch as Pebble logged it.
func visitBatch(repr []byte, visit func(entry)) {
	head, ok := batchrepr.ReadHeader(repr)
	if !ok {
		return
	}
	keys := batchrepr.Read(repr)
	for n := uint64(head.SeqNum); ; n++ {
		kind, key, value, ok, err := keys.Next()
		if !ok || err != nil {
			return
		}
		visit(entry{key: key, value: value, kind: plainKind(kind), age: n})
	}
}
