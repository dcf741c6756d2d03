package main

import (
	"context"
	"fmt"

	"github.com/kunjicloud/kunji/analytics/store"
)

type migrateCmd struct{}

// Run brings the tables up to date and names each step it took.
func (c *migrateCmd) Run(ctx context.Context, a *app) error {
	return a.withStore(ctx, func(_ *Config, s *store.Store) error {
		applied, err := s.Migrate(ctx)
		for _, name := range applied {
			fmt.Fprintln(a.stdout, "applied", name)
		}
		if err == nil && len(applied) == 0 {
			fmt.Fprintln(a.stdout, "up to date")
		}
		return err
	})
}
