package spool

import (
	"encoding/binary"
	"fmt"
)

// asideEntry is one value of the set-aside namespace (see doc.go).
type asideEntry struct {
	batch, first    Seq // from the key
	batchLast, last Seq
	damaged         bool
	at              int64
	records         uint64
	reason          string
	content         []byte
}

const asideHeader = 1 + 1 + 8 + 8 + 8 + 8 + 2

func (e asideEntry) encode() (key, value []byte) {
	key = asideKey(e.batch, e.first)
	reason := e.reason[:min(len(e.reason), 1<<10)]
	v := make([]byte, 0, asideHeader+len(reason)+crcSize+len(e.content))
	v = append(v, formatVersion, 0)
	if e.damaged {
		v[1] = 1
	}
	for _, n := range [...]uint64{uint64(e.batchLast), uint64(e.last), uint64(e.at), e.records} {
		v = binary.BigEndian.AppendUint64(v, n)
	}
	v = binary.BigEndian.AppendUint16(v, uint16(len(reason)))
	v = append(v, reason...)
	v = binary.BigEndian.AppendUint32(v, keyedCRC(key, v))
	return key, append(v, e.content...)
}

// decodeAside reads an entry. One whose header is damaged comes back as damaged,
// with all its bytes as content.
func decodeAside(key, value []byte) asideEntry {
	e := asideEntry{damaged: true, records: 1, reason: "set-aside entry fails its checksum", content: value}
	e.batch, e.first, _ = asideKeySeqs(key)
	e.batchLast, e.last = e.first, e.first
	if len(value) < asideHeader+crcSize {
		return e
	}
	n := asideHeader + int(binary.BigEndian.Uint16(value[asideHeader-2:]))
	if len(value) < n+crcSize || keyedCRC(key, value[:n]) != binary.BigEndian.Uint32(value[n:]) {
		return e
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(value[2+8*i:]) }
	e.damaged = value[1] != 0
	e.batchLast, e.last, e.at, e.records = Seq(word(0)), Seq(word(1)), int64(word(2)), word(3)
	e.reason, e.content = string(value[asideHeader:n]), value[n+crcSize:]
	return e
}

func (e asideEntry) totals(key, value []byte) asideTotals {
	t := asideTotals{bytes: int64(len(key) + len(value))}
	if e.damaged {
		t.damaged = e.records
	} else {
		t.records = e.records
	}
	return t
}

// asideRecords returns the records of an intact entry.
func (s *Spool) asideRecords(e asideEntry) ([]Record, error) {
	var records []Record
	for rest := e.content; len(rest) > 0; {
		if len(rest) < 8 {
			return records, fmt.Errorf("set-aside entry %d is cut short: %w", e.first, errDamaged)
		}
		seq := Seq(binary.BigEndian.Uint64(rest))
		payload, _, next, err := s.splitRecord(rest[8:])
		if err != nil {
			return records, fmt.Errorf("set-aside record %d: %w", seq, err)
		}
		records, rest = append(records, Record{Seq: seq, Payload: payload}), next
	}
	return records, nil
}
