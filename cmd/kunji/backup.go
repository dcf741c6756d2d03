package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
)

// A backup is a folder, readable by its owner only, since it holds personal data
// and the key ring:
//
//	backup.json    what it is: backupManifest; it comes last
//	clickhouse/    the database, as ClickHouse's BACKUP writes it; on a server it
//	               lies where --to says instead
//	spool/         what waited, was set aside, and the marks: withdrawals, the ends
//	               of the ledger
//	keys.json      the key ring
//	promises.json  what visitors were told
//
// While it is made nothing is shipped, so that database and spool agree.
const (
	backupManifestFile = "backup.json"
	backupClickHouse   = "clickhouse"
	backupSpool        = "spool"
	backupKeys         = "keys.json"
)

// backupManifest says what a backup is.
type backupManifest struct {
	Version  int          `json:"version"` // 1
	Program  string       `json:"program"`
	Time     time.Time    `json:"time"`
	Database string       `json:"database"`
	Embedded bool         `json:"embedded"`
	Ring     string       `json:"ring"`            // fingerprint
	Node     string       `json:"node,omitempty"`  // id of the spool, hex
	Stored   uint64       `json:"stored"`          // last position in the spool
	Files    []backupFile `json:"files,omitempty"` // all but the manifest
}

type backupFile struct {
	Path   string `json:"path"` // with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type backupCmd struct {
	Dir string `arg:"" help:"A folder for it, which is not there yet."`
	To  string `help:"With a ClickHouse server: where it keeps the database, such as Disk('backups', 'today') or, by a named collection of its configuration, S3(backups, 'today'). What holds a secret is better read from standard input: -." placeholder:"DESTINATION"`
}

// backupOrder is a backup, as it travels over the control socket.
type backupOrder struct{ Dir, To string }

