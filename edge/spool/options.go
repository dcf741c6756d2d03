package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Seq is the position of a record in the queue, from 1. It is never reused.
type Seq uint64

// Record is one payload with its position.
type Record struct {
	Seq     Seq
	Payload []byte
}

// Limits bound what one call of Next returns. Zero means the default. A group is
// never split: one that alone exceeds the limits is returned alone.
type Limits struct {
	Records int // default 10,000
	Bytes   int // default 8 MiB
}

// Options say where the spool is and how large it may get.
type Options struct {
	// Dir holds the database. It is made if missing, readable by its owner only.
	Dir string
	// MaxBytes bounds the bytes waiting and set aside, before compression; beyond it
	// Append answers ErrFull. Default 10 GiB. What people state has a reserve above it.
	MaxBytes int64
	// MinFree is what has to stay free on the disk: with less, Append answers ErrFull
	// instead of running into a failed write. Default 256 MiB; negative: not looked at.
	// What people state may take half of it.
	MinFree int64
	// KeepAside is how long set-aside records are kept. Default 30 days.
	KeepAside time.Duration
	// Seal has records sealed before they reach the disk. Key must be set; without
	// Seal it opens those that were sealed before.
	Seal bool
	// Key returns the 32 bytes that seal the records of a day (UTC, days since 1970):
	// always the same ones for the same day.
	Key func(day uint32) []byte
	// FS is the file system; nil is the disk. Fault injection stands here.
	FS vfs.FS
	// Logger takes what the operator has to know; nil discards it. Payloads are never
	// logged.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Fatal is called when the disk failed in a way after which nothing may be
	// answered any more (a write or sync of the log, a broken invariant of Pebble). It
	// must not return: nil writes the message to standard error and ends the process
	// with code 1. Should it return, the spool panics. A test may leave its goroutine
	// with runtime.Goexit, after which the spool answers ErrFailed.
	Fatal func(message string)
}

// withDefaults returns the options completed, or what is wrong with them.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("spool: Options.Dir is empty: name the directory of the queue")
	}
	if o.MaxBytes < 0 || o.KeepAside < 0 {
		return o, fmt.Errorf("spool: MaxBytes %d and KeepAside %v must not be negative", o.MaxBytes, o.KeepAside)
	}
	if o.Seal && o.Key == nil {
		return o, errors.New("spool: Options.Seal needs Options.Key")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 10 << 30
	}
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	if o.KeepAside == 0 {
		o.KeepAside = 30 * 24 * time.Hour
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fatal == nil {
		o.Fatal = endProcess
	}
	return o, nil
}

// Bounds of the reserve: some hundred statements, and some hundred thousand.
const (
	minReserve = 64 << 10
	maxReserve = 64 << 20
)

// reserve is how many bytes above MaxBytes are left to what people state.
func (o Options) reserve() int64 { return min(max(o.MaxBytes/16, minReserve), maxReserve) }

// leastFree is what has to stay free on the disk whatever comes.
func (o Options) leastFree() uint64 { return uint64(max(0, o.MinFree) / 2) }

func endProcess(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}

// Errors of the spool. ErrFull comes as a *FullError.
var (
	ErrClosed   = errors.New("spool: closed")
	ErrFull     = errors.New("spool: full")
	ErrFailed   = errors.New("spool: the disk failed, nothing is kept any more: restart the process")
	ErrTooLarge = errors.New("spool: records too large")
)

// FullError says that no record was kept because there is no room.
type FullError struct {
	RetryAfter time.Duration // when asking again makes sense
	Reason     string        // which bound was reached
}

func (e *FullError) Error() string { return "spool: full: " + e.Reason }

// Is makes errors.Is(err, ErrFull) true.
func (e *FullError) Is(target error) bool { return target == ErrFull }
