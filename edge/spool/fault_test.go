package spool

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// eachOperation calls before in front of every operation that changes the file
// system.
func eachOperation(fs vfs.FS, before func()) vfs.FS {
	var mu sync.Mutex
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			before()
		}
		return nil
	}))
}

// endGoroutine stands for the end of the process: nothing behind Fatal runs.
func endGoroutine(fatal *atomic.Pointer[string]) func(string) {
	return func(message string) {
		fatal.Store(&message)
		runtime.Goexit()
	}
}

// TestDisk_FailureIsNeverAnswered makes the log's writes or syncs fail from some
// moment on, and wants that no record is answered for that a new start does not
// find.
func TestDisk_FailureIsNeverAnswered(t *testing.T) {
	for _, c := range []struct {
		kind errorfs.OpKind
		err  error
	}{
		{errorfs.OpFileSyncData, syscall.EIO},
		{errorfs.OpFileWrite, syscall.EIO},
		{errorfs.OpFileWrite, syscall.ENOSPC},
		{errorfs.OpFileSyncData, syscall.ENOSPC},
	} {
		for after := range 6 {
			t.Run(fmt.Sprintf("%v/%v/%d", c.kind, c.err, after), func(t *testing.T) {
				testDiskFailure(t, c.kind, c.err, after*3)
			})
		}
	}
}

func testDiskFailure(t *testing.T, kind errorfs.OpKind, fault error, after int) {
	mem := vfs.NewCrashableMem()
	var left atomic.Int64
	left.Store(1 << 40)
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && op.Kind == kind && left.Add(-1) < 0 {
			return fault
		}
		return nil
	}))
	var fatal atomic.Pointer[string]
	s, err := Open(Options{Dir: "q", FS: fs, Fatal: endGoroutine(&fatal)})
	if err != nil {
		t.Fatal(err)
	}
	left.Store(int64(after))
	answered := answeredUntilFailure(s)
	if fatal.Load() == nil {
		t.Fatal("the failure was not reported")
	}
	if st := s.Stats(); !st.Failed {
		t.Error("health does not show it")
	}
	if err := s.Append([]byte("later")); !errors.Is(err, ErrFailed) {
		t.Errorf("a later Append: %v", err)
	}
	again := openAt(t, Options{Dir: "q", FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	there := map[string]bool{}
	for _, r := range drain(t, again, 0) {
		there[string(r.Payload)] = true
	}
	for _, a := range answered {
		if !there[a] {
			t.Errorf("%q was answered for and is lost", a)
		}
	}
}

// answeredUntilFailure appends from several goroutines until each got an error, and
// returns what was answered for.
func answeredUntilFailure(s *Spool) (answered []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				p := fmt.Sprintf("w%d-%d", w, n)
				if s.Append([]byte(p)) != nil {
					return
				}
				mu.Lock()
				answered = append(answered, p)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return answered
}

// TestAppend_SharesSyncs wants far fewer syncs than records when many wait.
func TestAppend_SharesSyncs(t *testing.T) {
	slow := errorfs.Wrap(vfs.NewCrashableMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData && strings.HasSuffix(op.Path, ".log") {
			time.Sleep(time.Millisecond)
		}
		return nil
	}))
	s := openAt(t, Options{Dir: "q", FS: slow})
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { appendN(t, s, w*each, each) })
	}
	wg.Wait()
	if st := s.Stats(); st.Records != writers*each || st.Groups > st.Records/8 {
		t.Errorf("%d groups for %d records", st.Groups, st.Records)
	}
}

// TestAppend_ReusedBuffers appends from buffers that are overwritten as soon as
// Append returns; under -race a late read of one is reported, too.
func TestAppend_ReusedBuffers(t *testing.T) {
	s := openAt(t, inMemory())
	const writers, each = 16, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			buf := make([]byte, 0, 256)
			for n := range each {
				buf = append(buf[:0], strings.Repeat(fmt.Sprintf("%c%d|", 'a'+w, n), 8)...)
				if err := s.Append(buf[:len(buf)/2], buf[len(buf)/2:]); err != nil {
					t.Error(err)
				}
				for i := range buf {
					buf[i] = '!'
				}
			}
		})
	}
	wg.Wait()
	records := drain(t, s, 0)
	if len(records) != 2*writers*each {
		t.Fatalf("%d records", len(records))
	}
	for i := 0; i < len(records); i += 2 {
		a, b := string(records[i].Payload), string(records[i+1].Payload)
		one, _, _ := strings.Cut(a, "|")
		if a+b != strings.Repeat(one+"|", 8) {
			t.Fatalf("records %d and %d are %q and %q", records[i].Seq, records[i+1].Seq, a, b)
		}
	}
}
