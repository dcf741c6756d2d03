package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dirLock is the right to be the one service on a data_dir, or a command that
// stands in for it. The kernel gives it back when its holder dies.
type dirLock struct{ file *os.File }

// errInUse says that another process holds the data_dir.
var errInUse = errors.New("data_dir is in use")

// lockDir takes the lock on dir, which it makes where it is missing.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	path := filepath.Join(dir, "kunji.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data_dir: lock %s: %w", path, err)
		}
		return nil, fmt.Errorf("%w: process %s runs on %s: stop it, or choose another data_dir", errInUse, strings.TrimSpace(string(holder)), dir)
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return &dirLock{file}, nil
}

// release gives the lock back. The file stays: whoever deleted it could take
// another's.
func (l *dirLock) release() error { return l.file.Close() }
