package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
)

type consentCmd struct {
	Verify consentVerifyCmd `cmd:"" help:"Recompute the ledger of consents and say whether it is whole."`
}

type consentVerifyCmd struct {
	Site string `help:"Only this site; all without it."`
}

// Run reports on every chain; a break ends it with exit code 1.
func (c *consentVerifyCmd) Run(ctx context.Context, a *app) error {
	return a.withStore(ctx, func(cfg *Config, s *store.Store) error {
		if _, ok := cfg.Site(c.Site); c.Site != "" && !ok {
			return usagef("--site %q: no such site in %s", c.Site, cfg.Path)
		}
		ring, err := identity.OpenRing(cfg.Keys.File, time.Now())
		if err != nil {
			return err
		}
		chains, err := s.VerifyLedger(ctx, store.VerifyOptions{Site: c.Site, Signer: signer{ring}})
		if err != nil {
			return err
		}
		broken := 0
		for _, r := range chains {
			verdict := "whole"
			if r.Break != nil {
				verdict = fmt.Sprintf("BROKEN at record %d: %s", r.Break.Seq, r.Break.What)
				broken++
			}
			fmt.Fprintf(a.stdout, "%s node %s: %d records, %d of them blank, %d gone by retention, %d checkpoints, %s to %s: %s\n",
				r.Site, hex.EncodeToString(r.Node[:4]), r.Records, r.Blanks, r.Gone, r.Checkpoints,
				r.First.Format(time.DateOnly), r.Last.Format(time.DateOnly), verdict)
		}
		if len(chains) == 0 {
			fmt.Fprintln(a.stdout, "the ledger is empty")
		}
		if broken > 0 {
			return exitCode(exitFailed)
		}
		return nil
	})
}
