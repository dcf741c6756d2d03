package spool

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

const (
	logBlock = 32 << 10 // chunks of a log never cross a block's end (pebble/record)

	// A chunk starts with crc 4 | size 2 | type 1 | log number 4.
	chunkHeader    = 11
	chunkTypeFirst = 5  // the first type that carries a log number
	chunkTypeLast  = 12 // the last type known
)

// tornTail returns the bytes at the end of the newest log if that ends in a chunk
// of its own that cannot be read, else nil. Pebble takes such a chunk for the end
// of the log, and it may be: a write that was under way. Zeroes, and what a
// recycled file held before, are an ordinary end.
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
		return tornChunk(data[at.Physical:], uint32(last.Num)), nil
	}
}

// tornChunk returns tail, as far as it is not zero, if it starts with a chunk
// header of the given log.
func tornChunk(tail []byte, logNum uint32) []byte {
	if len(tail) < chunkHeader || binary.LittleEndian.Uint32(tail[7:]) != logNum ||
		tail[6] < chunkTypeFirst || tail[6] > chunkTypeLast {
		return nil
	}
	end := min(len(tail), 2*maxGroup)
	for end > 0 && tail[end-1] == 0 {
		end--
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

// scanLog calls visit for every key that can be read from a log. Behind damage it
// goes on at the next block.
func scanLog(l wal.LogicalLog, visit func(entry)) error {
	data, err := readFile(l.SegmentLocation(0))
	if err != nil {
		return err
	}
	for from := 0; from < len(data); {
		r := logReader(record.NewReader, byteReader(data[from:]), uint64(l.Num))
		read, err := scanBatches(r, visit)
		if errors.Is(err, io.EOF) {
			return nil
		}
		from = (from + int(read) + logBlock) / logBlock * logBlock
	}
	return nil
}

// scanBatches reads batches until one is damaged or the log ends, and returns the
// offset it got to.
func scanBatches(r *record.Reader, visit func(entry)) (read int64, err error) {
	for {
		read = r.Offset()
		one, err := r.Next()
		if err != nil {
			return read, err
		}
		repr, err := io.ReadAll(one)
		if err != nil {
			return read, err
		}
		head, ok := batchrepr.ReadHeader(repr)
		if !ok {
			continue
		}
		keys := batchrepr.Read(repr)
		for n := uint64(head.SeqNum); ; n++ {
			kind, key, value, ok, err := keys.Next()
			if !ok || err != nil {
				break
			}
			visit(entry{key: key, value: value, kind: uint8(kind), age: n})
		}
	}
}

// logReader makes a reader for a log number, whose type Pebble keeps to itself.
func logReader[N ~uint64](open func(io.Reader, N) *record.Reader, r io.Reader, num uint64) *record.Reader {
	return open(r, N(num))
}
