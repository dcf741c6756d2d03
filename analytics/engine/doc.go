// Package engine is ClickHouse inside the box: libchdb.so behind ClickHouse's
// HTTP interface on a unix socket, in a process of its own.
//
//	kunji serve                               kunji engine (Child, Main)
//	  store ── clickhouse-go ── Dial ──unix──▶  server ── job ── pool ── library
//	  Supervisor ── stdin (options, then life) ▶             (libchdb.so)
//	             ◀─ stderr (log lines) ────────
//
// # The child
//
// A crash of the engine must not stop the edge, and the edge must not carry
// the engine's memory, so the library is loaded only in the child (Child,
// Main). It reads its options from the first line of stdin and ends when stdin
// does: a parent that was killed leaves no orphan on the directory. Supervisor
// starts the child, asks it for its health, starts it again with growing
// pauses, and ends it. Nothing waits for it but who calls Wait.
//
// # The directory
//
//	engine.lock     held while a process has the directory open
//	engine_version  the version of the library that last opened it
//	engine.xml      the configuration, written at every start
//	engine.sock     the socket, 0600 (see SocketPath for long paths)
//	data/           the tables, libchdb's --path
//	backup/         backups on their way (BackupDir)
//	data-VERSION/   what data/ was before an upgrade from VERSION; kept 7 days
//
// An older library than the recorded version is refused.
//
// # The interface
//
// /ping, and statements on /, in the query parameter, the body or both, with
// the parameters database, default_format, query_id, wait_end_of_query and
// param_NAME. Every other parameter is a setting. Compression, sessions and
// external tables are refused by name. Errors carry ClickHouse's number in
// X-ClickHouse-Exception-Code; one that comes after the first block of a
// result ends the body in ClickHouse's exception frame. clickhouse-go works
// with Protocol HTTP and no compression.
//
// Sessions of the library are pooled, and what a statement did to its session
// would be met by the next. So settings go into the statement's own SETTINGS
// clause, and SET, USE and temporary tables are refused. readonly lets only
// through what the engine's own parser calls a reading statement, and reads of
// files and addresses are refused by ClickHouse itself. A statement whose
// client leaves is killed. After a statement that failed its session is made
// clean: the library would put what it had written in front of the next
// answer.
//
// # Guarantees
//
// An answered INSERT is on the disk: parts and their directories are synced
// (fsync_after_insert, fsync_part_directory). Killing the process at any time
// loses nothing that was answered, neither rows nor the deduplication log. The
// process stays under 1 GiB. No text of a query is logged.
package engine
