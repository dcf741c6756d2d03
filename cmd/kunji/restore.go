package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/site"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// A restore goes on beside what is there and replaces it at its end: before a
// service can start on it, whoever was erased since the backup is erased again,
// and withdrawals and unsubscribes since then count (policy 5.3). They are read
// from what is replaced: its database, and its spool with what waits there.
const (
	restoreFolder = "restore.part"
	beforeFolder  = "before-restore-"
)

type restoreCmd struct {
	Dir   string `arg:"" help:"The folder that backup wrote."`
	From  string `help:"With a ClickHouse server: where it kept the database, as --to of backup said; - reads it from standard input." placeholder:"DESTINATION"`
	Newer string `help:"With a ClickHouse server: the database before this one, whose erasures and unsubscribes count." placeholder:"DATABASE"`
	Lost  bool   `help:"Also where what people asked for since the backup is lost: they would have to ask again."`
}

// restore is one on its way.
type restore struct {
	cmd    *restoreCmd
	cfg    *Config
	ring   *identity.Ring
	log    *slog.Logger
	now    func() time.Time
	m      backupManifest
	asked  store.Requests
	stored int          // of the withdrawals, how many the database before told of; the others come from its spool
	marks  []spool.Mark // withdrawals of the spool before
	queue  [][]byte     // what waits or was set aside there, and was stored after the backup
	told   [][]byte     // entries of the ledger on withdrawals that it lost
}

// Run restores. It ends without a change where anything is wrong.
func (c *restoreCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.open()
	if err != nil {
		return err
	}
	if c.From, err = a.orRead(c.From, "the destination"); err != nil {
		return err
	}
	r := restore{cmd: c, cfg: cfg, now: a.now, log: slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if err := r.check(); err != nil {
		return err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if err := r.openRing(); err != nil {
		return err
	}
	if err := r.gather(ctx); err != nil {
		return err
	}
	work := filepath.Join(cfg.DataDir, restoreFolder)
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	again, err := r.database(ctx, work)
	if err != nil {
		return errors.Join(err, os.RemoveAll(work))
	}
	if err := r.restoreSpool(work); err != nil {
		return errors.Join(err, os.RemoveAll(work))
	}
	before, err := r.replace(work)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "restored what was kept on %s; %s erased again, %s of mail recipients and %s counted, %s of the spool in the queue again\n",
		r.m.Time.Format(time.RFC3339), counted(again, "person", "people"), count(r.asked.Statements(), "statement"),
		count(len(r.asked.Withdrawals), "withdrawal"), count(len(r.queue), "record"))
	if before != "" {
		fmt.Fprintf(a.stdout, "what was there before lies in %s: delete it when all is well, it holds personal data\n", before)
	}
	return nil
}

// check reads the manifest and compares every file with it.
func (r *restore) check() error {
	text, err := os.ReadFile(filepath.Join(r.cmd.Dir, backupManifestFile))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("read the backup: %w", err)
	}
	if err != nil {
		return usagef("%s is no backup that came to its end: %v", r.cmd.Dir, err)
	}
	if err := json.Unmarshal(text, &r.m); err != nil || r.m.Version != 1 {
		return usagef("%s was written by another program, version %d", filepath.Join(r.cmd.Dir, backupManifestFile), r.m.Version)
	}
	switch embedded := r.cfg.ClickHouse.Embedded(); {
	case embedded != r.m.Embedded:
		return usagef("the backup is of a store with clickhouse.dsn %s: restore it into one",
			map[bool]string{true: "embedded", false: "clickhouse://…"}[r.m.Embedded])
	case embedded && r.cmd.From+r.cmd.Newer != "":
		return usagef("--from and --newer are for a ClickHouse server")
	case !embedded && r.cmd.From == "":
		return usagef("--from is missing: say where the ClickHouse server kept the backup, as --to did")
	case !embedded && r.cmd.Newer == "" && !r.cmd.Lost:
		return usagef("--newer is missing: name the database whose erasures and unsubscribes count, or say --lost where there is none left")
	}
	files, err := listFiles(r.cmd.Dir)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	files = slices.DeleteFunc(files, func(f backupFile) bool { return f.Path == backupManifestFile })
	if !slices.Equal(files, r.m.Files) {
		return fmt.Errorf("%s is not as it was written: files are missing, changed or added", r.cmd.Dir)
	}
	return nil
}

// openRing takes the ring that is there, which must be the backup's, or else
// the backup's own.
func (r *restore) openRing() (err error) {
	path := r.cfg.Keys.File
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(r.cmd.Dir, backupKeys)
	}
	if r.ring, err = identity.ReadRing(path); err != nil {
		return err
	}
	if ours := r.ring.Fingerprint(); ours != r.m.Ring {
		return usagef("%s holds key ring %s, the backup is of %s: cookies and erasures would not be each other's", path, ours, r.m.Ring)
	}
	return nil
}

// database makes the database and erases in it whom it must not know any more.
func (r *restore) database(ctx context.Context, work string) (again int, err error) {
	c, from := *r.cfg, r.cmd.From
	c.DataDir = work
	if r.m.Embedded {
		const name = "restore"
		if err := copyTree(filepath.Join(r.cmd.Dir, backupClickHouse), filepath.Join(engine.BackupDir(c.engineDir()), name)); err != nil {
			return 0, fmt.Errorf("restore: %w", err)
		}
		from = "File('" + name + "')"
	}
	s, end, err := openStore(ctx, &c, r.log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, end(), os.RemoveAll(engine.BackupDir(c.engineDir()))) }()
	if err := s.Restore(ctx, r.m.Database, from); err != nil {
		return 0, err
	}
	if _, err := s.Migrate(ctx); err != nil {
		return 0, err
	}
	o := store.ReplayOptions{
		Subject: r.ring.SubjectHash, Seal: r.ring.SealSubject, Recipient: r.ring.RecipientHash, SealRecipient: r.ring.SealRecipient,
	}
	if again, err = s.Replay(ctx, r.asked, o); err != nil {
		return 0, err
	}
	if err := r.erase(ctx, s); err != nil {
		return 0, err
	}
	if err := s.ReplaySince(ctx, r.asked, o); err != nil {
		return 0, err
	}
	return again, r.tell(ctx, s)
}

