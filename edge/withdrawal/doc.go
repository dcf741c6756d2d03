// Package withdrawal remembers what people took back, so that it stays a no: the
// ids of consent records, which an old cookie may still name, and the choices of
// mail recipients, which links and pixels in mail already sent still carry.
//
//	a request ──▶ Marks ──▶ the caller's spool ──▶ Apply ──▶ memory ──▶ every hit
//	                         (one group, one sync)              ▲
//	other nodes ──▶ ClickHouse ──▶ Feed ──▶ Follow ──▶ spool ───┘
//	start ──▶ Load ──▶ memory
//
// # Statements
//
// Each [Entry] is one statement: a consent record was taken back, or a recipient
// said something about mail_open, mail_click or all mail. A recipient's choices are
// three registers, each with the time of the statement that set it: the newest one
// wins, a denial wins among those of one second. Entries may therefore come in any
// order, twice, from any node, and every node ends in the same state. An
// unsubscription is lifted only by a later statement that is proven.
//
// # Memory
//
// A recipient takes a slot of 25 bytes in a table of 256 parts, each with a lock and
// at least 6 in 10 slots used once it has grown: at most 42 bytes a recipient. A
// part grows by a third at a time, which stops only its own look-ups for as long as
// its slots take to copy. A look-up allocates nothing. Record ids are few, and are
// forgotten once every cookie that could name them has expired; recipients never.
//
// # Marks
//
// On disk a statement is a mark (see edge/spool), in three spaces. Integers are
// big-endian, times in seconds since 1970.
//
//	space  key                                                      value
//	r      record id 16                                             time 4 | site
//	m      recipient 8 | site length 1 | site | time 4 | choices 1  empty
//	f      empty                                                    the feed's cursor
//
// choices holds two bits for each of mail_open, mail_click and mail, from the lowest:
// 0 unset, 1 granted, 2 denied. Since a statement's key is all it says, writing it
// is never a change of another one, whoever else writes; Load deletes those
// that newer ones replaced.
//
// # Guarantees
//
//   - Add, and the caller's AppendMarked with Marks, return only when the statement
//     is on disk; only then it counts, and from then on after every restart.
//   - What Load finds missing (a damaged disk) is fetched again from the feed's
//     beginning, and until that is done Ready is an error.
//   - Ready is an error while nothing was loaded, or the feed was silent for 60 s:
//     callers then refuse every mail hit.
package withdrawal
