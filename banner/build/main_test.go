package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestBuildIsDeterministic: the same sources give the same bytes, so that the
// names of parts mean the same on every node.
func TestBuildIsDeterministic(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, dist := range []string{one, two} {
		if err := build("../src", dist); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(one)
	if err != nil {
		t.Fatal(err)
	}
	if want := 1<<len(features) + 5 + 7; len(files) != want {
		t.Errorf("%d files, want %d", len(files), want)
	}
	for _, f := range files {
		a, err1 := os.ReadFile(filepath.Join(one, f.Name()))
		b, err2 := os.ReadFile(filepath.Join(two, f.Name()))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%s differs between two builds or is empty", f.Name())
		}
	}
}

func TestBuildNamesTheBrokenFile(t *testing.T) {
	if err := build(t.TempDir(), t.TempDir()); err == nil || !bytes.Contains([]byte(err.Error()), []byte("loader.ts")) {
		t.Errorf("got %v, want an error that names loader.ts", err)
	}
}
