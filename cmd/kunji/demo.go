package main

import (
	"context"
	"errors"
)

type demoCmd struct{}

// Run runs the demo until ctx ends.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	return errors.New("demo is not joined yet")
}
