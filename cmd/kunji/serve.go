package main

import (
	"context"
	"errors"
)

type serveCmd struct {
	Role string `enum:"all,edge,console" default:"all" help:"What this process does: all, edge or console."`
}

// Run runs the service until ctx ends.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	return errors.New("serve is not joined yet")
}
