package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// ChainReport says what is in one chain of the ledger, and where it breaks.
type ChainReport struct {
	Chain
	Records     uint64 // that are there
	Blanks      uint64 // of them without their subject, which was erased
	Gone        uint64 // that retention took, as checkpoints say
	Checkpoints int
	First, Last time.Time // of the records that are there
	Break       *Break    // nil: whole
}

// Break is the first place where a chain is not what was written.
type Break struct {
	Seq  uint64 // the record
	What string // what is wrong with it
}

func (b *Break) Error() string { return b.What }

func breakAt(seq uint64, format string, args ...any) error {
	return &Break{seq, fmt.Sprintf(format, args...)}
}

// VerifyOptions say what to check the ledger against.
type VerifyOptions struct {
	Site   string // "" for all
	Signer Signer // checks the checkpoints
	// Heads are the ends of chains as their nodes know them, read before the
	// call: a chain that ends earlier lost its end.
	Heads map[Chain]Head
}

// VerifyLedger recomputes every chain of the ledger and reports on each, in
// the order of site and node. It holds one row in memory at a time. A break is
// no error: it stands in the report.
func (s *Store) VerifyLedger(ctx context.Context, o VerifyOptions) ([]ChainReport, error) {
	signed, err := s.checkpoints(ctx, o.Site)
	if err != nil {
		return nil, err
	}
	ends, err := s.heads(ctx, "WHERE {site:String} IN ('', site)", map[string]any{"site": o.Site})
	if err != nil {
		return nil, err
	}
	known := map[Chain]bool{}
	for c := range ends {
		known[c] = true
	}
	for c := range signed {
		known[c] = true
	}
	for c := range o.Heads {
		if o.Site == "" || o.Site == c.Site {
			known[c] = true
		}
	}
	var all []Chain
	for c := range known {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Chain) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), bytes.Compare(a.Node[:], b.Node[:]))
	})
	reports := make([]ChainReport, len(all))
	for i, c := range all {
		w := newWalker(c, signed[c], Head{})
		if reports[i], err = w.verify(ctx, s, o); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// walker follows one chain from record to record.
type walker struct {
	signed []Checkpoint // by Seq
	report ChainReport
	gone   []span
	at     Head     // the last record seen
	before [32]byte // the hash that its own follows from
	// loose is true behind a gap that retention left: the records from there to the
	// end of the signed range cannot be joined to what was before.
	loose bool
	next  int // in signed: the first one at or behind at
}

func newWalker(c Chain, signed []Checkpoint, from Head) *walker {
	return &walker{signed: signed, gone: gone(signed), at: from, report: ChainReport{Chain: c, Checkpoints: len(signed)}}
}

func (w *walker) verify(ctx context.Context, s *Store, o VerifyOptions) (ChainReport, error) {
	err := w.checkSignatures(o.Signer)
	if err == nil {
		err = s.walk(ctx, w.report.Chain, 0, w.see)
	}
	if err == nil {
		err = w.end(o.Heads[w.report.Chain])
	}
	if b, ok := err.(*Break); ok { //nolint:errorlint // ours, not wrapped
		w.report.Break = b
		return w.report, nil
	}
	return w.report, err
}

func (w *walker) checkSignatures(signer Signer) error {
	for i := range w.signed {
		c := &w.signed[i]
		if !bytes.Equal(signer.Sign(c.Site, c.message()), c.Signature) {
			return breakAt(c.Seq, "the checkpoint of %s is not signed by this key ring", c.Time.Format(time.RFC3339))
		}
	}
	return nil
}

// see takes the next record, or returns a *Break.
func (w *walker) see(e *Entry) error {
	switch {
	case e.Node == [16]byte{} || e.Seq == 0:
		return breakAt(e.Seq, "a record of %s stands outside every chain: it was not written by an edge", e.Time.Format(time.RFC3339))
	case e.Seq == w.at.Seq && e.Erased && e.Hash == w.at.Hash && e.Subject == 0 && e.Salt == [16]byte{} && e.link(w.before) == e.Hash:
		return nil // its blank copy, of an erasure under way
	case e.Seq == w.at.Seq:
		return breakAt(e.Seq, "there are two records %d", e.Seq)
	case e.Seq > w.at.Seq+1:
		if err := w.gap(w.at.Seq+1, e.Seq-1); err != nil {
			return err
		}
	}
	switch {
	case e.Erased && (e.Subject != 0 || e.Salt != [16]byte{}):
		return breakAt(e.Seq, "it is marked as erased and has a subject")
	case !e.Erased && e.commit() != e.Commitment:
		return breakAt(e.Seq, "its subject, salt or commitment was altered")
	case !w.loose && e.link(w.at.Hash) != e.Hash:
		return breakAt(e.Seq, "it was altered, or stands in another's place: its hash does not follow from record %d", e.Seq-1)
	}
	w.before, w.at, w.loose = w.at.Hash, Head{e.Seq, e.Hash}, false
	w.report.count(e)
	return w.compare()
}

// gap accepts missing records that retention took, and finds the hash from
// which the next one follows.
func (w *walker) gap(first, last uint64) error {
	switch from, to := missing(w.gone, first, last); {
	case from == to:
		return breakAt(from, "it is missing")
	case from < to:
		return breakAt(from, "records %d to %d are missing", from, to)
	}
	w.report.Gone += last - first + 1
	w.loose = true
	for _, c := range w.signed {
		if c.Seq == last {
			w.at, w.loose = c.Head, false
		}
	}
	for w.next < len(w.signed) && w.signed[w.next].Seq <= last {
		w.next++
	}
	return nil
}

// compare checks the record at hand against what was signed about it.
func (w *walker) compare() error {
	for ; w.next < len(w.signed) && w.signed[w.next].Seq <= w.at.Seq; w.next++ {
		if c := w.signed[w.next]; c.Seq == w.at.Seq && c.Hash != w.at.Hash {
			return breakAt(c.Seq, "it is not what the checkpoint of %s says", c.Time.Format(time.RFC3339))
		}
	}
	return nil
}

// end checks that the chain goes on as far as it is known to.
func (w *walker) end(head Head) error {
	last := head.Seq
	if n := len(w.signed); n > 0 {
		last = max(last, w.signed[n-1].Seq)
	}
	if last > w.at.Seq {
		return w.gap(w.at.Seq+1, last)
	}
	if head.Seq == w.at.Seq && head.Hash != w.at.Hash {
		return breakAt(head.Seq, "it is not what its node wrote last")
	}
	return nil
}

func (r *ChainReport) count(e *Entry) {
	r.Records++
	if e.Erased {
		r.Blanks++
	}
	if r.First.IsZero() || e.Time.Before(r.First) {
		r.First = e.Time
	}
	if e.Time.After(r.Last) {
		r.Last = e.Time
	}
}
