package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/identity"
)

// servedBy is a user that owns nothing else here, as that of a service.
const servedBy = 65533

// served is an installation whose data_dir, with a key ring, belongs to servedBy.
func served(t *testing.T) *installation {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	for _, dir := range []string{filepath.Dir(in.exe), in.dir} {
		for _, path := range []string{dir, filepath.Dir(dir)} { // temporary folders are their maker's
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	config := filepath.Join(in.dir, "kunji.yaml")
	if err := os.Chmod(config, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.OpenRing(filepath.Join(in.dir, "data", "keys.json"), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"data", "data/keys.json"} {
		if err := os.Lchown(filepath.Join(in.dir, path), servedBy, servedBy); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// as runs a command as a user and returns what it said.
func (in *installation) as(uid uint32, args ...string) (string, error) {
	cmd := exec.Command(in.exe, args...)
	cmd.Dir, cmd.Env = in.dir, in.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestRootLeavesTheServiceItsFiles: what root's commands write below data_dir
// belongs to the user to whom data_dir belongs, and the service can read it.
func TestRootLeavesTheServiceItsFiles(t *testing.T) {
	in := served(t)
	for _, args := range [][]string{
		{"keys", "rotate"},
		{"migrate"},
		{"sql", "--write", "CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n"},
		{"spool", "list"},
	} {
		if said, err := in.as(0, args...); err != nil {
			t.Fatalf("kunji %s: %v\n%s", args, err, said)
		}
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(in.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		if s := info.Sys().(*syscall.Stat_t); s.Uid != servedBy || s.Gid != servedBy {
			t.Errorf("%s belongs to %d:%d", path, s.Uid, s.Gid)
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("%d files, %v", files, err)
	}
	if said, err := in.as(servedBy, "keys", "list"); err != nil || strings.Count(said, "\n") < 4 {
		t.Errorf("the service's user reads the ring: %v\n%s", err, said)
	}
	if said, err := in.as(servedBy, "sql", "SELECT count() FROM kept"); err != nil {
		t.Errorf("the service's user opens the database: %v\n%s", err, said)
	}
}

// TestRootIsToldWhoItIs: where the service's user may not go, the command says
// so and leaves nothing behind.
func TestRootIsToldWhoItIs(t *testing.T) {
	in := served(t)
	if said, err := in.as(0, "migrate"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	closed := filepath.Join(in.dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backup", filepath.Join(closed, "today")}, {"restore", closed}} {
		said, err := in.as(0, args...)
		if err == nil || !strings.Contains(said, "permission denied: the command runs as user 65533, to whom data_dir") {
			t.Errorf("kunji %s: %v\n%s", args, err, said)
		}
	}
	if err := os.Chmod(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(in.dir, "data", "today")
	if said, err := in.as(0, "backup", filepath.Join(closed, "today")); err == nil || !strings.Contains(said, "name a folder where 65533 may write, such as "+place) {
		t.Errorf("%v\n%s", err, said)
	} else if said, err := in.as(0, "backup", place); err != nil {
		t.Errorf("the place that it named: %v\n%s", err, said)
	}
	if left, err := os.ReadDir(closed); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRootLeavesTheConfigurationReadable: a kunji.yaml that root has a command
// write keeps its group, by which the service reads it.
func TestRootLeavesTheConfigurationReadable(t *testing.T) {
	in := served(t)
	config := filepath.Join(in.dir, "kunji.yaml")
	err := os.Chown(config, 0, servedBy)
	if err == nil {
		err = os.Chmod(config, 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
	if said, err := in.as(0, "token", "new", "ci", "--role", "marketer", "--site", "shop", "--write"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if said, err := in.as(servedBy, "check"); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// TestRootIsNamedInTheAudit: root stays the actor of what it does as another, and
// reads a configuration that the other may not.
func TestRootIsNamedInTheAudit(t *testing.T) {
	in := served(t)
	if err := os.Chmod(filepath.Join(in.dir, "kunji.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"migrate"}, {"export", "--site", "shop", "--visitor", "1", "--reason", "asked by letter"}} {
		if said, err := in.as(0, args...); err != nil {
			t.Fatalf("kunji %s: %v\n%s", args, err, said)
		}
	}
	said, err := in.as(0, "sql", "SELECT actor FROM audit")
	if err != nil || !strings.Contains(said, "shell root") {
		t.Errorf("%v\n%s", err, said)
	}
}