// Run makes a backup of the running service, or of one at rest.
func (c *backupCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.open()
	if err != nil {
		return err
	}
	switch {
	case cfg.ClickHouse.Embedded() && c.To != "":
		return usagef("--to is for a ClickHouse server: the embedded one writes into %s", c.Dir)
	case !cfg.ClickHouse.Embedded() && c.To == "":
		return usagef("--to is missing: say where the ClickHouse server keeps the backup, such as Disk('backups', 'today')")
	}
	to, err := a.orRead(c.To, "the destination")
	if err != nil {
		return err
	}
	dir, err := newFolder(c.Dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	var m backupManifest
	err = askService(ctx, cfg.DataDir, "POST", "/backup", backupOrder{dir, to}, &m)
	switch {
	case errors.Is(err, errNoService):
		m, err = a.backupAtRest(ctx, cfg, dir, to)
	case err == nil:
		err = cfg.seesBackup(dir, m)
	}
	if err != nil {
		return err
	}
	size := int64(0)
	for _, f := range m.Files {
		size += f.Size
	}
	fmt.Fprintf(a.stdout, "%s: %s, %.1f MiB; it holds personal data and the key ring\n", dir, counted(len(m.Files), "file", "files"), float64(size)/(1<<20))
	return nil
}

// newFolder completes the path of a folder, which nothing may have yet.
func newFolder(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	switch _, err := os.Lstat(dir); {
	case err == nil:
		return "", usagef("%s is there already: name a folder that is not", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return dir, nil
}

// backupPlace is a path of that name where both the service and its commands may
// write: in the folder beside data_dir that deploy/systemd has made, else in
// data_dir.
func (c *Config) backupPlace(name string) string {
	data := c.DataDir
	if abs, err := filepath.Abs(data); err == nil { // whoever reads it may stand elsewhere
		data = abs
	}
	if info, err := os.Stat(data + "-backups"); err == nil && info.IsDir() {
		return filepath.Join(data+"-backups", name)
	}
	return filepath.Join(data, name)
}

// seesBackup reads what the service says that it wrote: it may see other folders
// under the same names, as one with a private /tmp or in a container does.
func (c *Config) seesBackup(dir string, m backupManifest) error {
	told, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	written, err := os.ReadFile(filepath.Join(dir, backupManifestFile))
	if err == nil && !bytes.Equal(written, told) {
		err = errors.New("another backup lies there")
	}
	if err != nil {
		return fmt.Errorf("the service wrote a backup into %s, but not into the one that this command sees: %w; name a folder that both see, such as %s, and delete the other, which holds personal data",
			dir, err, c.backupPlace(filepath.Base(dir)))
	}
	return nil
}

func (a *app) backupAtRest(ctx context.Context, cfg *Config, dir, to string) (m backupManifest, err error) {
	ring, _, err := a.ring()
	if err != nil {
		return m, err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sp, err := spool.Open(cfg.spoolOptions(ring, log))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, sp.Close()) }()
	st, end, err := openStore(ctx, cfg, log)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return backup{cfg, st, sp, ring}.write(ctx, dir, to, a.now())
}

// backupPause bounds how long a backup waits for the batch under way.
const backupPause = time.Minute

// makeBackup is a backup of the running service.
func (s *service) makeBackup(ctx context.Context, o backupOrder) (m backupManifest, err error) {
	if s.shipper == nil || !s.shipper.Stats().Resumed {
		return m, errors.New("ClickHouse has not taken what this node had sent it before: try again when /readyz says that it is there")
	}
	wait, cancel := context.WithTimeout(ctx, backupPause)
	defer cancel()
	resume, err := s.shipper.Pause(wait)
	if err != nil {
		return m, fmt.Errorf("ClickHouse does not take a batch that is under way: %w", err)
	}
	defer resume()
	return backup{s.cfg, s.store, s.spool, s.ring}.write(ctx, o.Dir, o.To, time.Now())
}

// backup is what a backup is made of. Nothing is shipped meanwhile.
type backup struct {
	cfg   *Config
	store *store.Store
	spool *spool.Spool
	ring  *identity.Ring
}

// write makes the folder dir, whole or not at all.
func (b backup) write(ctx context.Context, dir, to string, now time.Time) (m backupManifest, err error) {
	part := dir + ".part"
	switch err := os.Mkdir(part, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return m, fmt.Errorf("backup: %w: another one is under way there, or did not come to its end: delete that folder, or name another", err)
	case err != nil:
		return m, fmt.Errorf("backup: %w: name a folder where %s may write, such as %s", err, userName(os.Geteuid()), b.cfg.backupPlace(filepath.Base(dir)))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	id := b.spool.ID()
	m = backupManifest{
		Version: 1, Program: version(), Time: now.UTC().Truncate(time.Second), Database: b.store.Database(), Embedded: to == "",
		Ring: b.ring.Fingerprint(), Node: hex.EncodeToString(id[:]),
	}
	if err := b.database(ctx, filepath.Join(part, backupClickHouse), to, now); err != nil {
		return m, err
	}
	if err := b.spool.Checkpoint(filepath.Join(part, backupSpool)); err != nil {
		return m, err
	}
	m.Stored = uint64(b.spool.Stats().Stored)
	if err := b.ring.Save(filepath.Join(part, backupKeys)); err != nil {
		return m, err
	}
	if err := copyFile(filepath.Join(b.cfg.DataDir, promisesFile), filepath.Join(part, promisesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("backup: %w", err)
	}
	if m.Files, err = listFiles(part); err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(part, backupManifestFile), text, 0o600)
	}
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	return m, nil
}

// database has ClickHouse write its part. The embedded one writes into its own
// folder, from where it is moved.
func (b backup) database(ctx context.Context, dir, to string, now time.Time) error {
	if to != "" {
		return b.store.Backup(ctx, to)
	}
	name := now.UTC().Format("20060102T150405.000")
	own := filepath.Join(engine.BackupDir(b.cfg.engineDir()), name)
	err := b.store.Backup(ctx, "File('"+name+"')")
	if err == nil {
		err = moveTree(own, dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.RemoveAll(own))
	}
	return nil
}

// moveTree renames a folder, or copies it to another disk. Nobody but the owner
// reads it afterwards.
func moveTree(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		if err := copyTree(from, to); err != nil {
			return err
		}
		if err := os.RemoveAll(from); err != nil {
			return err
		}
	}
	return filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Chmod(path, 0o700) //nolint:gosec // a folder
		}
		return os.Chmod(path, 0o600)
	})
}

// copyTree copies a folder of plain files.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(path, target)
	})
}

// copyFile copies a file, on disk before it returns.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// listFiles names the files below dir, with size and hash.
func listFiles(dir string) (files []backupFile, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		size, err := io.Copy(h, f)
		files = append(files, backupFile{Path: filepath.ToSlash(rel), Size: size, SHA256: hex.EncodeToString(h.Sum(nil))})
		return err
	})
	return files, err
}
