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

// appendBlock encodes rows as one block.
func (t table[T]) appendBlock(b []byte, rows []*T, d *dictionary) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.columns)))
	b = binary.AppendUvarint(b, uint64(len(rows)))
	for _, c := range t.columns {
		b = appendText(appendText(b, c.name), c.kind)
		b = c.encode(b, rows, d)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// dictionary collects the different values of a LowCardinality(String) column.
type dictionary struct {
	index  map[string]uint32
	values []string
	keys   []uint32
}

func (d *dictionary) reset() {
	if d.index == nil {
		d.index = map[string]uint32{}
	}
	clear(d.index)
	clear(d.values) // keeps no row alive
	d.values, d.keys = d.values[:0], d.keys[:0]
}

func (d *dictionary) add(s string) {
	// Rows in a row are alike: most columns of a batch hold one value for long.
	if n := len(d.keys); n > 0 && d.values[d.keys[n-1]] == s {
		d.keys = append(d.keys, d.keys[n-1])
		return
	}
	key, known := d.index[s]
	if !known {
		key = uint32(len(d.values))
		d.values = append(d.values, s)
		d.index[s] = key
	}
	d.keys = append(d.keys, key)
}

// Parts of the serialisation of LowCardinality (ClickHouse,
// src/DataTypes/Serializations/SerializationLowCardinality.cpp).
const (
	sharedDictionaries = 1            // version of the serialisation
	ownDictionary      = 1<<9 | 1<<10 // the block brings its keys, and no others count
	keys8, keys16      = uint64(0), uint64(1)
	keys32             = uint64(2)
)

func (d *dictionary) append(b []byte) []byte {
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

// encodeEach writes one value a row.
func encodeEach[T, V any](get func(*T) V, one func([]byte, V) []byte) func([]byte, []*T, *dictionary) []byte {
	return func(b []byte, rows []*T, _ *dictionary) []byte {
		for _, row := range rows {
			b = one(b, get(row))
		}
		return b
	}
}

// encodeLists writes one field of every element of a list: where each row's
// elements end, then the elements.
func encodeLists[T, E, V any](list func(*T) []E, get func(*E) V, one func([]byte, V) []byte) func([]byte, []*T, *dictionary) []byte {
	return func(b []byte, rows []*T, _ *dictionary) []byte {
		end := uint64(0)
		for _, row := range rows {
			end += uint64(len(list(row)))
			b = binary.LittleEndian.AppendUint64(b, end)
		}
		for _, row := range rows {
			elements := list(row)
			for i := range elements {
				b = one(b, get(&elements[i]))
			}
		}
		return b
	}
}

// encodeMaps writes where each row's pairs end, then all keys, then all values.
func encodeMaps[T any](get func(*T) map[string]string) func([]byte, []*T, *dictionary) []byte {
	return func(b []byte, rows []*T, _ *dictionary) []byte {
		end := uint64(0)
		var keys, values []string
		for _, row := range rows {
			pairs := get(row)
			if len(pairs) > 0 {
				for _, key := range slices.Sorted(maps.Keys(pairs)) {
					keys, values = append(keys, key), append(values, pairs[key])
				}
				end += uint64(len(pairs))
			}
			b = binary.LittleEndian.AppendUint64(b, end)
		}
		for _, s := range append(keys, values...) {
			b = appendText(b, s)
		}
		return b
	}
}
