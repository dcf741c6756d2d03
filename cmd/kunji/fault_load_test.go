package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faults is a service under load to which things happen.
type faults struct {
	in      *installation
	service *running
	load    *load
	events  int // to be answered in all, at least
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
	for n := range faultWorkers {
		f.workers.Go(func() { f.work(n) })
	}
	f.workers.Go(f.watch)
	return f
}

// fault lets a fault happen at a random moment under load, once the service has
// got over the one before.
func (f *faults) fault(name string, happen func()) {
	f.in.t.Helper()
	f.in.eventually("the fault before is over", func() error {
		failing, err := f.in.metric("kunji_ship_failing_seconds")
		waiting, err2 := f.in.metric("kunji_spool_bytes")
		ready, err3 := f.in.metric("kunji_clickhouse_ready")
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		if failing > 0 || waiting > faultSpool/2 || ready == 0 {
			return fmt.Errorf("failing for %.1f s, %.0f bytes wait, ready %.0f", failing, waiting, ready)
		}
		return nil
	})
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

// work sends batches of one visitor until the end. A batch without an answer is
// sent again with the same ids, as the script does, however long it takes.
func (f *faults) work(n int) {
	v := &visitor{in: f.in, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}}
	defer v.client.CloseIdleConnections()
	f.untilTrue(func() bool {
		status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`)
		return err == nil && status == http.StatusOK
	})
	// About four seconds a fault, at an even pace.
	pace := time.Duration(f.planned*4) * time.Second * faultWorkers * batchSize / time.Duration(f.events)
	for batch := 0; ; batch++ {
		ids := make([]string, batchSize)
		events := make([]string, batchSize)
		for i := range ids {
			ids[i] = fmt.Sprintf("w%d-%d-%d", n, batch, i)
			events[i] = fmt.Sprintf(`{"kind":"click","id":"%s","url":"http://%s/shop/"}`, ids[i], f.in.edge)
			f.load.note(f.load.sent, ids[i])
		}
		body := `{"site":"shop","events":[` + strings.Join(events, ",") + "]}"
		if !f.untilTrue(func() bool { return v.recorded(body) == batchSize }) {
			return
		}
		for _, id := range ids {
			f.load.note(f.load.answered, id)
		}
		if !f.rush.Load() {
			time.Sleep(pace)
		}
	}
}

// untilTrue repeats what is not true yet; false at the end.
func (f *faults) untilTrue(what func() bool) bool {
	for {
		select {
		case <-f.stop:
			return false
		default:
		}
		if what() {
			return true
		}
		time.Sleep(50 * time.Millisecond)
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
