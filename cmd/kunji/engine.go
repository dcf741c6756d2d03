package main

import (
	"context"

	"github.com/kunjicloud/kunji/analytics/engine"
)

type engineCmd struct{}

// Run is the whole of the child process that a service starts. What goes wrong
// stands in its log, which the parent reads.
func (c *engineCmd) Run(ctx context.Context, a *app) error {
	if err := engine.Child(ctx, a.stdin, a.stderr); err != nil {
		return exitCode(exitFailed)
	}
	return nil
}
