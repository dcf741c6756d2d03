package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/kunjicloud/kunji/edge/event"
)

// entryLine is a record of the ledger as a line of JSON: the fields that the chain
// is computed over (ledger.go), by the names of the columns. Bytes are in hex, ids
// as UUIDs, times in UTC with milliseconds.
type entryLine struct {
	Site           string         `json:"site"`
	Node           string         `json:"node"`
	Seq            uint64         `json:"chain_seq"`
	Time           time.Time      `json:"time"`
	ID             string         `json:"id"`
	Previous       string         `json:"previous"`
	Withdraws      bool           `json:"withdraws"`
	Subject        uint64         `json:"subject,string"`
	Salt           string         `json:"salt"`
	Erased         bool           `json:"erased"`
	Method         string         `json:"method"`
	Surface        string         `json:"surface"`
	Purposes       []purposeLine  `json:"purposes"`
	Services       []decisionLine `json:"services"`
	NoticeVersion  string         `json:"notice_version"`
	NoticeHash     string         `json:"notice_hash"`
	NoticeLanguage string         `json:"notice_language"`
	PolicyVersion  int            `json:"policy_version"`
	Regime         string         `json:"regime"`
	Country        string         `json:"country"`
	Region         string         `json:"region"`
	Signal         bool           `json:"signal"`
	Age            string         `json:"age"`
	Guardian       bool           `json:"guardian"`
	KeepUntil      string         `json:"keep_until"` // the row's last day
	Commitment     string         `json:"commitment"`
	Hash           string         `json:"chain_hash"`
}

type purposeLine struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Granted bool   `json:"granted"`
}

type decisionLine struct {
	Name    string `json:"name"`
	Granted bool   `json:"granted"`
}

// checkpointLine is a Checkpoint in the same way.
type checkpointLine struct {
	Site      string    `json:"site"`
	Node      string    `json:"node"`
	First     uint64    `json:"first"`
	Seq       uint64    `json:"chain_seq"`
	Hash      string    `json:"chain_hash"`
	Time      time.Time `json:"time"`
	Signature string    `json:"signature"`
}

func (e *Entry) line() entryLine {
	l := entryLine{
		Site: e.Site, Node: uuid.UUID(e.Node).String(), Seq: e.Seq, Time: e.Time.UTC(), ID: uuid.UUID(e.ID).String(), Previous: uuid.UUID(e.Previous).String(),
		Withdraws: e.Withdraws, Subject: e.Subject, Salt: hex.EncodeToString(e.Salt[:]), Erased: e.Erased, Method: e.Method, Surface: e.Surface,
		Purposes: []purposeLine{}, Services: []decisionLine{},
		NoticeVersion: e.NoticeVersion, NoticeHash: hex.EncodeToString(e.NoticeHash[:]), NoticeLanguage: e.NoticeLanguage, PolicyVersion: e.PolicyVersion,
		Regime: e.Regime, Country: e.Country, Region: e.Region, Signal: e.Signal, Age: e.Age, Guardian: e.Guardian,
		KeepUntil:  time.Unix(int64(e.KeepUntil)*86400, 0).UTC().Format(time.DateOnly),
		Commitment: hex.EncodeToString(e.Commitment[:]), Hash: hex.EncodeToString(e.Hash[:]),
	}
	for _, p := range e.Purposes {
		l.Purposes = append(l.Purposes, purposeLine{p.Purpose, p.Version, p.Granted})
	}
	for _, v := range e.Services {
		l.Services = append(l.Services, decisionLine{v.Service, v.Granted})
	}
	return l
}

// entry reads a line back.
func (l *entryLine) entry() (*Entry, error) {
	e := &Entry{Seq: l.Seq, Erased: l.Erased, Consent: &event.Consent{
		Site: l.Site, Time: l.Time.UTC(), Withdraws: l.Withdraws, Subject: l.Subject, Method: l.Method, Surface: l.Surface,
		NoticeVersion: l.NoticeVersion, NoticeLanguage: l.NoticeLanguage, PolicyVersion: l.PolicyVersion,
		Regime: l.Regime, Country: l.Country, Region: l.Region, Signal: l.Signal, Age: l.Age, Guardian: l.Guardian,
	}}
	for _, p := range l.Purposes {
		e.Purposes = append(e.Purposes, event.PurposeDecision{Purpose: p.Name, Version: p.Version, Granted: p.Granted})
	}
	for _, v := range l.Services {
		e.Services = append(e.Services, event.ServiceDecision{Service: v.Name, Granted: v.Granted})
	}
	until, err := time.Parse(time.DateOnly, l.KeepUntil)
	e.KeepUntil = int32(until.Unix() / 86400)
	var r lineReader
	r.id(e.Node[:], l.Node)
	r.id(e.ID[:], l.ID)
	r.id(e.Previous[:], l.Previous)
	r.bytes(e.Salt[:], l.Salt)
	r.bytes(e.NoticeHash[:], l.NoticeHash)
	r.bytes(e.Commitment[:], l.Commitment)
	r.bytes(e.Hash[:], l.Hash)
	return e, errors.Join(err, r.err)
}

