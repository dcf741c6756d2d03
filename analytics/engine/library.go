package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibraryEnv names the environment variable that points at libchdb.so.
const LibraryEnv = "KUNJI_CHDB_LIBRARY"

// systemLibrary is where a package or a container image puts the library.
const systemLibrary = "/usr/lib/kunji/libchdb.so"

// platforms maps GOOS/GOARCH to the npm package that carries the library.
var platforms = map[string]string{
	"linux/amd64":  "@chdb/lib-linux-x64-gnu",
	"linux/arm64":  "@chdb/lib-linux-arm64-gnu",
	"darwin/amd64": "@chdb/lib-darwin-x64",
	"darwin/arm64": "@chdb/lib-darwin-arm64",
}

// FindLibrary returns the absolute path of libchdb.so: explicit when it is not
// empty, else the file KUNJI_CHDB_LIBRARY names, else the first that exists of
// node_modules/@chdb/lib-PLATFORM/libchdb.so in the working directory, the
// directory of the executable and the parents of both, and
// /usr/lib/kunji/libchdb.so. The error lists every place that was looked at.
func FindLibrary(explicit string) (string, error) {
	if explicit == "" {
		explicit = os.Getenv(LibraryEnv)
	}
	if explicit != "" {
		if !isFile(explicit) {
			return "", fmt.Errorf("engine: no library at %q (set by option or %s)", explicit, LibraryEnv)
		}
		return filepath.Abs(explicit)
	}
	pkg, ok := platforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("engine: no libchdb for %s/%s: use a ClickHouse server (clickhouse.dsn)", runtime.GOOS, runtime.GOARCH)
	}
	candidates := libraryCandidates(pkg)
	for _, c := range candidates {
		if isFile(c) {
			return c, nil
		}
	}
	return "", errors.New("engine: libchdb.so not found; run `npm ci` or `make build`, or set " + LibraryEnv +
		"; looked at:\n  " + strings.Join(candidates, "\n  "))
}

// libraryCandidates lists where the library of the npm package pkg may be, the
// likeliest first.
func libraryCandidates(pkg string) []string {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		starts = append(starts, filepath.Dir(exe))
	}
	var out []string
	seen := map[string]bool{}
	for _, dir := range starts {
		for {
			c := filepath.Join(dir, "node_modules", filepath.FromSlash(pkg), "libchdb.so")
			if !seen[c] {
				seen[c] = true
				out = append(out, c)
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return append(out, systemLibrary)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
