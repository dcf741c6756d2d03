package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCompareVersions(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		got, err := compareVersions(a, b)
		if err != nil || got != want {
			t.Errorf("%s against %s: got %d, %v, want %d", a, b, got, err, want)
		}
		if back, _ := compareVersions(b, a); back != -want {
			t.Errorf("%s against %s: got %d, want %d", b, a, back, -want)
		}
	}
	f("26.7.3", "26.7.3", 0)
	f("26.7.3", "26.7", 1)
	f("26.7", "26.7.0", 0)
	f("26.10.1", "26.9.9", 1)
	f("9.0", "26.0", -1)
	for _, bad := range []string{"", "26.x", "26..1", "v26"} {
		if _, err := compareVersions("26.7.3", bad); err == nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// Copies made before an upgrade hold what was erased since; they go in time.
func TestOldCopiesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for name, age := range map[string]time.Duration{
		"data": 100 * keepCopy, "data-1.2.3": keepCopy, "data-1.2.4": keepCopy - time.Second, "other": 100 * keepCopy,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(path, "store"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeOldCopies(dir, now); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "data data-1.2.4 other" {
		t.Errorf("left: %s", got)
	}
}

// Only files of parts are written once and may be shared with a copy.
func TestInPart(t *testing.T) {
	f := func(path string, want bool) {
		t.Helper()
		if got := inPart(path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
	f("store/abc/abc-uuid/all_1_1_0/data.bin", true)
	f("store/abc/abc-uuid/all_1_1_0/p.proj/data.bin", true)
	f("store/abc/abc-uuid/detached/all_1_1_0/data.bin", true)
	f("store/abc/abc-uuid/all_1_1_0/txn_version.txt", false)
	f("store/abc/abc-uuid/deduplication_logs/deduplication_log_1.txt", false)
	f("store/abc/abc-uuid/format_version.txt", false)
	f("metadata/default.sql", false)
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	lib := filepath.Join(dir, "libchdb.so")
	if err := os.WriteFile(lib, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryEnv, lib)
	if got, err := FindLibrary(""); err != nil || got != lib {
		t.Errorf("by %s: got %q, %v", LibraryEnv, got, err)
	}
	t.Setenv(LibraryEnv, "")
	if got, err := FindLibrary(lib); err != nil || got != lib {
		t.Errorf("by option: got %q, %v", got, err)
	}
	t.Chdir(dir)
	switch got, err := FindLibrary(""); {
	case err == nil:
		if got != systemLibrary {
			t.Errorf("found %q", got)
		}
	default:
		for _, part := range []string{"npm ci", "make build", LibraryEnv, filepath.Join(dir, "node_modules"), systemLibrary} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not name %q: %v", part, err)
			}
		}
	}
	nested := filepath.Join(dir, "a", "b")
	found := filepath.Join(dir, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")
	for _, d := range []string{nested, filepath.Dir(found)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(nested)
	if got := libraryCandidates("@chdb/lib-linux-x64-gnu"); !strings.Contains(strings.Join(got, "\n"), found) {
		t.Errorf("a parent's node_modules is not looked at: %q", got)
	}
}