// lineReader fills fixed fields from their texts and keeps the first error.
type lineReader struct{ err error }

func (r *lineReader) id(to []byte, text string) {
	id, err := uuid.Parse(text)
	if copy(to, id[:]); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *lineReader) bytes(to []byte, text string) {
	b, err := hex.DecodeString(text)
	if err == nil && len(b) != len(to) {
		err = fmt.Errorf("%d bytes where %d are wanted", len(b), len(to))
	}
	if copy(to, b); err != nil && r.err == nil {
		r.err = err
	}
}

// CopyLedger writes the ledger of a site as lines of JSON, chain by chain in
// order, and its checkpoints. VerifyCopy checks such a copy without the store.
func (s *Store) CopyLedger(ctx context.Context, site string, records, checkpoints io.Writer) (rows, signed uint64, err error) {
	marks, err := s.checkpoints(ctx, site)
	if err != nil {
		return 0, 0, err
	}
	ends, err := s.heads(ctx, "WHERE site = {site:String}", map[string]any{"site": site})
	if err != nil {
		return 0, 0, err
	}
	out := json.NewEncoder(records)
	for _, c := range chains(ends) {
		err := s.walk(ctx, c, 0, func(e *Entry) error { rows++; return out.Encode(e.line()) })
		if err != nil {
			return rows, 0, fmt.Errorf("store: copy the ledger of %s: %w", site, err)
		}
	}
	out = json.NewEncoder(checkpoints)
	for _, c := range chains(marks) {
		for _, m := range marks[c] {
			signed++
			if err := out.Encode(checkpointLine{
				c.Site, uuid.UUID(c.Node).String(), m.First, m.Seq, hex.EncodeToString(m.Hash[:]), m.Time.UTC(), hex.EncodeToString(m.Signature),
			}); err != nil {
				return rows, signed, fmt.Errorf("store: copy the checkpoints of %s: %w", site, err)
			}
		}
	}
	return rows, signed, nil
}

// chains are the keys of a map, in their order.
func chains[T any](of map[Chain]T) (all []Chain) {
	for c := range of {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Chain) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), bytes.Compare(a.Node[:], b.Node[:]))
	})
	return all
}

// VerifyCopy is VerifyLedger of a copy that CopyLedger wrote. Without a signer the
// signatures of checkpoints are not checked, all else is. A line that cannot be
// read is an error, a break stands in the report.
func VerifyCopy(records, checkpoints io.Reader, signer Signer) ([]ChainReport, error) {
	signed := map[Chain][]Checkpoint{}
	for in := json.NewDecoder(checkpoints); ; {
		var l checkpointLine
		if err := in.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("store: read a checkpoint: %w", err)
		}
		c := Checkpoint{Chain: Chain{Site: l.Site}, First: l.First, Head: Head{Seq: l.Seq}, Time: l.Time.UTC()}
		var r lineReader
		r.id(c.Node[:], l.Node)
		r.bytes(c.Hash[:], l.Hash)
		var err error
		if c.Signature, err = hex.DecodeString(l.Signature); errors.Join(err, r.err) != nil {
			return nil, fmt.Errorf("store: read a checkpoint: %w", errors.Join(err, r.err))
		}
		signed[c.Chain] = append(signed[c.Chain], c)
	}
	walkers := map[Chain]*walker{}
	for c, marks := range signed {
		w := newWalker(c, marks, Head{})
		walkers[c] = w
		if signer != nil {
			w.stop(w.checkSignatures(signer))
		}
	}
	for in := json.NewDecoder(records); ; {
		var l entryLine
		if err := in.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("store: read a record of the ledger: %w", err)
		}
		e, err := l.entry()
		if err != nil {
			return nil, fmt.Errorf("store: read record %d of the ledger: %w", l.Seq, err)
		}
		c := Chain{e.Site, e.Node}
		w := walkers[c]
		if w == nil {
			w = newWalker(c, nil, Head{})
			walkers[c] = w
		}
		if w.report.Break == nil {
			w.stop(w.see(e))
		}
	}
	var reports []ChainReport
	for _, c := range chains(walkers) {
		w := walkers[c]
		if w.report.Break == nil {
			w.stop(w.end(Head{}))
		}
		reports = append(reports, w.report)
	}
	return reports, nil
}

// stop notes the first break.
func (w *walker) stop(err error) {
	if b, ok := err.(*Break); ok { //nolint:errorlint // ours, not wrapped
		w.report.Break = b
	}
}