// tell makes entries of the ledger on the withdrawals that it lost with what was
// replaced: a node that comes later hears of them from there alone. Those whose
// cookies have all expired need none.
func (r *restore) tell(ctx context.Context, s *store.Store) error {
	lost, err := s.Untold(ctx, r.asked.Withdrawals[:r.stored])
	if err != nil {
		return err
	}
	oldest := r.now().Add(-longestLifetime(r.cfg.Sites) - day)
	for _, w := range lost {
		i := slices.IndexFunc(r.cfg.Sites, func(st *site.Site) bool { return st.ID == w.Site })
		if i < 0 || w.Time.Before(oldest) {
			continue
		}
		entry, err := event.Append(nil, event.Record{Consent: server.WithdrawalEntry(r.cfg.Sites[i], w.Record, w.Time)})
		if err != nil {
			return err
		}
		r.told = append(r.told, entry)
	}
	return nil
}

// erase works until no query and no part in use knows them; the service does
// what is left, which is to wait.
func (r *restore) erase(ctx context.Context, s *store.Store) error {
	for {
		_, err := s.Erase(ctx, store.EraseOptions{Unseal: r.ring.UnsealSubject, Signer: signer{r.ring}})
		if err == nil {
			_, err = s.WindDown(ctx, store.WindDownOptions{Signer: signer{r.ring}, Drained: func(time.Time) bool { return true }})
		}
		if err != nil {
			return err
		}
		if done, err := s.Erased(ctx); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// restoreSpool makes the spool, with what was withdrawn and what waited since.
func (r *restore) restoreSpool(work string) (err error) {
	o := r.cfg.spoolOptions(r.ring, r.log)
	o.Dir = filepath.Join(work, filepath.Base(o.Dir))
	// What was answered goes in whole: statements may have been kept beyond the bound,
	// and the backup may have a backlog of its own.
	o.MaxBytes, o.MinFree = math.MaxInt64/2, -1
	if err := copyTree(filepath.Join(r.cmd.Dir, backupSpool), o.Dir); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	s, err := spool.Open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for some := range slices.Chunk(r.marks, atOnce) {
		if err := s.PutMarks(some...); err != nil {
			return err
		}
	}
	// What other nodes say is heard from its beginning: what the cursor had read is gone.
	if err := s.DeleteMarks(withdrawal.SpaceFeed, nil); err != nil {
		return err
	}
	if err := r.takeBack(s); err != nil {
		return err
	}
	return appendAll(s, slices.Concat(r.queue, r.told))
}

// takeBack has the withdrawals since the backup count on this node.
func (r *restore) takeBack(s *spool.Spool) error {
	set, err := withdrawal.New(withdrawal.Options{Marks: keeper{s}, Lifetime: longestLifetime(r.cfg.Sites), Now: r.now, Logger: r.log})
	if err != nil {
		return err
	}
	if err := set.Load(); err != nil {
		return err
	}
	entries := make([]withdrawal.Entry, len(r.asked.Withdrawals))
	for i, w := range r.asked.Withdrawals {
		if now := r.now(); w.Time.After(now) { // a node whose clock is ahead
			w.Time = now
		}
		entries[i] = withdrawal.Entry{Site: w.Site, Time: w.Time, Record: w.Record}
	}
	return set.Add(entries...)
}

// What one write of the spool takes: marks, of at most 300 bytes, or records, and
// bytes of these.
const (
	atOnce      = 1000
	bytesAtOnce = 512 << 10
)

// appendAll appends records, as many at once as a write takes.
func appendAll(s *spool.Spool, all [][]byte) error {
	for len(all) > 0 {
		n, size := 0, 0
		for n < min(len(all), atOnce) && (n == 0 || size+len(all[n]) <= bytesAtOnce) {
			size += len(all[n])
			n++
		}
		if err := s.Append(all[:n]...); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// replace puts what was made into the place of what is there, which is moved
// aside.
func (r *restore) replace(work string) (before string, err error) {
	aside := filepath.Join(r.cfg.DataDir, beforeFolder+r.now().UTC().Format("20060102T150405"))
	parts, err := os.ReadDir(work)
	if err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	for _, p := range parts {
		there := filepath.Join(r.cfg.DataDir, p.Name())
		if _, err := os.Lstat(there); err == nil {
			before = aside
			if err := os.MkdirAll(aside, 0o700); err != nil {
				return "", fmt.Errorf("restore: %w", err)
			}
			if err := os.Rename(there, filepath.Join(aside, p.Name())); err != nil {
				return "", fmt.Errorf("restore: %w", err)
			}
		}
		if err := os.Rename(filepath.Join(work, p.Name()), there); err != nil {
			return "", fmt.Errorf("restore: %w", err)
		}
	}
	if _, err := os.Stat(r.cfg.Keys.File); errors.Is(err, fs.ErrNotExist) {
		if err := r.ring.Save(r.cfg.Keys.File); err != nil {
			return before, err
		}
	}
	err = copyFile(filepath.Join(r.cmd.Dir, promisesFile), filepath.Join(r.cfg.DataDir, promisesFile))
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return before, fmt.Errorf("restore: %w", err)
	}
	return before, os.Remove(work)
}
