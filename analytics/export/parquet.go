package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Parquet file ends with its metadata, their length in four bytes, and PAR1. The
// metadata are a Thrift struct in the compact protocol, whose third field is the
// number of rows.
//
// https://parquet.apache.org/docs/file-format/
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

const (
	parquetMagic = "PAR1"
	// maxFooter bounds what is read of a file's metadata, in bytes.
	maxFooter = 16 << 20
)

// errParquet says that a file is no whole Parquet file.
var errParquet = errors.New("it is not a whole Parquet file: ClickHouse did not finish it")

// parquetRows returns how many rows a Parquet file says it has.
func parquetRows(f io.ReadSeeker) (uint64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("read the footer: %w", err)
	}
	const tail = int64(4 + len(parquetMagic))
	end := make([]byte, tail)
	if size < tail+int64(len(parquetMagic)) || readAt(f, end, size-tail) != nil || string(end[4:]) != parquetMagic {
		return 0, errParquet
	}
	n := int64(binary.LittleEndian.Uint32(end))
	if n > maxFooter || n > size-tail-int64(len(parquetMagic)) {
		return 0, errParquet
	}
	footer := make([]byte, n)
	if err := readAt(f, footer, size-tail-n); err != nil {
		return 0, err
	}
	t := thrift{b: footer}
	for id := int64(0); ; {
		kind := t.field(&id)
		switch {
		case t.bad || kind == 0:
			return 0, errParquet
		case id == 3 && kind == thriftI64:
			rows := t.integer()
			if t.bad || rows < 0 {
				return 0, errParquet
			}
			return uint64(rows), nil
		}
		t.skip(kind, maxDepth)
	}
}

func readAt(f io.ReadSeeker, b []byte, at int64) error {
	_, err := f.Seek(at, io.SeekStart)
	if err == nil {
		_, err = io.ReadFull(f, b)
	}
	if err != nil {
		return fmt.Errorf("read the footer: %w", err)
	}
	return nil
}

// Types of the compact protocol.
const (
	thriftTrue, thriftFalse, thriftByte, thriftI16, thriftI32, thriftI64 = 1, 2, 3, 4, 5, 6
	thriftDouble, thriftBinary, thriftList, thriftSet, thriftStruct      = 7, 8, 9, 10, 12
	maxDepth                                                             = 16
)

// thrift reads the compact protocol; bad is set where that ends early or holds
// what Parquet's metadata do not.
type thrift struct {
	b   []byte
	bad bool
}

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.bad = true
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.bad, t.b = true, nil
		return 0
	}
	t.b = t.b[n:]
	return v
}

func (t *thrift) integer() int64 {
	u := t.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// field reads the head of a struct's next field and moves id to it; 0 at the
// struct's end.
func (t *thrift) field(id *int64) (kind byte) {
	head := t.byte()
	if head == 0 {
		return 0
	}
	if delta := head >> 4; delta != 0 {
		*id += int64(delta)
	} else {
		*id = t.integer()
	}
	return head & 15
}

func (t *thrift) drop(n uint64) {
	if n > uint64(len(t.b)) {
		t.bad, t.b = true, nil
		return
	}
	t.b = t.b[n:]
}

// skip passes over a field's value.
func (t *thrift) skip(kind byte, depth int) {
	switch {
	case t.bad:
	case depth == 0:
		t.bad = true
	case kind == thriftTrue || kind == thriftFalse:
	case kind == thriftByte:
		t.drop(1)
	case kind >= thriftI16 && kind <= thriftI64:
		t.uvarint()
	case kind == thriftDouble:
		t.drop(8)
	case kind == thriftBinary:
		t.drop(t.uvarint())
	case kind == thriftList || kind == thriftSet:
		t.skipList(depth)
	case kind == thriftStruct:
		for id := int64(0); !t.bad; {
			inner := t.field(&id)
			if inner == 0 {
				return
			}
			t.skip(inner, depth-1)
		}
	default: // maps are nowhere in it
		t.bad = true
	}
}

func (t *thrift) skipList(depth int) {
	head := t.byte()
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		n = t.uvarint()
	}
	if kind == thriftTrue || kind == thriftFalse { // a byte each in a list
		kind = thriftByte
	}
	for ; n > 0 && !t.bad; n-- {
		t.skip(kind, depth-1)
	}
}
