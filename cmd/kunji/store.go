package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/store"
)

const (
	// engineStart bounds how long a command waits for an engine it starts:
	// loading the library cold takes seconds on a slow disk.
	engineStart = time.Minute
	// engineStop bounds how long it waits for that engine's end.
	engineStop = 30 * time.Second
)

// engineDir is the embedded engine's directory.
func (c *Config) engineDir() string { return filepath.Join(c.DataDir, "clickhouse") }

// openStore reaches the ClickHouse that the configuration names: the server,
// or the embedded engine. A service that runs on this data_dir is asked
// through its engine's socket; where none runs, an engine is started and ends
// with the returned close.
func openStore(ctx context.Context, c *Config, log *slog.Logger) (_ *store.Store, end func() error, err error) {
	if !c.ClickHouse.Embedded() {
		s, err := store.Open(store.Options{DSN: c.ClickHouse.DSN, Logger: log})
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	socket, err := engine.SocketPath(c.engineDir())
	if err != nil {
		return nil, nil, err
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	stop := func() error { return nil }
	if conn, err := dial(ctx); err == nil {
		conn.Close()
	} else if stop, err = startEngine(ctx, c, log); err != nil {
		return nil, nil, err
	}
	s, err := store.Open(store.Options{Dial: dial, Logger: log})
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return s, func() error { return errors.Join(s.Close(), stop()) }, nil
}

// startEngine starts an engine for this command alone.
func startEngine(ctx context.Context, c *Config, log *slog.Logger) (stop func() error, err error) {
	s, err := engine.Start(ctx, engine.SupervisorOptions{
		Args:   []string{"engine"},
		Engine: engine.Options{Dir: c.engineDir()},
		Logger: log,
	})
	if err != nil {
		return nil, err
	}
	stop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), engineStop)
		defer cancel()
		return s.Close(ctx)
	}
	wait, cancel := context.WithTimeout(ctx, engineStart)
	defer cancel()
	if err := s.Wait(wait); err != nil {
		return nil, errors.Join(fmt.Errorf("start ClickHouse in %s: %w", c.engineDir(), err), stop())
	}
	return stop, nil
}

// withStore runs f on the store and closes what it opened.
func (a *app) withStore(ctx context.Context, f func(*Config, *store.Store) error) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, end, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	err = f(cfg, s)
	return errors.Join(err, end())
}
