// Package store is everything that is said to ClickHouse: the schema and its
// migrations, inserts that may be repeated, queries for reports and for the
// operator. It is the only user of clickhouse-go, and the same code speaks to
// the embedded engine, to one server and to several.
//
//	ship ──Insert──▶ consents
//	                 events ──view──▶ touches
//	                        ──view──▶ campaign_day
//	                 refusals, notices
//	report ──Query──▶ any of them, read only
//	kunji sql ──SQL──▶ any of them, read only unless told otherwise
//
// # Schema
//
// schema/NNN_name.sql holds the tables, the reasons beside them. Migrate runs
// what is missing, in the order of the numbers, and records each file with its
// SHA-256 in schema_migrations. A file that was applied never changes again.
// Every statement in it can be run twice (IF NOT EXISTS): a crash between two
// statements, and two programs that start at the same moment, do no harm.
//
// # Inserts
//
// Insert sends each table one block, under a token that names the batch. A
// table keeps the tokens of its last 100,000 inserts, and so does every table
// that a view feeds, so a batch that is sent again, because its answer was
// lost or the process died, changes nothing in any of them. The token names the
// content: whoever repeats it repeats the same rows (package ship writes a
// manifest for that). Rows that could never be stored are told by Check before
// they spoil a batch.
//
// Over HTTP without compression, which is how the embedded engine is spoken to,
// this package writes the blocks itself (native.go). Over the native protocol,
// and where blocks are compressed, the driver does.
//
// # Errors
//
// An *Error carries ClickHouse's code. Permanent tells what a retry cannot
// mend. Errors of inserts leave out what ClickHouse says about values, so that
// no row's content reaches a log; passwords stand in no error.
package store
