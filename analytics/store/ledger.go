package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// The ledger of consents is a hash chain for each site and writing node (the
// node is named by its spool's id), so that a proof which was altered, left
// out, added or moved shows. Records are numbered 1, 2, 3 … in the order in
// which the node kept them. Format 1; H is SHA-256, integers are 8 bytes
// big-endian, texts and lists carry their length before them:
//
//	commitment = H("kunji/ledger/subject/1" 0 | salt 16 | subject)
//	chain_hash = H("kunji/ledger/record/1" 0 | chain_hash of the one before, 32 zeros for the first |
//	               chain_seq | site | node 16 | commitment 32 | fields)
//	fields     = id 16 | previous 16 | withdraws | time in ms | method | surface |
//	             purposes (name, version, granted) | services (name, granted) |
//	             notice_version | notice_hash 32 | notice_language | policy_version |
//	             regime | country | region | signal | age | guardian | keep_until
//
// The subject stands in the chain only as a commitment under a random salt,
// because an erasure has to take it out without breaking the chain: it blanks
// subject and salt and leaves the commitment, which without the salt fits every
// subject alike. The record's id stays in clear: it is on the receipt that the
// person holds, and once the events are gone it leads to nothing but the proof.

// Entry is a row of the ledger: a decision, and its place in its chain.
type Entry struct {
	*event.Consent
	Node       [16]byte
	Seq        uint64 // 0: not in a chain
	Commitment [32]byte
	Hash       [32]byte
	Erased     bool // Subject and Salt were blanked
}

// Head is the end of a chain: how many records it has, and the last one's hash.
type Head struct {
	Seq  uint64
	Hash [32]byte
}

// Chain names a chain.
type Chain struct {
	Site string
	Node [16]byte
}

// next returns c as the record after h.
func (h Head) next(node [16]byte, c *event.Consent) *Entry {
	e := &Entry{Consent: c, Node: node, Seq: h.Seq + 1}
	e.Commitment = e.commit()
	e.Hash = e.link(h.Hash)
	return e
}

// Chain gives the batch's consents their places in this node's chains, which
// end at heads, by site. It returns the ends of those that moved. The same
// batch and heads give the same rows.
func (b *Batch) Chain(node [16]byte, heads map[string]Head) (moved map[string]Head) {
	moved = map[string]Head{}
	for i, e := range b.Consents {
		h, ok := moved[e.Site]
		if !ok {
			h = heads[e.Site]
		}
		b.Consents[i] = h.next(node, e.Consent)
		moved[e.Site] = Head{Seq: h.Seq + 1, Hash: b.Consents[i].Hash}
	}
	return moved
}

// blank returns the entry without its subject.
func (e *Entry) blank() *Entry {
	bare, c := *e, *e.Consent
	c.Subject, c.Salt = 0, [16]byte{}
	bare.Consent, bare.Erased = &c, true
	return &bare
}

func (e *Entry) commit() [32]byte {
	b := append([]byte("kunji/ledger/subject/1\x00"), e.Salt[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, e.Subject))
}

func (e *Entry) link(before [32]byte) [32]byte {
	b := append([]byte("kunji/ledger/record/1\x00"), before[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = appendText(b, e.Site)
	b = append(append(b, e.Node[:]...), e.Commitment[:]...)
	b = append(append(b, e.ID[:]...), e.Previous[:]...)
	b = appendBool(b, e.Withdraws)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixMilli()))
	b = appendText(appendText(b, e.Method), e.Surface)
	b = binary.AppendUvarint(b, uint64(len(e.Purposes)))
	for _, p := range e.Purposes {
		b = appendText(b, p.Purpose)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Version))
		b = appendBool(b, p.Granted)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Services)))
	for _, v := range e.Services {
		b = appendBool(appendText(b, v.Service), v.Granted)
	}
	b = appendText(b, e.NoticeVersion)
	b = append(b, e.NoticeHash[:]...)
	b = appendText(b, e.NoticeLanguage)
	b = binary.BigEndian.AppendUint64(b, uint64(e.PolicyVersion))
	b = appendText(appendText(appendText(b, e.Regime), e.Country), e.Region)
	b = appendBool(b, e.Signal)
	b = appendBool(appendText(b, e.Age), e.Guardian)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(e.KeepUntil)))
}

// Signer signs statements of the store with what all its nodes share. The same
// message always has the same signature, under rotated keys as well: proof is
// kept for years.
type Signer interface {
	Sign(site string, message []byte) []byte
}

// Checkpoint is a signed statement about a chain.
type Checkpoint struct {
	Chain
	// First is 0 in an anchor: the chain had these records then. Otherwise the
	// records First to Seq were at the end of their term, and may be gone.
	First uint64
	Head  // the record Seq and its hash
	Time  time.Time
	// Signature is over all of the above.
	Signature []byte
}

func (c *Checkpoint) message() []byte {
	b := appendText([]byte("kunji/ledger/checkpoint/1\x00"), c.Site)
	b = append(b, c.Node[:]...)
	b = binary.BigEndian.AppendUint64(b, c.First)
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	b = append(b, c.Hash[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMilli()))
}

// span is records that may be gone.
type span struct{ first, last uint64 }

// gone returns what signed ranges say together about which records may be
// gone, joined and in order.
func gone(all []Checkpoint) (spans []span) {
	all = slices.DeleteFunc(slices.Clone(all), func(c Checkpoint) bool { return c.First == 0 })
	slices.SortFunc(all, func(a, b Checkpoint) int { return cmp.Compare(a.First, b.First) })
	for _, c := range all {
		if n := len(spans); n > 0 && c.First <= spans[n-1].last+1 {
			spans[n-1].last = max(spans[n-1].last, c.Seq)
			continue
		}
		spans = append(spans, span{c.First, c.Seq})
	}
	return spans
}

// missing returns the first run of records from first to last that may not be
// gone; none where first > last.
func missing(spans []span, first, last uint64) (uint64, uint64) {
	for _, s := range spans {
		if s.last < first {
			continue
		}
		if s.first > first {
			return first, min(last, s.first-1)
		}
		first = s.last + 1
	}
	return first, last
}
