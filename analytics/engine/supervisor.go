package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// SupervisorOptions tells a Supervisor which process to start, and with what.
type SupervisorOptions struct {
	Executable string   // the program; "" is this one
	Args       []string // its arguments, which lead it to Child: "engine"
	Env        []string // added to this process's environment
	Engine     Options  // given to the child; an empty Socket becomes SocketPath(Dir)
	Logger     *slog.Logger

	MinBackoff  time.Duration // the pause before the first restart; 0 is 250 ms
	MaxBackoff  time.Duration // the longest pause; 0 is 30 s
	StableAfter time.Duration // after so long without a restart the pause is short again; 0 is 1 min
	Unhealthy   time.Duration // a child that has not answered /ping for so long is killed; 0 is 60 s
}

// Supervisor keeps an engine running in a process of its own.
type Supervisor struct {
	o      SupervisorOptions
	log    *slog.Logger
	cancel context.CancelFunc // ends the keeping
	ended  chan struct{}      // closed when nothing runs any more

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed and replaced when state changes
}

// State is what the supervisor knows about its child.
type State struct {
	Ready    bool      // the child answers
	PID      int       // 0 while none runs
	Since    time.Time // since when it has been ready, or not
	Restarts int       // how often a child was started again
	RSS      int64     // resident memory of the child in bytes; 0 where unknown
	LastExit string    // how the last child ended; "" while the first runs
}

// Start starts an engine and keeps it running until Close. It does not wait
// for it: Wait does. ctx bounds nothing but the start.
func Start(ctx context.Context, o SupervisorOptions) (*Supervisor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	keep, cancel := context.WithCancel(context.Background())
	s := &Supervisor{
		o: o, log: o.Logger, cancel: cancel, ended: make(chan struct{}), changed: make(chan struct{}),
		state: State{Since: time.Now()},
	}
	go s.keep(keep)
	return s, nil
}

// fill checks the options and puts the defaults in.
func (o *SupervisorOptions) fill() error {
	if o.Engine.Dir == "" {
		return errors.New("engine: SupervisorOptions.Engine.Dir is empty")
	}
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("engine: find this program: %w", err)
		}
		o.Executable = exe
	}
	if o.Engine.Socket == "" {
		path, err := SocketPath(o.Engine.Dir)
		if err != nil {
			return err
		}
		o.Engine.Socket = path
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.MinBackoff, 250 * time.Millisecond},
		{&o.MaxBackoff, 30 * time.Second},
		{&o.StableAfter, time.Minute},
		{&o.Unhealthy, time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	return nil
}

// keep runs one child after the other until ctx ends.
func (s *Supervisor) keep(ctx context.Context) {
	defer close(s.ended)
	pause := s.o.MinBackoff
	for {
		started := time.Now()
		err := s.runChild(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) >= s.o.StableAfter {
			pause = s.o.MinBackoff
		}
		s.log.Error("engine ended, starting it again", "exit", err.Error(), "pause", pause.String())
		s.set(func(st *State) { st.LastExit = err.Error() })
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, s.o.MaxBackoff)
		s.set(func(st *State) { st.Restarts++ })
	}
}

// set changes the state and wakes those who wait for it.
func (s *Supervisor) set(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
	close(s.changed)
	s.changed = make(chan struct{})
}

// Dial connects to the engine's socket; it is the DialContext of a driver. It
// fails at once while the engine is away.
func (s *Supervisor) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", s.o.Engine.Socket)
	if err != nil {
		return nil, fmt.Errorf("engine: not reachable: %w", err)
	}
	return c, nil
}

// Ready reports whether the engine answers.
func (s *Supervisor) Ready() bool { return s.State().Ready }

// Wait returns nil once the engine answers, or ctx's error with how the last
// child ended.
func (s *Supervisor) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		state, changed := s.state, s.changed
		s.mu.Unlock()
		if state.Ready {
			return nil
		}
		select {
		case <-changed:
		case <-s.ended:
			return errors.New("engine: closed")
		case <-ctx.Done():
			if state.LastExit != "" {
				return fmt.Errorf("engine: not ready: %w; the last try ended with: %s", ctx.Err(), state.LastExit)
			}
			return fmt.Errorf("engine: not ready: %w", ctx.Err())
		}
	}
}

// State returns what is known about the child now.
func (s *Supervisor) State() State {
	s.mu.Lock()
	st := s.state
	s.mu.Unlock()
	st.RSS = residentBytes(st.PID)
	return st
}

// Close ends the engine: running statements may finish within the drain time
// of Main. When ctx ends first the child is killed, which loses nothing that
// was answered.
func (s *Supervisor) Close(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
	}
	if pid := s.State().PID; pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("engine: kill %d: %w", pid, err)
		}
	}
	<-s.ended
	return nil
}
