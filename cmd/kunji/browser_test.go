package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// TestBrowsers drives the demo shop and the sites of testdata/browser/sites.yaml
// in real browsers against the program itself. The tests are JavaScript files
// beside testdata/browser/browser.mjs.
func TestBrowsers(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	names := startFront(t, in.edge)
	in.withTokens()
	in.addSites("testdata/browser/sites.yaml", names)
	r := in.start("demo", "--per-day", "0")
	password, err := os.ReadFile(filepath.Join(in.dir, "data", "demo", "login"))
	if err != nil {
		t.Fatal(err)
	}
	socket, err := engine.SocketPath(filepath.Join(in.dir, "data", "demo", "clickhouse"))
	if err != nil {
		t.Fatal(err)
	}
	in.eventually("the tables are there", func() error {
		n, err := in.metric("kunji_engine_up")
		if err == nil && n == 0 {
			err = errors.New("ClickHouse does not answer yet")
		}
		return err
	})
	in.eventually("the console answers", func() error { return in.ok("http://" + in.console + "/signin") })
	files, err := filepath.Glob("testdata/browser/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no browser tests: %v", err)
	}
	for _, browser := range []string{"chromium", "firefox"} {
		t.Run(browser, func(t *testing.T) {
			cmd := exec.Command("node", append([]string{"--test", "--test-concurrency=1"}, files...)...)
			cmd.Env = append(append([]string(nil), in.env...),
				"KUNJI_TEST_EDGE=http://"+in.edge, "KUNJI_TEST_CONSOLE=http://"+in.console,
				"KUNJI_TEST_PASSWORD="+strings.TrimSpace(string(password)), "KUNJI_TEST_BROWSER="+browser,
				"KUNJI_TEST_ENGINE="+socket, "KUNJI_TEST_NAMES="+names.port, "KUNJI_TEST_AUTHORITY="+names.key,
				"KUNJI_TEST_SNIPPET="+in.kunji("snippet", "mode", "--consent-mode"), "TMPDIR="+t.TempDir(),
			)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s\nthe service said:\n%s", err, failures(out), r.said())
			}
		})
	}
	r.end()
}

// failures returns what TAP output says of the tests that failed, or all of it
// where none did: then the runner itself has something to say.
func failures(tap []byte) string {
	var b strings.Builder
	failed := false
	for line := range strings.Lines(string(tap)) {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "not ok "):
			failed = true
		case strings.HasPrefix(trimmed, "ok "), strings.HasPrefix(trimmed, "# Subtest:"):
			failed = false
		}
		if failed {
			b.WriteString(line)
		}
	}
	if b.Len() == 0 {
		return string(tap)
	}
	return b.String()
}

// addSites appends a file's sites to the configuration's, whose last key they
// are.
func (in *installation) addSites(file string, names front) {
	in.t.Helper()
	path := filepath.Join(in.dir, "kunji.yaml")
	config, err := os.ReadFile(path)
	if err != nil {
		in.t.Fatal(err)
	}
	sites, err := os.ReadFile(file)
	if err != nil {
		in.t.Fatal(err)
	}
	config = append(config, bytes.ReplaceAll(sites, []byte("NAMES"), []byte(names.port))...)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		in.t.Fatal(err)
	}
}
