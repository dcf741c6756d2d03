package spool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// eachOf runs b.N operations on so many goroutines.
func eachOf(b *testing.B, goroutines int, op func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAppend appends records of 200 bytes, each answered only when on disk.
func BenchmarkAppend(b *testing.B) {
	record := make([]byte, 200)
	for _, n := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) {
			s := openAt(b, Options{Dir: filepath.Join(b.TempDir(), "q")})
			eachOf(b, n, func() error { return s.Append(record) })
			st := s.Stats()
			b.ReportMetric(float64(st.Records)/float64(st.Groups), "records/sync")
		})
	}
}

// BenchmarkBareFile is what the disk gives at best: the same records, one write and
// one fdatasync for all that wait.
func BenchmarkBareFile(b *testing.B) {
	record := make([]byte, 200)
	for _, n := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("goroutines=%d", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "log"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			q := newBareQueue(f)
			defer q.close()
			eachOf(b, n, func() error { return q.append(record) })
		})
	}
}

// bareQueue is a group commit onto a file: no format, no checksum, no way back.
type bareQueue struct {
	mu     sync.Mutex
	work   sync.Cond
	buf    []byte
	done   chan struct{}
	closed bool
}

func newBareQueue(f *os.File) *bareQueue {
	q := &bareQueue{done: make(chan struct{})}
	q.work.L = &q.mu
	go func() {
		var spare []byte
		for {
			q.mu.Lock()
			for len(q.buf) == 0 && !q.closed {
				q.work.Wait()
			}
			if q.closed {
				q.mu.Unlock()
				return
			}
			buf, done := q.buf, q.done
			q.buf, q.done = spare[:0], make(chan struct{})
			q.mu.Unlock()
			_, err := f.Write(buf)
			if err == nil {
				err = syscall.Fdatasync(int(f.Fd()))
			}
			if err != nil {
				panic(err)
			}
			spare = buf
			close(done)
		}
	}()
	return q
}

func (q *bareQueue) append(record []byte) error {
	q.mu.Lock()
	q.buf = append(q.buf, record...)
	done := q.done
	q.work.Signal()
	q.mu.Unlock()
	<-done
	return nil
}

func (q *bareQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.work.Signal()
}

// BenchmarkNext reads a backlog in batches and acknowledges them.
func BenchmarkNext(b *testing.B) {
	s := openAt(b, Options{Dir: filepath.Join(b.TempDir(), "q")})
	record := make([]byte, 200)
	const perGroup = 64
	batch := make([][]byte, perGroup)
	for i := range batch {
		batch[i] = record
	}
	for range b.N/perGroup + 1 {
		if err := s.Append(batch...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for read := 0; read < b.N; {
		records, err := s.Next(context.Background(), s.Cursor(), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		read += len(records)
		if err := s.Ack(records[len(records)-1].Seq); err != nil {
			b.Fatal(err)
		}
	}
}
