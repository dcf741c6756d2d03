package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// told is what callers were told: which records were answered for, and how far
// the reader was told that its acknowledgement is kept.
type told struct {
	answered  []string
	delivered []string // read by the reader before it asked to acknowledge
	asked     Seq      // Ack was called for it
	acked     Seq      // and returned
}

type ledger struct {
	mu sync.Mutex
	told
}

func (l *ledger) snapshot() told {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.told
	c.answered, c.delivered = slices.Clone(c.answered), slices.Clone(c.delivered)
	return c
}

// load runs writers and a reader until stop is closed.
func (l *ledger) load(s *Spool) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-quit:
					return
				default:
				}
				batch := make([][]byte, 1+(n+w)%3)
				for i := range batch {
					batch[i] = fmt.Appendf(nil, "w%d-%06d-%d %s", w, n, i, strings.Repeat("y", (n*37+i)%400))
				}
				if s.AppendMarked(groupMarks(batch), batch...) != nil {
					return
				}
				l.mu.Lock()
				for _, b := range batch {
					l.answered = append(l.answered, string(b))
				}
				l.mu.Unlock()
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { l.read(ctx, s) })
	return func() { close(quit); cancel(); wg.Wait() }
}

// read is a reader that puts a manifest and acknowledges it, batch by batch.
func (l *ledger) read(ctx context.Context, s *Spool) {
	for {
		records, err := s.Next(ctx, s.Cursor(), Limits{Records: 8})
		if err != nil {
			return
		}
		last := records[len(records)-1].Seq
		m := fmt.Appendf(nil, "%d %d", records[0].Seq, last)
		if s.PutManifest(m) != nil {
			return
		}
		l.mu.Lock()
		l.asked = last
		for _, r := range records {
			l.delivered = append(l.delivered, string(r.Payload))
		}
		l.mu.Unlock()
		if s.AckMarked(last, Mark{Space: ackSpace, Value: fmt.Append(nil, last)}) != nil {
			return
		}
		l.mu.Lock()
		l.acked = last
		l.mu.Unlock()
	}
}

