package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// databaseFormat is the newest of Pebble v2.1: it writes the position of the last
// sync into the log, without which damage in the middle looks like its end.
const databaseFormat = pebble.FormatValueSeparation

// databaseOptions keep the database small in memory: the whole edge has 100 MiB.
func (s *Spool) databaseOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          s.opts.FS,
		Logger:                      s.logs,
		FormatMajorVersion:          databaseFormat,
		CacheSize:                   8 << 20,
		MemTableSize:                4 << 20,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                128,
		MaxManifestFileSize:         1 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		// Deleted groups leave the disk without waiting for further writes.
		FlushDelayDeleteRange: 5 * time.Second,
		Cleaner:               deletesLogs{},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { s.health.note(err, s.opts.Now()) },
			DataCorruption:  s.keepDamagedFile,
		},
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	o.EnsureDefaults()
	return o
}

// deletesLogs deletes every file that is not needed any more. Pebble would keep
// some of its logs to write new ones over them, and with them the records of
// people who asked to be erased; it does not for a cleaner that says that it needs
// their contents, as the one that archives files does.
type deletesLogs struct {
	pebble.DeleteCleaner // nearer than the other's, its methods count
	needsContents
}

type needsContents struct{ pebble.ArchiveCleaner }

// openOrSalvage opens the database and reads its state; a damaged one is salvaged
// first.
func (s *Spool) openOrSalvage() error {
	if err := s.finishSalvage(); err != nil {
		return err
	}
	err := s.openAndLoad()
	if err == nil || !isDamage(err) {
		return err
	}
	s.opts.Logger.Error("spool: the database is damaged, salvaging what is readable", "dir", s.opts.Dir, "err", err)
	if err := s.salvage(err); err != nil {
		return fmt.Errorf("salvaging: %w", err)
	}
	return s.openAndLoad()
}

// openAndLoad opens the database in Options.Dir and reads its state. After an
// error the directory is free again.
func (s *Spool) openAndLoad() (err error) {
	if err := s.opts.FS.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = pebble.LockDirectory(s.opts.Dir, s.opts.FS); err != nil {
		return fmt.Errorf("taking its lock (is another process using it?): %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	torn, err := s.tornTail()
	if err != nil {
		return err
	}
	if s.db, err = s.openTwice(); err != nil {
		return err
	}
	if err := s.load(torn); err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// openTwice opens the database, and a new one twice: the format of its first log
// is chosen before the format version is raised, so damage in the middle of that
// log would look like its end.
func (s *Spool) openTwice() (*pebble.DB, error) {
	desc, err := pebble.Peek(s.opts.Dir, s.opts.FS)
	if err != nil {
		return nil, err
	}
	o := s.databaseOptions()
	o.Lock = s.lock
	db, err := openPebble(s.opts.Dir, o)
	if err != nil || desc.Exists {
		return db, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return openPebble(s.opts.Dir, o)
}

// openPebble opens a database. Pebble panics on some kinds of damage, and has no
// mark on the errors of others (a file of options that says something impossible):
// whatever is neither the disk's refusal nor a newer format comes back as damage.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: pebble panicked: %v", errDamaged, r)
		}
	}()
	db, err = pebble.Open(dir, o)
	var errno syscall.Errno
	switch {
	case err == nil, pebble.IsCorruptionError(err), errors.As(err, &errno):
	case strings.Contains(err.Error(), "format major version"):
	default:
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return db, err
}

// isDamage says whether an error means that the files' content is damaged, as
// opposed to a disk that refuses or a lock that is held.
func isDamage(err error) bool {
	return errors.Is(err, errDamaged) || pebble.IsCorruptionError(err)
}

// keepDamagedFile keeps a table in which Pebble found damage, by a hard link, since
// a later compaction would delete it together with what the reader acknowledged.
func (s *Spool) keepDamagedFile(info pebble.DataCorruptionInfo) {
	s.health.note(info.Details, s.opts.Now())
	if info.IsRemote || !s.logs.firstReport(info.Path) {
		return
	}
	dir := s.damagedDir()
	s.logs.setKept(dir)
	fs := s.opts.FS
	err := fs.MkdirAll(dir, 0o700)
	if err == nil {
		err = fs.Link(info.Path, fs.PathJoin(dir, fs.PathBase(info.Path)))
	}
	s.opts.Logger.Error("spool: damaged table", "file", info.Path, "kept in", dir, "err", err)
}

// damagedDir names the directory beside the spool for what was found damaged now.
func (s *Spool) damagedDir() string {
	return s.opts.Dir + ".damaged-" + s.opts.Now().UTC().Format("20060102T150405.000000000Z")
}

// pebbleLog carries Pebble's messages: keys in them are positions, values are not
// printed.
type pebbleLog struct {
	log   *slog.Logger
	fatal func(string)

	mu       sync.Mutex
	reported map[string]bool
	kept     string
}

func (l *pebbleLog) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
	}
}

func (l *pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: behind it Pebble goes on as if the write had succeeded.
func (l *pebbleLog) Fatalf(format string, args ...any) {
	l.die(fmt.Sprintf(format, args...))
}

func (l *pebbleLog) die(what string) {
	message := "spool: " + what + ": nothing written since the last sync can be relied on. " +
		"The process ends; check the disk and start it again, the queue is read from what is on disk."
	l.log.Error(message)
	l.fatal(message)
	panic(message)
}

// firstReport says whether a file is reported for the first time.
func (l *pebbleLog) firstReport(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reported[path] {
		return false
	}
	if l.reported == nil {
		l.reported = make(map[string]bool)
	}
	l.reported[path] = true
	return true
}

func (l *pebbleLog) setKept(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = dir
}

// keptIn names the directory that holds the damaged table reported last.
func (l *pebbleLog) keptIn() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

// syncDir makes a change of names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
