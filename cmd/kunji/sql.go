package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/kunjicloud/kunji/analytics/store"
)

// maxStatement bounds a statement read from standard input.
const maxStatement = 1 << 20

type sqlCmd struct {
	Query  string `arg:"" help:"The statement, or - to read it from standard input."`
	Format string `default:"table" help:"table, csv, tsv, json or jsonl."`
	Write  bool   `help:"Also run a statement that changes something."`
}

// Run runs one statement and prints its rows.
func (c *sqlCmd) Run(ctx context.Context, a *app) error {
	if !slices.Contains(store.Formats(), c.Format) {
		return usagef("--format %q: write %s", c.Format, alternatives(store.Formats()))
	}
	query := c.Query
	if query == "-" {
		text, err := io.ReadAll(io.LimitReader(a.stdin, maxStatement+1))
		if err != nil {
			return fmt.Errorf("read the statement: %w", err)
		}
		if len(text) > maxStatement {
			return usagef("the statement is larger than 1 MiB")
		}
		query = string(text)
	}
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		return s.SQL(ctx, a.stdout, query, c.Format, c.Write)
	})
}
