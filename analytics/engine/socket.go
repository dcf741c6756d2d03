package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// maxSocketPath is the longest path of a unix socket on every system in
// question: sun_path has 108 bytes on Linux, 104 on the BSDs and macOS, with
// the final zero.
const maxSocketPath = 103

// SocketPath returns where the engine of dir listens: dir/engine.sock, or,
// where that is too long for a socket, a file in a private directory below
// os.TempDir, the same one for the same dir and user.
func SocketPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("engine: %w", err)
	}
	path := filepath.Join(abs, "engine.sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	private := filepath.Join(os.TempDir(), fmt.Sprintf("kunji-%d", os.Getuid()))
	if err := os.MkdirAll(private, 0o700); err != nil {
		return "", fmt.Errorf("engine: make a directory for its socket: %w", err)
	}
	if err := checkPrivate(private); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(abs))
	path = filepath.Join(private, hex.EncodeToString(sum[:8])+".sock")
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("engine: %q is too long for a unix socket (%d bytes): choose a shorter data_dir or TMPDIR", path, maxSocketPath)
	}
	return path, nil
}

// checkPrivate refuses a directory that others own or may write to: in a
// shared temporary directory anybody can make one of that name.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("engine: %s is not a private directory of this user: remove it, or choose a shorter data_dir", dir)
	}
	return nil
}
