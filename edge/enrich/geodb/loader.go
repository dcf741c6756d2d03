package main

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

// loader streams CSV rows "first,last,columns…" into a tree.
type loader struct {
	tree   *mmdbwriter.Tree
	record func(columns []string) (mmdbtype.Map, error)
	// records holds each different record once: the tree tells records apart by
	// their key, and rows repeat a few thousand records half a million times.
	records map[string]mmdbtype.Map
	ranges  int
}

func newLoader(tree *mmdbwriter.Tree, record func([]string) (mmdbtype.Map, error)) *loader {
	return &loader{tree: tree, record: record, records: map[string]mmdbtype.Map{}}
}

func (l *loader) load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	rows := csv.NewReader(file)
	rows.ReuseRecord = true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := l.insert(row); err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("%s:%d: %w", path, line, err)
		}
		l.ranges++
	}
}

func (l *loader) insert(row []string) error {
	if len(row) < 3 {
		return fmt.Errorf("%d columns, want at least 3", len(row))
	}
	first, err := netip.ParseAddr(row[0])
	if err != nil {
		return err
	}
	last, err := netip.ParseAddr(row[1])
	if err != nil {
		return err
	}
	span := netipx.IPRangeFrom(first, last)
	if !span.IsValid() {
		return fmt.Errorf("%s to %s is no range", row[0], row[1])
	}
	key := strings.Join(row[2:], "\x00")
	data, ok := l.records[key]
	if !ok {
		if data, err = l.record(row[2:]); err != nil {
			return err
		}
		l.records[strings.Clone(key)] = data
	}
	for _, prefix := range span.Prefixes() {
		if err := l.tree.InsertFunc(ipNet(prefix), func(mmdbtype.DataType) (mmdbtype.DataType, error) {
			return data, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return netipx.PrefixIPNet(prefix)
}

// columnKeys makes the writer's key of a record. The writer's own one serialises
// and hashes with SHA-256, at every insert; the records here have one of two
// shapes, whose content itself is the key.
type columnKeys struct{ buffer []byte }

// Key returns the content of a country or AS number record.
func (k *columnKeys) Key(value mmdbtype.DataType) ([]byte, error) {
	record, ok := value.(mmdbtype.Map)
	if !ok {
		return nil, fmt.Errorf("record is a %T, want a map", value)
	}
	k.buffer = k.buffer[:0]
	switch {
	case record["country"] != nil:
		code, _ := record["country"].(mmdbtype.Map)["iso_code"].(mmdbtype.String)
		k.buffer = append(k.buffer, code...)
	default:
		number, _ := record["autonomous_system_number"].(mmdbtype.Uint32)
		name, _ := record["autonomous_system_organization"].(mmdbtype.String)
		k.buffer = binary.BigEndian.AppendUint32(k.buffer, uint32(number))
		k.buffer = append(k.buffer, name...)
	}
	return k.buffer, nil
}
