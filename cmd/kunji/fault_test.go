package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// TestSoakFaults is the same for a long time: at least 50 faults and a
// million events.
func TestSoakFaults(t *testing.T) {
	if os.Getenv("KUNJI_SOAK") == "" {
		t.Skip("only in make soak")
	}
	t.Run("server", func(t *testing.T) { serverFaults(t, 6, 700_000) })
	t.Run("embedded", func(t *testing.T) { embeddedFaults(t, 6, 300_000) })
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
	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=http://"+network.addr+"/kunji", "KUNJI_SPOOL_MAX_BYTES="+strconv.Itoa(faultSpool))

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
		f.fault("server killed", func() { signalWhile(t, processOf(in, server), syscall.SIGKILL, 0, 0) })
		f.fault("server stands still", func() { signalWhile(t, processOf(in, server), syscall.SIGSTOP, syscall.SIGCONT, 3*time.Second) })
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
		f.fault("engine killed", func() { signalWhile(t, f.service.engine(), syscall.SIGKILL, 0, 0) })
		f.fault("engine stands still", func() { signalWhile(t, f.service.engine(), syscall.SIGSTOP, syscall.SIGCONT, 3*time.Second) })
		f.fault("edge killed, its engine not", func() {
			_ = f.service.cmd.Process.Kill()
			<-f.service.ended
			f.service = in.start("serve")
		})
		f.fault("all killed", f.crash)
	}
	f.end(t)
}

