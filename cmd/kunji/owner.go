package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// What lies in data_dir, the service reads as the user to whom data_dir belongs.
// A command that root runs there becomes that user first: what it writes, and
// what an engine that it starts writes, would otherwise be closed to the
// service, which then refuses to start. The way back is gone; a file that only
// root may open is refused afterwards, and notMine says why.

// open is load for a command that goes on to read or write below data_dir. The
// configuration is read once: whom it becomes may not be let read it again.
func (a *app) open() (*Config, error) {
	if a.opened != nil {
		return a.opened, nil
	}
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	if err := a.become(cfg.DataDir); err != nil {
		return nil, err
	}
	a.opened = cfg
	return cfg, nil
}

// become makes the process, where root runs it, one of the user to whom dir
// belongs. A dir that is not there yet belongs to whoever makes it.
func (a *app) become(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	_ = actor() // the audit log goes on to name root: os/user keeps its first answer
	uid := int(owner.Uid)
	groups := groupsOf(owner)
	err = syscall.Setgroups(groups)
	if err == nil {
		err = syscall.Setgid(groups[0])
	}
	if err == nil {
		err = syscall.Setuid(uid)
	}
	if err != nil {
		return fmt.Errorf("become user %s, to whom data_dir %s belongs: %w: run the command as that user", userName(uid), dir, err)
	}
	a.became = fmt.Sprintf("user %s, to whom data_dir %s belongs", userName(uid), dir)
	return nil
}

// groupsOf returns the groups of a user, its own first; where it has no name, that
// of the folder alone.
func groupsOf(owner *syscall.Stat_t) []int {
	u, err := user.LookupId(strconv.Itoa(int(owner.Uid)))
	if err != nil {
		return []int{int(owner.Gid)}
	}
	all, _ := u.GroupIds() // its own at least, below
	groups := []int{}
	for _, text := range append([]string{u.Gid}, all...) {
		if id, err := strconv.Atoi(text); err == nil && !slices.Contains(groups, id) {
			groups = append(groups, id)
		}
	}
	return groups
}

// notMine adds to an error why root was not allowed something.
func (a *app) notMine(err error) error {
	if a.became == "" || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w: the command runs as %s, so that the service can read what it writes: let that user in, or name a place of its own", err, a.became)
}

// giveTo gives a file that root made the owner and group that another has.
func giveTo(file *os.File, like fs.FileInfo) error {
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}

// userName is a user's name, or its number where it has none.
func userName(uid int) string {
	number := strconv.Itoa(uid)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}
