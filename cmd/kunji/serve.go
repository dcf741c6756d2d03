package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

type serveCmd struct {
	Role string `enum:"all,edge,console" default:"all" help:"What this process does: all, edge or console."`
}

// Run runs the service until ctx ends. SIGHUP reads the configuration again.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	load := func() (*Config, Warnings, error) { return Load(a.config, a.env) }
	cfg, warnings, err := load()
	if err != nil {
		return err
	}
	if err := a.become(cfg.DataDir); err != nil {
		return err
	}
	if len(warnings) > 0 {
		fmt.Fprintln(a.stderr, warnings)
	}
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	s, err := newService(ctx, cfg, c.Role, log, edgeExtra{})
	if err != nil {
		return err
	}
	s.load = load
	if s.edge != nil {
		fmt.Fprintf(a.stdout, "edge     %s\n", cfg.Edge.PublicURL)
	}
	if s.console != nil {
		fmt.Fprintf(a.stdout, "console  %s\n", s.consoleURL())
	}
	watched, stop := context.WithCancel(ctx)
	defer stop()
	go s.reloadOn(watched, signals)
	return errors.Join(s.serve(ctx), s.close())
}

// consoleURL is where people open the console.
func (s *service) consoleURL() string {
	if origin := s.cfg.Console.origin(); origin != "" {
		return origin
	}
	if s.cfg.Console.TLS.Files {
		return "https://" + s.consoleAt.Addr().String()
	}
	return "http://" + s.consoleAt.Addr().String()
}
