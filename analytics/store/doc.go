// Package store is everything that is said to ClickHouse: the schema and its
// migrations, inserts that may be repeated, queries for reports and for the
// operator. It is the only user of clickhouse-go, and the same code speaks to
// the embedded engine, to one server and to several.
//
//	ship ──Insert──▶ notice_texts, consents
//	                 events ──view──▶ touches, sales, visitor_days
//	                        ──view──▶ campaign_day
//	                 refusals, notices, mail_consents, erasures
//	jobs ──Erase, KeepNumbers, Checkpoint──▶ what names a person, campaign_day, consent_checkpoints
//	edge ──About, Receipt, Wording, Withdrawn──▶ a person's own rows
//	report ──Query──▶ any of them, read only
//	kunji sql ──SQL──▶ any of them, read only unless told otherwise
//
// # Schema
//
// schema/NNN_name.sql holds the tables, the reasons beside them. Migrate runs
// what is missing, in the order of the numbers, and records each file with its
// SHA-256 in schema_migrations. A file that was applied never changes again.
// Every statement in it can be run twice (IF NOT EXISTS): a crash between two
// statements, and two programs that start at the same moment, do no harm. A
// table that came later than events is filled from them first (fill.go).
//
// # Cluster
//
// With Options.Cluster the same files make another form (cluster.go). What grows
// with traffic is spread over the shards, a visitor's rows on one of them: each
// such table is a replicated one, NAME_local, behind a Distributed one called
// NAME, so that inserts and reports say the same in both forms. What is small is
// one table with a replica on every server. Inserts wait for the shards and carry
// their token to them; a batch that is repeated is cut in the same way, so no
// shard takes it twice, whichever replica is asked. Erasure changes the local
// tables ON CLUSTER and looks at the parts of every server. A statement for all
// servers fails while one of them is away: migrate and erase when all are up.
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
// this package writes the blocks itself (native.go), those of a batch under way
// while it grows (prepare.go). Over the native protocol,
// and where blocks are compressed, the driver does.
//
// # Ledger
//
// consents are one hash chain for each site and writing node (ledger.go), so
// that VerifyLedger finds what was altered, left out, added or moved. An erasure
// blanks a record's subject and salt; the commitment to them stays, and the
// chain with it. Checkpoint signs each day where the chains end, and which
// records are about to reach the end of their term; verifying goes on behind
// those that are gone. What it cannot find: records added behind the end of a
// chain whose node and its disk are gone, between two checkpoints.
//
// # Erasure
//
// A tombstone comes through the spool like every other record, so that all
// that the same node kept before it is in ClickHouse when it is. Erase takes it
// through the steps of erase.go to a signed receipt, and Insert leaves out what
// arrives late. One thing about a mail recipient outlives their receipt: the sender's
// name for them, sealed, on an unsubscription that the sender has not been told of,
// until the webhook takes it and for 30 days at most (erase_mail.go). Erase takes it
// out later; without it the sender would mail on. And a recipient has the same id for
// good: what a new yes of theirs since the request grants, and the yes, stay. A
// visitor who agrees again has a new id. The rollup is rebuilt while this process inserts nothing;
// another process that inserts into the same days in those seconds would have
// them counted twice or not at all, so one that rebuilds on a server with several
// writers should do it when they are quiet.
//
// # Retention
//
// Rows that name somebody go by TTL on their last day (keep_until). Sums stay, and
// KeepNumbers puts numbers in place of the sketches that they have of visitors
// (keep.go).
//
// # Wind-down
//
// WindDown takes a whole site out by the same steps (wind_down.go): every table but
// the proof, the survivors counted, the old parts gone from disk, a signed receipt.
// What nodes clean beside it they say themselves (wind_down_node.go).
// From BeginWindDown on Insert leaves out what is about the site.
//
// # Backups
//
// Backup and Restore are ClickHouse's own statements. A restored database must be
// loaded anew before rows are deleted in it (backup.go says why), and Replay begins
// the erasures again that the backup does not know: by hash, since nothing else is
// left of who was erased. Wind-downs it begins again as well.
//
// # Errors
//
// An *Error carries ClickHouse's code. Permanent tells what a retry cannot
// mend. Errors of inserts leave out what ClickHouse says about values, so that
// no row's content reaches a log; passwords stand in no error.
package store
