package store

import (
	"encoding/binary"
	"maps"
	"slices"
)

// This file writes ClickHouse's Native format: a block is the number of columns
// and rows, then each column's name, type and values. The driver can do it too,
// at three times the cost: it boxes each value of a dictionary.
//
// https://clickhouse.com/docs/interfaces/formats/Native

// block is rows of a table as they are sent: column by column, while rows come
// a few at a time.
type block[T any] struct {
	table   table[T]
	columns []values[T]
	rows    int
}

// values are what a block has of one column.
type values[T any] interface {
	add(rows []*T)
	append(b []byte) []byte // writes them
	reset()                 // empties it; its memory is used again
	// without returns those of the rows that do not go.
	without(goes []bool) values[T]
}

func (t table[T]) block() *block[T] {
	b := &block[T]{table: t, columns: make([]values[T], len(t.columns))}
	for i, c := range t.columns {
		b.columns[i] = c.values()
	}
	return b
}

// rowsAtOnce is how many rows each column takes in turn: few enough that the
// processor's cache still has them when the last column's turn comes.
const rowsAtOnce = 256

func (b *block[T]) add(rows []*T) {
	b.rows += len(rows)
	for some := range slices.Chunk(rows, rowsAtOnce) {
		for _, c := range b.columns {
			c.add(some)
		}
	}
}

// append writes the block.
func (b *block[T]) append(to []byte) []byte {
	to = binary.AppendUvarint(to, uint64(len(b.columns)))
	to = binary.AppendUvarint(to, uint64(b.rows))
	for i, c := range b.table.columns {
		to = b.columns[i].append(appendText(appendText(to, c.name), c.kind))
	}
	return to
}

// without returns the block of the rows that do not go. It stays as it is.
func (b *block[T]) without(goes []bool) *block[T] {
	left := &block[T]{table: b.table, columns: make([]values[T], len(b.columns))}
	for i, c := range b.columns {
		left.columns[i] = c.without(goes)
	}
	for _, one := range goes {
		if !one {
			left.rows++
		}
	}
	return left
}

func (b *block[T]) reset() {
	b.rows = 0
	for _, c := range b.columns {
		c.reset()
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// dictionary collects the different values of a LowCardinality(String) column.
type dictionary[T any] struct {
	get    func(*T) string
	index  map[string]uint32
	values []string
	keys   []uint32
}

func (d *dictionary[T]) reset() {
	clear(d.index)
	clear(d.values) // keeps no row alive
	d.values, d.keys = d.values[:0], d.keys[:0]
}

func (d *dictionary[T]) add(rows []*T) {
	// Rows in a row are alike: most columns of a batch hold one value for long.
	key, last, any := uint32(0), "", len(d.keys) > 0
	if any {
		key = d.keys[len(d.keys)-1]
		last = d.values[key]
	}
	for _, row := range rows {
		if s := d.get(row); s != last || !any {
			key, last, any = d.key(s), s, true
		}
		d.keys = append(d.keys, key)
	}
}

func (d *dictionary[T]) without(goes []bool) values[T] {
	left := &dictionary[T]{get: d.get, index: map[string]uint32{}}
	for i, key := range d.keys {
		if !goes[i] {
			left.keys = append(left.keys, left.key(d.values[key]))
		}
	}
	return left
}

func (d *dictionary[T]) key(s string) uint32 {
	key, known := d.index[s]
	if !known {
		key = uint32(len(d.values))
		d.values = append(d.values, s)
		d.index[s] = key
	}
	return key
}

// Parts of the serialisation of LowCardinality (ClickHouse,
// src/DataTypes/Serializations/SerializationLowCardinality.cpp).
const (
	sharedDictionaries = 1            // version of the serialisation
	ownDictionary      = 1<<9 | 1<<10 // the block brings its keys, and no others count
	keys8, keys16      = uint64(0), uint64(1)
	keys32             = uint64(2)
)

func (d *dictionary[T]) append(b []byte) []byte {
	width := keys8
	switch n := len(d.values); {
	case n > 1<<16:
		width = keys32
	case n > 1<<8:
		width = keys16
	}
	b = binary.LittleEndian.AppendUint64(b, sharedDictionaries)
	b = binary.LittleEndian.AppendUint64(b, ownDictionary|width)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(d.values)))
	for _, v := range d.values {
		b = appendText(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(d.keys)))
	for _, k := range d.keys {
		switch width {
		case keys8:
			b = append(b, byte(k))
		case keys16:
			b = binary.LittleEndian.AppendUint16(b, uint16(k))
		default:
			b = binary.LittleEndian.AppendUint32(b, k)
		}
	}
	return b
}

