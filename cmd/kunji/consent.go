package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/export"
	"github.com/kunjicloud/kunji/analytics/ship"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
)

type consentCmd struct {
	Verify consentVerifyCmd `cmd:"" help:"Recompute the ledger of consents and say whether it is whole."`
}

type consentVerifyCmd struct {
	Site   string `xor:"what" help:"Only this site; all without it."`
	Export string `xor:"what" type:"existingdir" placeholder:"DIR" help:"A folder that kunji site export wrote, with all its files, in place of ClickHouse."`
}

// Run reports on every chain; a break ends it with exit code 1.
func (c *consentVerifyCmd) Run(ctx context.Context, a *app) error {
	if c.Export != "" {
		return a.verifyExport(c.Export)
	}
	return a.withStore(ctx, func(cfg *Config, s *store.Store) error {
		if _, ok := cfg.Site(c.Site); c.Site != "" && !ok {
			return usagef("--site %q: no such site in %s", c.Site, cfg.Path)
		}
		ring, err := identity.OpenRing(cfg.Keys.File, time.Now())
		if err != nil {
			return err
		}
		// Before the rows are read, so that no record is newer than the end it has.
		heads, err := a.ledgerHeads(ctx, cfg)
		if err != nil {
			return err
		}
		chains, err := s.VerifyLedger(ctx, store.VerifyOptions{Site: c.Site, Signer: signer{ring}, Heads: heads})
		if err != nil {
			return err
		}
		return a.tellChains(chains)
	})
}

// verifyExport checks every file of an export against its manifest, and recomputes
// the ledger in it; signatures where the key ring is.
func (a *app) verifyExport(dir string) error {
	m, err := export.Check(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s of site %s, exported %s, as they were written\n", counted(len(m.Files), "file", "files"), m.Site, m.Time.Format(time.RFC3339))
	var sign store.Signer
	if ring, _, err := a.ring(); err == nil {
		sign = signer{ring}
	} else {
		fmt.Fprintln(a.stdout, "signatures of checkpoints are not checked: there is no key ring here")
	}
	records, err := os.Open(filepath.Join(dir, filepath.FromSlash(export.LedgerRecords)))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer records.Close()
	checkpoints, err := os.Open(filepath.Join(dir, filepath.FromSlash(export.LedgerCheckpoints)))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer checkpoints.Close()
	chains, err := store.VerifyCopy(bufio.NewReader(records), bufio.NewReader(checkpoints), sign)
	if err != nil {
		return err
	}
	return a.tellChains(chains)
}

// tellChains reports on every chain; a break is exit code 1.
func (a *app) tellChains(chains []store.ChainReport) error {
	broken := 0
	for _, r := range chains {
		verdict := "whole"
		if r.Break != nil {
			verdict = fmt.Sprintf("BROKEN at record %d: %s", r.Break.Seq, r.Break.What)
			broken++
		}
		fmt.Fprintf(a.stdout, "%s node %s: %s, %d blank by erasure, %d gone by retention, %s, %s: %s\n",
			r.Site, hex.EncodeToString(r.Node[:4]), count(int(r.Records), "record"), r.Blanks, r.Gone, count(r.Checkpoints, "checkpoint"),
			span(r.First, r.Last), verdict)
	}
	if len(chains) == 0 {
		fmt.Fprintln(a.stdout, "the ledger is empty")
	}
	if broken > 0 {
		return exitCode(exitFailed)
	}
	return nil
}

// span is the days of the first and the last record.
func span(first, last time.Time) string {
	if first.IsZero() {
		return "none left"
	}
	return first.Format(time.DateOnly) + " to " + last.Format(time.DateOnly)
}

// ledgerHead is the end of one chain, as it travels over the control socket.
type ledgerHead struct {
	Site string `json:"site"`
	Node []byte `json:"node"`
	Seq  uint64 `json:"seq"`
	Hash []byte `json:"hash"`
}

// listHeads are the ends of the chains that a spool's node wrote.
func listHeads(s *spool.Spool) ([]ledgerHead, error) {
	heads := map[string]store.Head{}
	if err := ship.Heads(s, heads); err != nil {
		return nil, fmt.Errorf("read the ends of the ledger: %w", err)
	}
	node := s.ID()
	all := make([]ledgerHead, 0, len(heads))
	for site, h := range heads {
		all = append(all, ledgerHead{Site: site, Node: node[:], Seq: h.Seq, Hash: h.Hash[:]})
	}
	return all, nil
}

// ledgerHeads are where this data_dir's node says that its chains end: what
// shows when the end of one is missing. None where it has no spool.
func (a *app) ledgerHeads(ctx context.Context, cfg *Config) (map[store.Chain]store.Head, error) {
	if _, err := os.Stat(cfg.spoolDir()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []ledgerHead
	err := a.onSpool(ctx, "GET", "/ledger/heads", nil, &all, func(s *spool.Spool) (err error) {
		all, err = listHeads(s)
		return err
	})
	heads := make(map[store.Chain]store.Head, len(all))
	for _, h := range all {
		c := store.Chain{Site: h.Site}
		head := store.Head{Seq: h.Seq}
		copy(c.Node[:], h.Node)
		copy(head.Hash[:], h.Hash)
		heads[c] = head
	}
	return heads, err
}
