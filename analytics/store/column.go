package store

import (
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

func text[T any](name string, get func(*T) string) column[T] {
	return column[T]{name, "String", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.texts, rows, get)
	}}
}

// money sends an amount as decimal text, which both protocols take.
func money[T any](name string, get func(*T) event.Amount) column[T] {
	return text(name, func(row *T) string { return decimal(get(row)) })
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

func moment[T any](name, sent string, get func(*T) time.Time) column[T] {
	return column[T]{name, sent, func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.times, rows, get)
	}}
}

const (
	milliseconds = "DateTime64(3, 'UTC')"
	seconds      = "DateTime('UTC')"
)

// day sends days since 1970-01-01.
func day[T any](name string, get func(*T) int32) column[T] {
	return moment(name, "Date", func(row *T) time.Time { return time.Unix(int64(get(row))*86400, 0).UTC() })
}

func id[T any](name string, get func(*T) [16]byte) column[T] {
	return column[T]{name, "UUID", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.ids, rows, func(row *T) uuid.UUID { return get(row) })
	}}
}

func word[T any](name string, get func(*T) uint64) column[T] {
	return column[T]{name, "UInt64", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.words, rows, get)
	}}
}

func half[T any](name string, get func(*T) uint32) column[T] {
	return column[T]{name, "UInt32", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.halves, rows, get)
	}}
}

func bool01[T any](name string, get func(*T) bool) column[T] {
	return column[T]{name, "UInt8", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.bytes, rows, func(row *T) uint8 {
			if get(row) {
				return 1
			}
			return 0
		})
	}}
}

func boolean[T any](name string, get func(*T) bool) column[T] {
	return column[T]{name, "Bool", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.bools, rows, get)
	}}
}

func textMap[T any](name string, get func(*T) map[string]string) column[T] {
	return column[T]{name, "Map(String, String)", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.maps, rows, get)
	}}
}

// The three below send one field of every element of a list.

func textList[T, E any](name string, list func(*T) []E, get func(*E) string) column[T] {
	return column[T]{name, "Array(String)", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.lists, rows, each(list, get))
	}}
}

func halfList[T, E any](name string, list func(*T) []E, get func(*E) uint32) column[T] {
	return column[T]{name, "Array(UInt32)", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.counts, rows, each(list, get))
	}}
}

func boolList[T, E any](name string, list func(*T) []E, get func(*E) bool) column[T] {
	return column[T]{name, "Array(Bool)", func(dst driver.BatchColumn, rows []*T, b *buffers) error {
		return fill(dst, &b.flags, rows, each(list, get))
	}}
}

func each[T, E, V any](list func(*T) []E, get func(*E) V) func(*T) []V {
	return func(row *T) []V {
		elements := list(row)
		values := make([]V, len(elements))
		for i := range elements {
			values[i] = get(&elements[i])
		}
		return values
	}
}
