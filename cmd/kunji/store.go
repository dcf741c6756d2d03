package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
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
		s, err := store.Open(store.Options{DSN: c.ClickHouse.DSN, Cluster: c.ClickHouse.Cluster, Logger: log})
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
	if there, err := serviceEngine(ctx, c, dial); err != nil {
		return nil, nil, err
	} else if !there {
		if stop, err = startEngine(ctx, c, log); err != nil {
			return nil, nil, err
		}
	}
	s, err := store.Open(store.Options{Dial: dial, Logger: log})
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return s, func() error { return errors.Join(s.Close(), stop()) }, nil
}

// serviceEngine reports whether an engine answers already. Where a service runs
// that is just starting its own, it waits for that.
func serviceEngine(ctx context.Context, c *Config, dial func(context.Context) (net.Conn, error)) (bool, error) {
	control, err := controlPath(c.DataDir)
	if err != nil {
		return false, err
	}
	for end := time.Now().Add(engineStart); ; {
		conn, err := dial(ctx)
		if err == nil {
			return true, conn.Close()
		}
		service, down := (&net.Dialer{}).DialContext(ctx, "unix", control)
		if down != nil {
			return false, ctx.Err()
		}
		service.Close()
		if time.Now().After(end) {
			return false, fmt.Errorf("the service that runs on %s has no ClickHouse for %v: its log says why: %w", c.DataDir, engineStart, err)
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startEngine starts an engine for this command alone. Without the library it
// cannot ever start, which is said at once.
func startEngine(ctx context.Context, c *Config, log *slog.Logger) (stop func() error, err error) {
	if _, err := engine.FindLibrary(""); err != nil {
		return nil, err
	}
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
	cfg, err := a.open()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, end, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	err = f(cfg, s)
	if store.NoDatabase(err) {
		err = fmt.Errorf("%w\n%s", err, cfg.whereNothingIs())
	}
	return errors.Join(err, end())
}

// whereNothingIs says why there may be no tables, and where they may be instead.
func (c *Config) whereNothingIs() string {
	if !c.ClickHouse.Embedded() {
		return "kunji: nothing was kept there yet: kunji migrate makes the tables, and so does serve"
	}
	text := fmt.Sprintf("kunji: nothing was kept in %s yet: is %s the configuration of the service that you mean?", c.DataDir, c.Path)
	demo := filepath.Join(c.DataDir, "demo")
	if _, err := os.Stat(filepath.Join(demo, filepath.Base(c.engineDir()))); err == nil {
		text += " The demo's is in " + demo + ": put KUNJI_DATA_DIR=" + demo + " before the command"
	}
	return text
}
