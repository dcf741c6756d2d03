package store

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// column puts one field of all rows into one column, in two ways: written by
// this package, or handed to the driver, which knows how to compress and how to
// speak the native protocol.
type column[T any] struct {
	name   string
	kind   string // the type that values has; ClickHouse casts it to the table's
	values func() values[T]
	put    func(driver.BatchColumn, []*T, *buffers) error
}

// buffers hold one column's values between the rows and the wire; one set
// serves column after column, batch after batch.
type buffers struct {
	block []byte

	texts  []string
	lists  [][]string
	times  []time.Time
	ids    []uuid.UUID
	words  []uint64
	halves []uint32
	bytes  []uint8
	bools  []bool
	counts [][]uint32
	flags  [][]bool
	maps   []map[string]string
}

// fill hands one field of all rows to the driver, which copies it.
func fill[T, V any](dst driver.BatchColumn, buffer *[]V, rows []*T, get func(*T) V) error {
	values := slices.Grow((*buffer)[:0], len(rows))
	for _, row := range rows {
		values = append(values, get(row))
	}
	err := dst.Append(values)
	clear(values) // keeps no row alive
	*buffer = values[:0]
	return err
}

// eachOf makes the values of a column that has one a row, written by one.
func eachOf[T, V any](get func(*T) V, one func([]byte, V) []byte) func() values[T] {
	return func() values[T] { return &each[T, V]{get: get, one: one} }
}

// listOf makes those of a column that has one for each element of a list.
func listOf[T, E, V any](list func(*T) []E, get func(*E) V, one func([]byte, V) []byte) func() values[T] {
	return func() values[T] { return &lists[T, E, V]{list: list, get: get, one: one} }
}

// text is for values that are mostly different from row to row.
func text[T any](name string, get func(*T) string) column[T] {
	return column[T]{name, "String", func() values[T] { return &each[T, string]{get: get, one: appendText, texts: true} }, func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.texts, rows, get)
	}}
}

// term is for values of which there are few.
func term[T any](name string, get func(*T) string) column[T] {
	c := text(name, get)
	c.kind = "LowCardinality(String)"
	c.values = func() values[T] { return &dictionary[T]{get: get, index: map[string]uint32{}} }
	return c
}

func digest[T any](name string, get func(*T) [32]byte) column[T] {
	c := text(name, func(row *T) string { sum := get(row); return string(sum[:]) })
	c.kind = "FixedString(32)"
	c.values = eachOf(get, func(b []byte, sum [32]byte) []byte { return append(b, sum[:]...) })
	return c
}

// salt is 16 bytes that are no UUID.
func salt[T any](name string, get func(*T) [16]byte) column[T] {
	c := text(name, func(row *T) string { b := get(row); return string(b[:]) })
	c.kind = "FixedString(16)"
	c.values = eachOf(get, func(b []byte, v [16]byte) []byte { return append(b, v[:]...) })
	return c
}

// money is sent as what it is, a Decimal's integer. The driver takes text.
func money[T any](name string, get func(*T) event.Amount) column[T] {
	c := text(name, func(row *T) string { return decimal(get(row)) })
	c.kind = "Decimal(18, 4)"
	c.values = eachOf(get, func(b []byte, a event.Amount) []byte { return binary.LittleEndian.AppendUint64(b, uint64(a)) })
	return c
}

// decimal writes an amount as ClickHouse reads a Decimal: -12.3400.
func decimal(a event.Amount) string {
	if a == 0 {
		return "0" // nearly every row; spares the allocation
	}
	digits := strconv.FormatInt(int64(a), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for len(digits) <= event.Decimals {
		digits = "0" + digits
	}
	point := len(digits) - event.Decimals
	return sign + digits[:point] + "." + digits[point:]
}

// moment is a time in milliseconds.
func moment[T any](name string, get func(*T) time.Time) column[T] {
	values := eachOf(get, func(b []byte, t time.Time) []byte { return binary.LittleEndian.AppendUint64(b, uint64(t.UnixMilli())) })
	return column[T]{name, "DateTime64(3, 'UTC')", values, putTime(get)}
}

// second is a time in seconds.
func second[T any](name string, get func(*T) time.Time) column[T] {
	values := eachOf(get, func(b []byte, t time.Time) []byte { return binary.LittleEndian.AppendUint32(b, uint32(t.Unix())) })
	return column[T]{name, "DateTime('UTC')", values, putTime(get)}
}

// day is days since 1970-01-01.
func day[T any](name string, get func(*T) int32) column[T] {
	values := eachOf(get, func(b []byte, days int32) []byte { return binary.LittleEndian.AppendUint16(b, uint16(days)) })
	return column[T]{name, "Date", values, putTime(func(row *T) time.Time { return time.Unix(int64(get(row))*86400, 0).UTC() })}
}

func putTime[T any](get func(*T) time.Time) func(driver.BatchColumn, []*T, *buffers) error {
	return func(dst driver.BatchColumn, rows []*T, b *buffers) error { return fill(dst, &b.times, rows, get) }
}

func id[T any](name string, get func(*T) [16]byte) column[T] {
	return column[T]{name, "UUID", eachOf(get, appendID), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.ids, rows, func(row *T) uuid.UUID { return get(row) })
	}}
}

func word[T any](name string, get func(*T) uint64) column[T] {
	return column[T]{name, "UInt64", eachOf(get, binary.LittleEndian.AppendUint64), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.words, rows, get)
	}}
}

func half[T any](name string, get func(*T) uint32) column[T] {
	return column[T]{name, "UInt32", eachOf(get, binary.LittleEndian.AppendUint32), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.halves, rows, get)
	}}
}

func small[T any](name string, get func(*T) uint8) column[T] {
	return column[T]{name, "UInt8", eachOf(get, func(b []byte, n uint8) []byte { return append(b, n) }), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.bytes, rows, get)
	}}
}

// digit is 0 or 1.
func digit[T any](name string, get func(*T) bool) column[T] {
	return column[T]{name, "UInt8", eachOf(get, appendBool), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.bytes, rows, func(row *T) uint8 { return appendBool(nil, get(row))[0] })
	}}
}

func boolean[T any](name string, get func(*T) bool) column[T] {
	return column[T]{name, "Bool", eachOf(get, appendBool), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.bools, rows, get)
	}}
}

func textMap[T any](name string, get func(*T) map[string]string) column[T] {
	return column[T]{name, "Map(String, String)", func() values[T] { return &pairs[T]{get: get} }, func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.maps, rows, get)
	}}
}

// The three below send one field of every element of a list.

func textList[T, E any](name string, list func(*T) []E, get func(*E) string) column[T] {
	return column[T]{name, "Array(String)", listOf(list, get, appendText), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.lists, rows, eachField(list, get))
	}}
}

func halfList[T, E any](name string, list func(*T) []E, get func(*E) uint32) column[T] {
	return column[T]{name, "Array(UInt32)", listOf(list, get, binary.LittleEndian.AppendUint32), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.counts, rows, eachField(list, get))
	}}
}

func boolList[T, E any](name string, list func(*T) []E, get func(*E) bool) column[T] {
	return column[T]{name, "Array(Bool)", listOf(list, get, appendBool), func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.flags, rows, eachField(list, get))
	}}
}

func eachField[T, E, V any](list func(*T) []E, get func(*E) V) func(*T) []V {
	return func(row *T) []V {
		elements := list(row)
		values := make([]V, len(elements))
		for i := range elements {
			values[i] = get(&elements[i])
		}
		return values
	}
}