// signalWhile sends a signal and, where there is a second one, that later.
func signalWhile(t testing.TB, pid int, first, second syscall.Signal, pause time.Duration) {
	t.Helper()
	if err := syscall.Kill(pid, first); err != nil {
		t.Error(err)
	}
	if second != 0 {
		time.Sleep(pause)
		if err := syscall.Kill(pid, second); err != nil {
			t.Error(err)
		}
	}
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

// faults is a service under load to which things happen.
type faults struct {
	in      *installation
	service *running
	load    *load
	events  int // to send in all
	planned int // faults
	done    int
	rush    atomic.Bool // faults are over: send the rest as fast as it goes
	stop    chan struct{}
	workers sync.WaitGroup

	memory, waiting, disk float64 // the most that was seen
}

const faultWorkers = 8

func newFaults(in *installation, events, planned int) *faults {
	f := &faults{
		in: in, events: events, planned: planned, stop: make(chan struct{}),
		load: &load{in: in, answered: map[string]bool{}, sent: map[string]bool{}},
	}
	f.service = in.start("serve")
	var next atomic.Int64
	for n := range faultWorkers {
		f.workers.Go(func() { f.work(n, &next) })
	}
	f.workers.Go(f.watch)
	return f
}

// fault lets a fault happen at a random moment under load.
func (f *faults) fault(name string, happen func()) {
	began := time.Now()
	time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
	happen()
	f.done++
	f.in.t.Logf("%s: %.1f s, %d events answered so far", name, time.Since(began).Seconds(), f.load.count())
}

// crash kills the service with all its processes and starts it again.
func (f *faults) crash() {
	f.service.kill()
	f.service = f.in.start("serve")
}

// outage takes ClickHouse away until hits are answered 503, lets the service
// end and start meanwhile, and brings it back.
func (f *faults) outage(network *faultyStore) {
	network.goAway()
	f.rush.Store(true)
	f.in.eventually("the spool is full and says so", func() error {
		if full, err := f.in.metric("kunji_spool_full"); err != nil || full == 0 {
			return fmt.Errorf("kunji_spool_full is %v, %v", full, err)
		}
		if f.in.ok("http://"+f.in.ops+"/readyz") == nil {
			return errors.New("/readyz says that all is well")
		}
		return nil
	})
	f.rush.Store(false)
	f.service.end()
	f.service = f.in.start("serve")
	network.comeBack()
	f.in.eventually("there is room again", func() error {
		if full, err := f.in.metric("kunji_spool_full"); err != nil || full == 1 {
			return fmt.Errorf("kunji_spool_full is %v, %v", full, err)
		}
		return nil
	})
}

// end sends what is left, waits until everything is shipped, and checks.
func (f *faults) end(t *testing.T) {
	t.Helper()
	f.rush.Store(true)
	f.in.eventually("all events are answered", func() error {
		if n := f.load.count(); n < f.events {
			return fmt.Errorf("%d of %d", n, f.events)
		}
		return nil
	})
	close(f.stop)
	f.workers.Wait()
	f.in.shipped()
	f.load.check(t)
	t.Logf("%d faults; at most %.0f MiB of memory, %.1f MiB waiting, %.0f MiB of spool on disk", f.done, f.memory/(1<<20), f.waiting/(1<<20), f.disk/(1<<20))
	if f.memory > faultMemory || f.waiting > faultSpool || f.disk > faultDisk {
		t.Errorf("memory %.0f, waiting %.0f, disk %.0f bytes: more than %d, %d and %d", f.memory, f.waiting, f.disk, faultMemory, faultSpool, faultDisk)
	}
	if f.done < f.planned {
		t.Errorf("%d faults of %d happened", f.done, f.planned)
	}
	f.service.end()
}

// watch notes what the service takes.
func (f *faults) watch() {
	for {
		select {
		case <-f.stop:
			return
		case <-time.After(200 * time.Millisecond):
		}
		for name, most := range map[string]*float64{
			"process_resident_memory_bytes": &f.memory, "kunji_spool_bytes": &f.waiting, "kunji_spool_disk_bytes": &f.disk,
		} {
			if n, err := f.in.metric(name); err == nil {
				*most = max(*most, n)
			} // it may be down
		}
	}
}

// batchSize is the most that one request may carry.
const batchSize = 50

// work sends batches of one visitor until all are sent. A batch without an
// answer is sent again with the same ids, as the script does, however long it
// takes.
func (f *faults) work(n int, next *atomic.Int64) {
	v := &visitor{in: f.in, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}}
	defer v.client.CloseIdleConnections()
	f.untilTrue(func() bool {
		status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`)
		return err == nil && status == http.StatusOK
	})
	// About three seconds a fault, at an even pace.
	pace := time.Duration(f.planned*3) * time.Second * faultWorkers * batchSize / time.Duration(f.events)
	for next.Add(batchSize) <= int64(f.events)+batchSize-1 {
		name := fmt.Sprintf("w%d-%d", n, next.Load())
		ids := make([]string, batchSize)
		var body strings.Builder
		body.WriteString(`{"site":"shop","events":[`)
		for i := range ids {
			ids[i] = fmt.Sprintf("%s-%d-%d", name, rand.Uint64(), i)
			f.load.note(f.load.sent, ids[i])
			fmt.Fprintf(&body, `%s{"kind":"click","id":"%s","url":"http://%s/shop/"}`, map[bool]string{true: ","}[i > 0], ids[i], f.in.edge)
		}
		body.WriteString("]}")
		f.untilTrue(func() bool { return v.recorded(body.String()) == batchSize })
		for _, id := range ids {
			f.load.note(f.load.answered, id)
		}
		if !f.rush.Load() {
			time.Sleep(pace)
		}
	}
}

// untilTrue repeats what is not true yet, until the faults are over.
func (f *faults) untilTrue(what func() bool) {
	for !what() {
		select {
		case <-f.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// recorded posts events and returns how many were answered as recorded.
func (v *visitor) recorded(body string) int {
	req, err := http.NewRequest("POST", "http://"+v.in.edge+"/v1/events", strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Origin", "http://"+v.in.edge)
	req.Header.Set("User-Agent", testAgent)
	req.Header.Set("Cookie", strings.Join(v.cookies, "; "))
	resp, err := v.client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var answer struct{ Recorded int }
	if json.NewDecoder(resp.Body).Decode(&answer) != nil || resp.StatusCode != http.StatusAccepted {
		return 0
	}
	for _, c := range resp.Cookies() {
		v.keep(c)
	}
	return answer.Recorded
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered)
}