// TestCrash_AnsweredIsStored stops the machine at random moments, with none, some
// or all of what was not synced on the disk, and compares what a new start finds
// with what was answered.
func TestCrash_AnsweredIsStored(t *testing.T) {
	t.Parallel()
	const runs, clones = 20, 10
	salvages := 0
	for run := range uint64(runs) {
		fs := vfs.NewCrashableMem()
		o := Options{Dir: "q", FS: fs, Seal: run%2 == 1, Key: keyFrom("a")}
		s := openAt(t, o)
		var l ledger
		stop := l.load(s)
		type moment struct {
			fs            *vfs.MemFS
			before, after told
		}
		var moments []moment
		for c := range uint64(clones) {
			rng := rand.New(rand.NewPCG(run, c))
			target := s.count.groups.Load() + 1 + rng.Uint64N(6)
			for s.count.groups.Load() < target { // let work go on
				runtime.Gosched()
			}
			m := moment{before: l.snapshot()}
			m.fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 30, 70, 100}[rng.IntN(5)], RNG: rng})
			m.after = l.snapshot()
			moments = append(moments, m)
		}
		stop()
		for i, m := range moments {
			name := fmt.Sprintf("run %d, crash %d", run, i)
			again, err := Open(Options{Dir: "q", FS: m.fs, Key: o.Key})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkAfterCrash(t, name, again, m.before, m.after)
			if again.Stats().Stored > positionsLeftOut {
				salvages++
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
	// The model loses directory entries in any order, which can cost Pebble its
	// manifest; a torn log alone must never look like damage.
	if salvages > runs*clones/20 {
		t.Errorf("%d of %d ordinary crashes were taken for damage", salvages, runs*clones)
	}
}

// checkAfterCrash compares a spool opened after a crash with what callers had been
// told just before it and just after.
func checkAfterCrash(t *testing.T, name string, s *Spool, before, after told) {
	t.Helper()
	cursor := s.Cursor()
	if cursor < before.acked {
		t.Errorf("%s: cursor %d fell behind the acknowledged %d", name, cursor, before.acked)
	}
	if cursor > after.asked {
		t.Errorf("%s: cursor %d is beyond all that was acknowledged, %d", name, cursor, after.asked)
	}
	if stored := s.Stats().Stored; stored < before.asked {
		t.Errorf("%s: the reader saw record %d, but only %d are stored", name, before.asked, stored)
	}
	records := drain(t, s, 0)
	there := make(map[string]int, len(records))
	for i, r := range records {
		if r.Seq <= cursor || i > 0 && r.Seq != records[i-1].Seq+1 {
			t.Fatalf("%s: position %d at place %d, cursor %d", name, r.Seq, i, cursor)
		}
		there[string(r.Payload)]++
	}
	checkOrder(t, name, records)
	sent := make(map[string]bool, len(after.delivered))
	for _, d := range after.delivered {
		sent[d] = true
	}
	for _, a := range before.answered {
		if there[a] == 0 && !sent[a] {
			t.Fatalf("%s: %.14q was answered for and is lost", name, a)
		}
	}
	for p, n := range there {
		if n > 1 {
			t.Errorf("%s: %.14q is stored %d times", name, p, n)
		}
	}
	checkManifest(t, name, s, cursor)
	checkMarks(t, name, s, records, before.answered, after.delivered)
	if st := s.Stats(); st.Depth != uint64(len(records)) || (len(records) == 0) != (st.Bytes == 0) {
		t.Errorf("%s: depth %d, %d bytes, with %d records", name, st.Depth, st.Bytes, len(records))
	}
}

// checkManifest wants the manifest to start right behind the cursor: it is put
// after the cursor moved and goes with its next move.
func checkManifest(t *testing.T, name string, s *Spool, cursor Seq) {
	t.Helper()
	m, ok := s.Manifest()
	if !ok {
		return
	}
	first, _, _ := strings.Cut(string(m), " ")
	if n, err := strconv.Atoi(first); err != nil || Seq(n) != cursor+1 {
		t.Errorf("%s: manifest %q with the cursor at %d", name, m, cursor)
	}
}

// checkOrder wants each writer's records in the order it wrote them.
func checkOrder(t *testing.T, name string, records []Record) {
	t.Helper()
	last := map[string]string{}
	for _, r := range records {
		writer, rest, _ := strings.Cut(string(r.Payload), "-")
		n, _, _ := strings.Cut(rest, " ")
		if n <= last[writer] {
			t.Fatalf("%s: %s-%s comes after %s", name, writer, n, last[writer])
		}
		last[writer] = n
	}
}

// TestCrash_WhileMaking stops the machine at each operation of the file system
// while the queue is being made and first used.
func TestCrash_WhileMaking(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	type moment struct {
		fs       *vfs.MemFS
		answered int64
	}
	var moments []moment
	var answered atomic.Int64
	watched := eachOperation(fs, func() {
		step := uint64(len(moments))
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[step%3], RNG: rand.New(rand.NewPCG(step, 0))}
		n := answered.Load()
		moments = append(moments, moment{fs: fs.CrashClone(cfg), answered: n})
	})
	s, err := Open(Options{Dir: "q", FS: watched})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		appendN(t, s, i+1, 1)
		answered.Add(1)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(moments) < 50 {
		t.Fatalf("only %d operations seen", len(moments))
	}
	for i, m := range moments {
		again, err := Open(Options{Dir: "q", FS: m.fs})
		if err != nil {
			t.Fatalf("after operation %d: %v", i, err)
		}
		records := drain(t, again, 0)
		if int64(len(records)) < m.answered {
			t.Fatalf("after operation %d: %d records of %d answered", i, len(records), m.answered)
		}
		wantPayloads(t, records, 1, len(records))
		appendN(t, again, 4, 1)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