// appendID writes a UUID: two integers of eight bytes, little-endian.
func appendID(b []byte, id [16]byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(id[:8]))
	return binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(id[8:]))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// each is one value a row. Texts say how long they are, all others are of one
// length.
type each[T, V any] struct {
	get   func(*T) V
	one   func([]byte, V) []byte
	texts bool
	bytes []byte
}

func (e *each[T, V]) without(goes []bool) values[T] {
	left := &each[T, V]{get: e.get, one: e.one, texts: e.texts}
	rest, size := e.bytes, len(e.bytes)/max(1, len(goes))
	for _, one := range goes {
		if e.texts {
			size = textSize(rest)
		}
		if !one {
			left.bytes = append(left.bytes, rest[:size]...)
		}
		rest = rest[size:]
	}
	return left
}

// textSize returns how many bytes the first of the texts in b takes.
func textSize(b []byte) int {
	n, head := binary.Uvarint(b)
	return head + int(n)
}

func (e *each[T, V]) add(rows []*T) {
	b := e.bytes
	for _, row := range rows {
		b = e.one(b, e.get(row))
	}
	e.bytes = b
}

func (e *each[T, V]) append(b []byte) []byte { return append(b, e.bytes...) }
func (e *each[T, V]) reset()                 { e.bytes = e.bytes[:0] }

// lists are one field of every element of a list: where each row's elements end,
// then the elements.
type lists[T, E, V any] struct {
	list       func(*T) []E
	get        func(*E) V
	one        func([]byte, V) []byte
	end        uint64
	ends, each []byte
}

func (l *lists[T, E, V]) add(rows []*T) {
	for _, row := range rows {
		elements := l.list(row)
		for i := range elements {
			l.each = l.one(l.each, l.get(&elements[i]))
		}
		l.end += uint64(len(elements))
		l.ends = binary.LittleEndian.AppendUint64(l.ends, l.end)
	}
}

// without is of use where rows were kept as a block alone, which only events are:
// they have no lists.
func (l *lists[T, E, V]) without([]bool) values[T] { panic("store: a block with lists was to be cut") }

func (l *lists[T, E, V]) append(b []byte) []byte { return append(append(b, l.ends...), l.each...) }
func (l *lists[T, E, V]) reset()                 { l.end, l.ends, l.each = 0, l.ends[:0], l.each[:0] }

// pairs are a map's: where each row's end, then all keys, then all values.
type pairs[T any] struct {
	get                func(*T) map[string]string
	end                uint64
	ends, keys, values []byte
}

func (p *pairs[T]) add(rows []*T) {
	for _, row := range rows {
		if all := p.get(row); len(all) > 0 {
			for _, key := range slices.Sorted(maps.Keys(all)) {
				p.keys, p.values = appendText(p.keys, key), appendText(p.values, all[key])
			}
			p.end += uint64(len(all))
		}
		p.ends = binary.LittleEndian.AppendUint64(p.ends, p.end)
	}
}

func (p *pairs[T]) without(goes []bool) values[T] {
	left := &pairs[T]{get: p.get}
	keys, texts, before := p.keys, p.values, uint64(0)
	for i, one := range goes {
		end := binary.LittleEndian.Uint64(p.ends[8*i:])
		for ; before < end; before++ {
			k, v := textSize(keys), textSize(texts)
			if !one {
				left.keys, left.values = append(left.keys, keys[:k]...), append(left.values, texts[:v]...)
				left.end++
			}
			keys, texts = keys[k:], texts[v:]
		}
		if !one {
			left.ends = binary.LittleEndian.AppendUint64(left.ends, left.end)
		}
	}
	return left
}

func (p *pairs[T]) append(b []byte) []byte {
	return append(append(append(b, p.ends...), p.keys...), p.values...)
}

func (p *pairs[T]) reset() {
	p.end, p.ends, p.keys, p.values = 0, p.ends[:0], p.keys[:0], p.values[:0]
}
