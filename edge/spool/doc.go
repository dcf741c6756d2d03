// Package spool is the crash-safe queue on local disk between the edge and the
// analytics store. A record is answered for only after it is on disk, leaves
// in the order it came, and is deleted only after the reader acknowledged it.
//
//	Append ──▶ filling group ──▶ committer ──▶ Pebble (one key, one sync)
//	                                              │
//	         Ack / SetAside ◀── reader ◀── Next ──┘
//
// The spool knows bytes: what a record means is the caller's business.
//
// # Groups
//
// All calls of [Spool.Append] that arrive while the disk is busy share the next
// group: one key, one write, one sync. The committer starts it as soon as the
// last sync ended; there is no timer. The payloads of one Append always land in
// the same group, so they are kept together or not at all.
//
// The committer and Pebble's log writer hand over to each other at every sync.
// With GOMAXPROCS=1 that costs about ten times the throughput: whoever starts
// the process sets at least 2.
//
// # Guarantees
//
//   - Append returns nil only when the records and everything before them are on
//     disk. A reader never sees a record earlier than that, so a position seen
//     once is never given to another record.
//   - Positions ([Seq]) start at 1 and only grow, across restarts and salvage.
//     There can be gaps: records set aside.
//   - A [Mark] given with an Append is on disk together with its records, or neither
//     is; so with Ack. It stays when they go.
//   - Ack moves the cursor, deletes what lies behind it and clears the manifest
//     in one synced batch: after a crash all of it happened, or nothing.
//   - Damaged data is set aside and counted, never deleted and never returned as
//     good. It ages out with the rest of the set-aside namespace.
//   - A sync that fails ends the process (see [Options.Fatal]): after it nobody
//     knows what is on disk, and only a new start reads what really is.
//   - A full spool answers [ErrFull] at once, without touching the disk.
//
// # The reserve
//
// The store may be away for days, and then there is no room for hits. A person's
// no, an unsubscription and an erasure must not wait for it: what people state
// ([Spool.AppendMarked]) has a sixteenth of MaxBytes above it, at least 64 KiB and
// at most 64 MiB, and on the disk half of MinFree. The spool says all the while
// that it is full. Once the reserve is used up too, ErrFull is the answer to all.
//
// # Marks
//
// Some facts must be on disk in the same moment as a record, and outlive it: which
// consent records were taken back, where the ledger's chains end. A mark is the
// newest value of a key in one of 256 spaces, each of which belongs to one user of
// the spool. Marks are read whole at start and never grow the queue: they have no
// position, a full queue still takes them alone (PutMarks), and a salvage brings
// over what can be read of them and says so until their owner has fetched the rest.
//
// A record may be stored although its Append never returned, when the process
// died in between. Callers that repeat such a record give it an id of their own.
//
// # Format, version 1
//
// One Pebble database in Options.Dir. All integers are big-endian; crc is
// CRC-32C (Castagnoli). Every value starts with its version.
//
//	key              value
//	m                version 1 | id 16 | created, Unix ns, 8 | floor 8 | crc 4
//	c                version 1 | acknowledged through 8 | crc 4
//	f                version 1 | acknowledged through 8 | manifest … | crc 4
//	g first          version 1 | records in this group 4 | time, Unix ns, 8 |
//	                 records before it 8 | bytes before it 8 | crc 4 | frames
//	q batch first    version 1 | damaged 1 | last of the batch 8 | last of this
//	                 entry 8 | time, Unix ns, 8 | records 8 | reason length 2 |
//	                 reason | crc 4 | content
//
//	k space 1 key    version 1 | the mark's value | crc 4
//	x                version 1 | time of the last salvage, Unix ns, 8 | crc 4
//	x space 1        version 1 | the x after which this space was whole again | crc 4
//	y                version 1 | crc 4: an unreadable block holds marks, salvage at
//	                 the next start
//
//	frame            version 1 | length 4 | crc 4 | payload
//	                 version 2 | length 4 | crc 4 | day 4 | nonce 24 | sealed payload 16 more
//
// first is the position of the group's first record, eight bytes, as are batch
// and first of a set-aside entry (for a torn log's end: 0 and the time). A manifest
// belongs to the cursor it was written at. Positions start behind the floor. The
// crc of a value covers the key and all that stands before the crc; that of a frame
// covers its version, its length and the payload. "Before" counts records and bytes of all groups ever
// written, so that depth and size of the queue are one subtraction at start
// instead of a scan. The content of a set-aside entry is frames, each with its
// position (8) in front; that of a damaged one is the bytes as they were found.
//
// # Sealed records
//
// With Options.Seal each record is sealed before it is handed to Pebble
// (XChaCha20-Poly1305, a key for each day, the day and a purpose bound to it), so
// neither log, table nor what is set aside holds a plain one. The keys lie
// nowhere on this disk: Options.Key makes them, from a key ring's root. Positions,
// times, sizes, reasons and marks stay readable; marks hold ids and keyed hashes.
// Frames of both kinds stand side by side, so sealing can be turned on and off at
// any start. A record that does not open is damage; without Options.Key the
// reader stops in front of it and nothing is set aside.
//
// # Damage
//
// Three checksums lie over a record: the frame's, and those of Pebble's log
// chunk and table block. Pebble writes a log's position of the last sync into
// each chunk, which tells a torn end from damage in the middle; a database's
// first log does not yet have it, so a new one is closed and opened again before
// first use.
//
//   - Pebble refuses to open: the directory is scanned file by file, what is
//     readable goes into a new database, the old directory stays beside it as
//     Dir.damaged-TIME, and every gap in the positions becomes a set-aside entry.
//     Positions go on far beyond the last one seen (a dedup token with other
//     content must never come twice).
//   - A table block is unreadable later: the table is kept in Dir.damaged-TIME by
//     a hard link, its positions become a set-aside entry, reading goes on.
//   - A block of marks is unreadable: [Spool.Marks] says so, and the next start
//     salvages, which reads on behind the block.
//   - A frame or group fails its own checksum: its bytes become a set-aside entry.
//   - The log ends in a chunk that is torn: damage there cannot be told from a
//     write that was under way, and never answered, when the machine stopped. The
//     bytes are set aside and counted, so that neither passes in silence.
package spool
