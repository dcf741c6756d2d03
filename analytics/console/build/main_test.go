package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// built builds into a folder and reads what is there.
func built(t *testing.T, dist string) map[string][]byte {
	t.Helper()
	if err := build("../island", dist); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dist, "*"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestBuildIsDeterministic: the same sources give the same names and bytes, and
// an earlier build leaves nothing behind.
func TestBuildIsDeterministic(t *testing.T) {
	dist := t.TempDir()
	if err := os.WriteFile(filepath.Join(dist, "chart.OLD.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	one, two := built(t, dist), built(t, t.TempDir())
	if !maps.EqualFunc(one, two, bytes.Equal) {
		t.Errorf("%v and %v", slices.Sorted(maps.Keys(one)), slices.Sorted(maps.Keys(two)))
	}
	for _, entry := range entries {
		stem, _, _ := strings.Cut(entry, ".")
		if n := len(slices.Collect(func(yield func(string) bool) {
			for name := range one {
				if strings.HasPrefix(name, stem+".") && !yield(name) {
					return
				}
			}
		})); n != 1 {
			t.Errorf("%d files of %s", n, entry)
		}
	}
}

// Pages interactive within a second on a slow telephone need small islands.
func TestIslandsAreSmall(t *testing.T) {
	const most = 96 << 10 // bytes of all of them, before compression
	total := 0
	for _, data := range built(t, t.TempDir()) {
		total += len(data)
	}
	if total > most {
		t.Errorf("the islands have %d bytes, want at most %d", total, most)
	}
}

func TestBuildNamesTheBrokenFile(t *testing.T) {
	if err := build(t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "chart.ts") {
		t.Errorf("got %v, want an error that names chart.ts", err)
	}
}
