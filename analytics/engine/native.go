package engine

import "encoding/binary"

// helloQuery is the first statement of clickhouse-go on a new HTTP connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

// helloBlock answers helloQuery in the Native layout of protocol revision
// 54460, which the driver expects of this one block: a block info, and a byte
// "no custom serialization" for each column. It carries revision 0, so that
// the driver reads and writes the plain Native layout ever after, the only one
// the library has.
func helloBlock(version, timezone string) []byte {
	// Block info: field 1 (overflows) = false, field 2 (bucket) = -1, end.
	b := []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}
	b = append(b, 4, 1) // columns, rows
	column := func(name, kind string) {
		b = appendString(appendString(b, name), kind)
		b = append(b, 0)
	}
	column("displayName()", "String")
	b = appendString(b, "kunji")
	column("version()", "String")
	b = appendString(b, version)
	column("revision()", "UInt32")
	b = binary.LittleEndian.AppendUint32(b, 0)
	column("timezone()", "String")
	return appendString(b, timezone)
}

// headerBlock is a plain Native block of no rows: the names and types of a
// result that is empty. namesAndTypes alternates.
func headerBlock(namesAndTypes []string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(namesAndTypes)/2))
	b = append(b, 0)
	for _, s := range namesAndTypes {
		b = appendString(b, s)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
