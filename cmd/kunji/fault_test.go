package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// TestFaults runs the service under load while a server, the network before
// it, the embedded engine and the service itself fail, ten faults and 50,000
// events in all: nothing that was answered as recorded is lost or doubled.
func TestFaults(t *testing.T) {
	t.Run("server", func(t *testing.T) { serverFaults(t, 1, 38_000) })
	t.Run("embedded", func(t *testing.T) { embeddedFaults(t, 1, 12_000) })
}

// Bounds of what a service may take while ClickHouse is away. The program
// under test is built like the test, with the race detector where that is.
const (
	faultSpool  = 2 << 20 // spool.max_bytes: small enough to fill up
	faultMemory = 1 << 30
	faultEngine = 1 << 30
	faultDisk   = 256 << 20
)

// serverFaults are those of a server and of the network before it.
func serverFaults(t *testing.T, rounds, events int) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	server := startServer(t, in, library)
	network := newFaultyStore(t, server.Dial)
	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=http://"+network.addr+"/kunji", "KUNJI_SPOOL_MAX_BYTES="+strconv.Itoa(faultSpool), "KUNJI_SPOOL_ENCRYPT=true")

	f := newFaults(in, events, rounds*8)
	f.fault("refused for good, replayed by an operator", func() {
		network.strike(in, refusing, 1)
		in.eventually("the batch is set aside", func() error {
			if list := in.kunji("spool", "list"); !strings.Contains(list, "349") {
				return fmt.Errorf("kunji spool list: %s", list)
			}
			return nil
		})
		if said := in.kunji("spool", "replay"); !strings.Contains(said, "in the queue again") {
			t.Errorf("kunji spool replay: %s", said)
		}
	})
	for range rounds {
		f.fault("cut mid-insert", func() { network.strike(in, cutMid, 2) })
		f.fault("answer lost", func() { network.strike(in, answerCut, 2) })
		f.fault("error after the insert", func() { network.strike(in, answerBad, 2) })
		f.fault("slow", func() { network.strike(in, slow, 1) })
		f.fault("server killed", func() { signalWhile(in, func() int { return processOf(in, server) }, syscall.SIGKILL, 0, 0) })
		f.fault("server stands still", func() {
			signalWhile(in, func() int { return processOf(in, server) }, syscall.SIGSTOP, syscall.SIGCONT, 3*time.Second)
		})
		f.fault("edge killed", f.crash)
		f.fault("unreachable until the spool is full, over a restart", func() { f.outage(network) })
	}
	f.end(t)
	if rss := server.State().RSS; rss > faultEngine {
		t.Errorf("ClickHouse holds %d MiB", rss>>20)
	}
}

// startServer runs ClickHouse beside the service, as a server would.
func startServer(t testing.TB, in *installation, library string) *engine.Supervisor {
	s, err := engine.Start(t.Context(), engine.SupervisorOptions{
		Executable: in.exe, Args: []string{"engine"},
		Engine: engine.Options{Dir: filepath.Join(in.dir, "server"), Library: library},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// processOf is the server's process, as soon as one runs.
func processOf(in *installation, server *engine.Supervisor) (pid int) {
	in.t.Helper()
	in.eventually("the server runs", func() error {
		if pid = server.State().PID; pid == 0 {
			return errors.New("it is being started again")
		}
		return nil
	})
	return pid
}

// embeddedFaults are those of the engine inside the service.
func embeddedFaults(t *testing.T, rounds, events int) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	in.env = append(in.env, "KUNJI_SPOOL_MAX_BYTES="+strconv.Itoa(faultSpool))
	f := newFaults(in, events, rounds*4)
	for range rounds {
		f.fault("engine killed", func() { signalWhile(in, f.service.engine, syscall.SIGKILL, 0, 0) })
		f.fault("engine stands still", func() { signalWhile(in, f.service.engine, syscall.SIGSTOP, syscall.SIGCONT, 3*time.Second) })
		f.fault("edge killed, its engine not", func() {
			_ = f.service.cmd.Process.Kill()
			<-f.service.ended
			f.service = in.start("serve")
		})
		f.fault("all killed", f.crash)
	}
	f.end(t)
}

// signalWhile sends a signal and, where there is a second one, that later. A
// process that ended in between took neither: it is tried on its successor.
func signalWhile(in *installation, process func() int, first, second syscall.Signal, pause time.Duration) {
	in.t.Helper()
	in.eventually("the process takes a signal", func() error {
		pid := process()
		if err := syscall.Kill(pid, first); err != nil || second == 0 {
			return err
		}
		time.Sleep(pause)
		return syscall.Kill(pid, second)
	})
}

// engine finds the service's child.
func (r *running) engine() (pid int) {
	r.in.t.Helper()
	r.in.eventually("the engine runs", func() error {
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range stats {
			b, err := os.ReadFile(path)
			if err != nil {
				continue // it ended
			}
			// pid (name) state ppid …; a name may hold spaces
			fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
			if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(r.cmd.Process.Pid) {
				pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path)))
				return err
			}
		}
		return errors.New("it has no child")
	})
	return pid
}
