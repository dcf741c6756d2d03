package mail

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Letter is a mail that an Outbox sends: plain text to one address.
type Letter struct {
	Subject, Text string
	Until         time.Time // not sent after it: what it says is over then
}

// OutboxOptions are what an Outbox is made of.
type OutboxOptions struct {
	Dir string // is made where it is missing
	// Seal and Open encrypt letters on disk: a folder of mail addresses must tell
	// nobody who asked.
	Seal func(plain []byte) string
	Open func(sealed string) ([]byte, error)
	Send func(ctx context.Context, to string, l Letter) error
	// Retry is the pause after a first failure; it doubles up to sixteen times that.
	// Default 15 s.
	Retry  time.Duration
	Now    func() time.Time
	Logger *slog.Logger
}

// Outbox sends letters until their time is over, over failures of the server and
// restarts of the process. On disk a letter is a file, named at random,
//
//	<id>.letter    JSON {to, letter}, sealed by the key ring
//
// written under another name first, so that it is whole or absent. What cannot be
// opened, and what is over, is removed.
type Outbox struct {
	opts OutboxOptions
	wake chan struct{}
	mu   sync.Mutex
	due  map[string]attempt // by file name; one without is due now
}

type attempt struct {
	at    time.Time
	pause time.Duration
}

const letterSuffix = ".letter"

// maxLetters bounds the folder: nobody can fill a disk by asking.
const maxLetters = 10_000

// ErrOutboxFull says that too many letters wait.
var ErrOutboxFull = errors.New("too many letters wait for the mail server")

// OpenOutbox opens the folder. Run sends.
func OpenOutbox(o OutboxOptions) (*Outbox, error) {
	if o.Dir == "" || o.Seal == nil || o.Open == nil || o.Send == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("outbox: an option is missing")
	}
	if o.Retry <= 0 {
		o.Retry = 15 * time.Second
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Outbox{opts: o, wake: make(chan struct{}, 1), due: map[string]attempt{}}, nil
}

// sealedLetter is what a file holds, before it is sealed.
type sealedLetter struct {
	To     string `json:"to"`
	Letter Letter `json:"letter"`
}

// Post takes a letter over: when it returns nil the letter is on disk.
func (b *Outbox) Post(to Address, l Letter) error {
	names, err := b.letters()
	if err != nil {
		return err
	}
	if len(names) >= maxLetters {
		return ErrOutboxFull
	}
	var plain []byte
	if err := to.Deliver(func(address string) (err error) {
		plain, err = json.Marshal(sealedLetter{To: address, Letter: l})
		return err
	}); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	var id [15]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if err := b.write(base64.RawURLEncoding.EncodeToString(id[:])+letterSuffix, b.opts.Seal(plain)); err != nil {
		return fmt.Errorf("outbox: keep a letter: %w", err)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

// write puts a file on disk, whole or not at all.
func (b *Outbox) write(name, text string) error {
	temporary, err := os.CreateTemp(b.opts.Dir, ".new-*")
	if err != nil {
		return err //nolint:wrapcheck // Post says what for
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(b.opts.Dir, name))
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(b.opts.Dir)
	if err != nil {
		return err //nolint:wrapcheck // Post says what for
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// letters lists the files.
func (b *Outbox) letters() (names []string, err error) {
	entries, err := os.ReadDir(b.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), letterSuffix) && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Waiting returns how many letters wait.
func (b *Outbox) Waiting() int {
	names, _ := b.letters()
	return len(names)
}

// Run sends what waits and what comes, until ctx ends.
func (b *Outbox) Run(ctx context.Context) {
	for {
		next := b.sendDue(ctx)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-b.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sendDue tries every letter whose time has come and returns how long until the
// next one's.
func (b *Outbox) sendDue(ctx context.Context) time.Duration {
	next := time.Minute
	names, err := b.letters()
	if err != nil {
		b.opts.Logger.Error("mail: the outbox cannot be read", "error", err)
		return next
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return next
		}
		now := b.opts.Now()
		tried := b.attempt(name)
		if wait := tried.at.Sub(now); wait > 0 && wait <= 16*b.opts.Retry {
			next = min(next, wait)
			continue
		}
		done, err := b.try(ctx, name, now)
		if err != nil {
			// An error of a mail server may quote the address.
			b.opts.Logger.Warn("mail: a letter was not sent; it is tried again until what it says is over", "error", ErrNotSent, "waiting", len(names))
		}
		if done {
			b.forget(name)
			continue
		}
		tried.pause = min(max(b.opts.Retry, 2*tried.pause), 16*b.opts.Retry)
		tried.at = now.Add(tried.pause)
		b.remember(name, tried)
		next = min(next, tried.pause)
	}
	return next
}

// ErrNotSent stands in the log for what a mail server said.
var ErrNotSent = errors.New("the mail server could not be reached, or did not take it")

// try sends one letter; done says that its file is gone.
func (b *Outbox) try(ctx context.Context, name string, now time.Time) (done bool, err error) {
	path := filepath.Join(b.opts.Dir, name)
	sealed, err := os.ReadFile(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), err //nolint:wrapcheck // it is not shown
	}
	var l sealedLetter
	plain, err := b.opts.Open(string(sealed))
	if err == nil {
		err = json.Unmarshal(plain, &l)
	}
	if err == nil && now.Before(l.Letter.Until) {
		if err := b.opts.Send(ctx, l.To, l.Letter); err != nil {
			return false, err
		}
	}
	return os.Remove(path) == nil, nil
}

func (b *Outbox) attempt(name string) attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.due[name]
}

func (b *Outbox) remember(name string, a attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due[name] = a
}

func (b *Outbox) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.due, name)
}
