package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// runChild starts a child and returns how it ended. When ctx ends it lets the
// child end by itself.
func (s *Supervisor) runChild(ctx context.Context) error {
	options, err := json.Marshal(s.o.Engine)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	cmd := exec.Command(s.o.Executable, s.o.Args...) //nolint:gosec // the caller's own program
	cmd.Env = append(os.Environ(), s.o.Env...)
	// A group of its own: Ctrl-C at a terminal must not end the engine before
	// its parent has drained.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lines := &lineWriter{log: s.log}
	cmd.Stdout, cmd.Stderr = lines, lines
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("engine: start %s: %w", s.o.Executable, err)
	}
	s.set(func(st *State) { st.PID = cmd.Process.Pid })
	exited := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(ctx, cmd.Process, stdin, exited)
	}()
	_, writeErr := stdin.Write(append(options, '\n')) // fails when the child died already
	err = cmd.Wait()
	close(exited)
	<-watched
	lines.close()
	s.set(func(st *State) { st.PID, st.Ready, st.Since = 0, false, time.Now() })
	if err == nil {
		err = errors.New("exit status 0")
	}
	return errors.Join(lastLine(lines.failure, err), writeErr)
}

// lastLine adds the child's own words to how it ended.
func lastLine(text string, exit error) error {
	if text == "" {
		return exit
	}
	return fmt.Errorf("%w: %s", exit, text)
}

// pingEvery is how often the child is asked whether it answers: often until it
// does for the first time.
const (
	pingEvery   = 2 * time.Second
	pingFirst   = 20 * time.Millisecond
	pingTimeout = 5 * time.Second
	startTime   = 10 * time.Minute
)

// endTime is how long a child may take to end after it was told to: Main's own
// limits, and some more.
const endTime = drainTime + 2*killTime + 5*time.Second

// watch asks the child for its health until it has exited. It kills one that
// does not answer for long, and one that does not end after ctx has.
func (s *Supervisor) watch(ctx context.Context, child *os.Process, stdin io.Closer, exited <-chan struct{}) {
	defer func() { _ = stdin.Close() }() // closed twice at times
	client := pingClient(s.Dial, min(pingTimeout, s.o.Unhealthy))
	defer client.CloseIdleConnections()
	lastAnswer := time.Now()
	ready := false
	for {
		every := pingFirst
		if ready {
			every = min(pingEvery, s.o.Unhealthy/4)
		}
		select {
		case <-exited:
			return
		case <-ctx.Done():
			s.endChild(child, stdin, exited)
			return
		case <-time.After(every):
		}
		if ping(client) {
			lastAnswer = time.Now()
			if !ready {
				ready = true
				s.set(func(st *State) { st.Ready, st.Since = true, lastAnswer })
			}
		} else if limit := s.silence(ready); time.Since(lastAnswer) > limit {
			s.log.Error("engine does not answer, killing it", "seconds", int(time.Since(lastAnswer).Seconds()))
			_ = child.Kill() // it may have exited by now
		}
	}
}

// silence is how long the child may go without an answer. A start may take
// long: the library reads every part of every table.
func (s *Supervisor) silence(ready bool) time.Duration {
	if ready {
		return s.o.Unhealthy
	}
	return startTime
}

// endChild closes the child's stdin, and kills it if that is not enough.
func (s *Supervisor) endChild(child *os.Process, stdin io.Closer, exited <-chan struct{}) {
	_ = stdin.Close()
	select {
	case <-exited:
	case <-time.After(endTime):
		s.log.Error("engine did not end, killing it", "seconds", int(endTime.Seconds()))
		_ = child.Kill()
	}
}
