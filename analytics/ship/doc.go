// Package ship moves records from the spool into the store, each exactly once.
//
//	spool ──Next──▶ cut ──PutManifest──▶ Insert ──▶ Ack
//	                         (disk)        │ ▲ again, until the store says yes
//	                                       └─┘
//
// # Exactly once
//
// A batch is a range of the spool. Before its first try a manifest goes to
// disk: which records, and the SHA-256 of their bytes. The token under which
// the store files the batch is the spool's id with the range's ends, so the
// store knows a repetition when it sees one. Whatever happens between the
// manifest and the acknowledgement (an answer lost, the process killed, an
// upgrade), the next try reads the same range again, checks the hash, and
// sends the same rows under the same token. A range is never cut anew once it
// was tried: the store would take the new cut for new rows. A range whose hash
// no longer agrees is set aside, loudly, and not sent.
//
// While the store inserts a batch the next one is read and decoded; its manifest,
// and setting anything of it aside, wait until the one before is acknowledged.
//
// # What is not sent
//
// Records that no store could take (unreadable, or beyond the types of the
// tables) are set aside one by one, before they spoil a batch. A batch that the
// store refuses for good is set aside whole, with the reason. Both stay in the
// spool's set-aside namespace, to be looked at and replayed. A batch was
// refused by one table, and the tables before it may hold its rows: consents
// come first. Everything else that goes wrong is tried again for ever.
//
// # Ledger
//
// Consents are a hash chain for each site and node (package store, ledger.go),
// which the shipper computes, because it alone sees a node's records in their
// order. Where the chains end is kept in marks of the spool, written in the same
// synced batch as the acknowledgement; where they ended before a batch is in
// its manifest. So every try, also after a crash or in another program, gives
// a record the same place and the same hash. A batch that is set aside after its
// consents were stored moves the marks as well; when it is replayed, its
// records get places at the chain's end.
//
// # Manifest, version 2
//
// Big-endian:
//
//	version 2 | spool id 16 | first 8 | last 8 | records 4 | wire version 2 | SHA-256 32 | chains
//	chain = length of the site's id, a varint | site | number of its last record 8 | that record's hash 32
//
// The hash runs over each record's position (8), length (4) and bytes. Version
// 1 had no chains.
package ship
