package spool

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// faultSeeds is how many disks TestDisk_AnyFault breaks, each in its own way.
const faultSeeds = 240

// TestDisk_AnyFault breaks a disk at one moment of a queue's making and use: any
// operation that writes, on any file, with any error, once or for good. Then the machine stops, with none, some or all of
// what was not synced on the disk. What was answered for is there, once and in
// order; what was not may be.
func TestDisk_AnyFault(t *testing.T) {
	t.Parallel()
	hit, cut := 0, 0
	for seed := range uint64(faultSeeds) {
		d := &breaking{rng: rand.New(rand.NewPCG(seed, 5))}
		answered := d.run()
		if d.struck.Load() > 0 {
			hit++
		}
		if len(answered) < breakingWriters*breakingEach {
			cut++
		}
		checkBroken(t, fmt.Sprintf("seed %d (%s)", seed, d.said), d, answered)
	}
	if hit < faultSeeds/2 || cut < faultSeeds/8 {
		t.Errorf("of %d disks %d met their fault, and %d times somebody was not answered: the test does not see", faultSeeds, hit, cut)
	}
}

const breakingWriters, breakingEach = 3, 8

// breaking is a disk with one fault.
type breaking struct {
	rng    *rand.Rand
	mem    *vfs.MemFS
	struck atomic.Int64
	said   string
}

// run uses a queue on it, as far as that goes, and returns what was answered for.
func (d *breaking) run() (answered []string) {
	d.mem = vfs.NewCrashableMem()
	fault := []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS}[d.rng.IntN(3)]
	at, lasts := d.rng.Int64N(90), d.rng.IntN(2) == 0
	d.said = fmt.Sprintf("%v at operation %d, for good %v", fault, at, lasts)
	var operations atomic.Int64
	ended := make(chan struct{}) // the process, and with it whatever waits for the disk
	end := sync.OnceFunc(func() { close(ended) })
	fs := errorfs.Wrap(d.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		if n := operations.Add(1) - 1; n != at && (!lasts || n < at) {
			return nil
		}
		d.struck.Add(1)
		if op.Path == "q" { // the directory cannot be synced: Pebble panics
			end()
			select {}
		}
		return fault
	}))
	var l ledger
	through := make(chan struct{})
	go func() {
		defer close(through)
		s, err := Open(Options{Dir: "q", FS: fs, Fatal: func(string) { end(); runtime.Goexit() }})
		if err == nil {
			d.write(s, &l)
		}
	}()
	select {
	case <-through:
	case <-ended:
	}
	return l.snapshot().answered
}

// write appends from several goroutines until each is through, or got an error.
func (d *breaking) write(s *Spool, l *ledger) {
	var wg sync.WaitGroup
	for w := range breakingWriters {
		wg.Go(func() {
			for n := range breakingEach {
				p := fmt.Sprintf("w%d-%03d %s", w, n, strings.Repeat("y", 700*n))
				if s.Append([]byte(p)) != nil {
					return
				}
				l.mu.Lock()
				l.answered = append(l.answered, p)
				l.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// checkBroken starts again after the machine stopped, on a disk that is whole.
func checkBroken(t *testing.T, name string, d *breaking, answered []string) {
	t.Helper()
	disk := d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 40, 100}[d.rng.IntN(4)], RNG: d.rng})
	again, err := Open(Options{Dir: "q", FS: disk})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	there := map[string]int{}
	records := drain(t, again, 0)
	for _, r := range records {
		there[string(r.Payload)]++
	}
	for _, a := range answered {
		if there[a] != 1 {
			t.Errorf("%s: %.6q was answered for and is there %d times", name, a, there[a])
		}
	}
	checkOrder(t, name, records)
	if err := again.Close(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
