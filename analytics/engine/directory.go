package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The directory of an engine.
const (
	dataDir     = "data"           // the tables: the library's path
	lockFile    = "engine.lock"    // flocked by the process that has it open
	versionFile = "engine_version" // of the last library that opened it
	copyPrefix  = "data-"          // + version: what stood there before an upgrade
)

// keepCopy is how long the copy made before an upgrade stays. It holds what
// was erased since, so it must not stay.
const keepCopy = 7 * 24 * time.Hour

// lockDirectory makes dir and takes its lock, which ends with the process.
func lockDirectory(dir string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Join(dir, dataDir), 0o700); err != nil {
		return nil, fmt.Errorf("engine: make its directory: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("engine: open its lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("engine: %s is open in another process (lock %s): stop it, or use another data_dir", dir, path)
		}
		return nil, fmt.Errorf("engine: lock %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

// checkVersion compares the version that last opened dir with version, the
// library's. An older library is refused: tables written by a newer one may
// not be readable. A newer one first copies the data, as hard links where the
// files never change. Then version is recorded.
func checkVersion(dir, version string) (copied string, err error) {
	path := filepath.Join(dir, versionFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", writeVersion(path, version)
	case err != nil:
		return "", fmt.Errorf("engine: read its version: %w", err)
	}
	recorded := strings.TrimSpace(string(b))
	order, err := compareVersions(version, recorded)
	switch {
	case err != nil:
		return "", fmt.Errorf("engine: %s: %w", path, err)
	case order < 0:
		return "", fmt.Errorf("engine: %s was last opened by libchdb %s, this one is %s: install the newer library, or go back to a copy (%s)",
			dir, recorded, version, filepath.Join(dir, copyPrefix+"VERSION"))
	case order == 0:
		return "", nil
	}
	copied = filepath.Join(dir, copyPrefix+recorded)
	if err := copyData(filepath.Join(dir, dataDir), copied); err != nil {
		return "", fmt.Errorf("engine: copy the data before the upgrade from %s to %s: %w", recorded, version, err)
	}
	return copied, writeVersion(path, version)
}

// writeVersion replaces the version file, surviving a power loss on either
// side of the rename.
func writeVersion(path, version string) error {
	f, err := os.CreateTemp(filepath.Dir(path), versionFile+".*")
	if err != nil {
		return fmt.Errorf("engine: record its version: %w", err)
	}
	_, err = f.WriteString(version + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("engine: record its version: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// compareVersions compares dotted numbers; a missing number is 0.
func compareVersions(a, b string) (int, error) {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		m, err := versionPart(x, i, a)
		if err != nil {
			return 0, err
		}
		n, err := versionPart(y, i, b)
		if err != nil {
			return 0, err
		}
		if m != n {
			if m < n {
				return -1, nil
			}
			return 1, nil
		}
	}
	return 0, nil
}

func versionPart(parts []string, i int, whole string) (int, error) {
	if i >= len(parts) {
		return 0, nil
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0, fmt.Errorf("%q is not a version like 26.7.3", whole)
	}
	return n, nil
}

// copyData copies the tree from to a new tree to. It is complete once it has
// its name: until then it is called to.tmp, which a later try replaces.
func copyData(from, to string) error {
	tmp := to + ".tmp"
	if err := errors.Join(os.RemoveAll(tmp), os.RemoveAll(to)); err != nil {
		return err
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(tmp, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !d.Type().IsRegular():
			return nil
		case inPart(rel):
			return os.Link(path, target)
		}
		return copyFile(path, target)
	})
	if err != nil {
		return err
	}
	// The copy's age counts from now.
	now := time.Now()
	if err := os.Chtimes(tmp, now, now); err != nil {
		return err
	}
	return os.Rename(tmp, to)
}

// inPart reports whether a file belongs to a data part,
// store/PREFIX/UUID/PART/…, whose files are written once. The deduplication
// log beside the parts is appended to.
func inPart(rel string) bool {
	p := strings.Split(filepath.ToSlash(rel), "/")
	return len(p) >= 5 && p[0] == "store" && p[3] != "deduplication_logs" && p[len(p)-1] != "txn_version.txt"
}

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

// removeOldCopies removes the copies of upgrades that are older than keepCopy.
func removeOldCopies(dir string, now time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("engine: look for old copies: %w", err)
	}
	var failed error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), copyPrefix) || now.Sub(info.ModTime()) < keepCopy {
			continue
		}
		failed = errors.Join(failed, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return failed
}
