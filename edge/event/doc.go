// Package event holds the record that a hit becomes, and how it is written
// to disk.
//
// A hit (a request to track something) either becomes an Event, which may be
// kept, or a refusal, of which only a counter moves. There is no field here
// for an address, a user agent, a mail address or a query string: what cannot
// be named cannot be stored (policy 7.2). Types:
//
//	Event    one thing that happened, by a visitor or a recipient who agreed
//	Consent  one decision: the proof that a grant was given, changed, withdrawn
//	Refusal  how often hits of one sort were refused in one hour
//	Notice   how often a banner was shown or answered in one day
//	Erasure  a tombstone: somebody asked that what is kept about them be erased
//	Wording  the exact text that decisions were made by, once for each text
//
// # Wire format
//
// A record on disk is one Protocol Buffers message Record (record.proto, kept
// beside its generated code in package wire), whose field 1 is the encoder's
// version and whose oneof says which of the seven types follows. Fields are
// only ever added, never renumbered, so that a new binary reads an old spool
// (policy 7.2, and nothing answered as recorded may be lost to an upgrade).
package event
