package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestPolicy_7_2_NoQueryTextInTheLog feeds what an engine may write: nothing
// of a query's text, which may hold a person's data, reaches the log.
func TestPolicy_7_2_NoQueryTextInTheLog(t *testing.T) {
	var log bytes.Buffer
	w := &lineWriter{log: slog.New(slog.NewTextHandler(&log, nil))}
	feed := `{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"engine ready","version":"26.7.3"}
2026.11.24 08:00:32.842903 [ 10452 ] {10bece69} <Error> executeQuery: Code: 164. DB::Exception: (in query: SELECT 'SECRET'), Stack trace:
0. ? @ 0x000000001c8fa4b3
SELECT 'SECRET'
2026.11.24 08:00:32.842903 [ 10452 ] {} <Debug> executeQuery: SELECT 'SECRET'
panic: SECRET
{"level":"INFO","SECRET":1}
{"time":"2026-01-01T00:00:00Z","level":"ERROR","msg":"engine failed","error":"no library"}
SIGSEGV: segmentation violation
PC=0x0 m=3 sigcode=1
goroutine 7 gp=0xc000 m=3 mp=0xc001 [syscall, locked to thread]:
runtime.cgocall(0x1234, 0xc00005)
	/usr/lib/go/src/runtime/cgocall.go:167 +0x4b
rax    0x0
SELECT concat('SECRET', x)
concat('SECRET')
` + strings.Repeat("SECRET", 10000) + "\n"
	// Cut anywhere: lines arrive in pieces.
	for i := 0; i < len(feed); i += 7 {
		if _, err := w.Write([]byte(feed[i:min(i+7, len(feed))])); err != nil {
			t.Fatal(err)
		}
	}
	w.close()
	got := log.String()
	if strings.Contains(got, "SECRET") {
		t.Errorf("the log quotes a query:\n%.2000s", got)
	}
	for _, want := range []string{
		`level=INFO msg="engine ready" version=26.7.3`,
		`level=ERROR msg="engine says" component=executeQuery code=164`,
		`msg="engine failed" error="no library"`,
		`report="SIGSEGV: segmentation violation"`, `report="PC=0x0 m=3 sigcode=1"`,
		`report="runtime.cgocall(0x1234, 0xc00005)"`, `cgocall.go:167`, `report="rax    0x0"`, `msg="lines of the engine were not logged: they may quote queries" lines=`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%.2000s", want, got)
		}
	}
	if w.failure != "no library" {
		t.Errorf("failure %q", w.failure)
	}
}
