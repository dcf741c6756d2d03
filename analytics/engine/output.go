package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxLine is how much of a line of the child's output is kept, in bytes.
const maxLine = 4096

// lineWriter passes what a child writes on to the log. Three kinds of lines
// are known: the child's own JSON, which is taken over; a log line of
// ClickHouse, of which only the component and the error number are, because
// its text may quote a query and so a person's data; and the report of a dying
// Go program. Every other line is counted and dropped.
type lineWriter struct {
	log     *slog.Logger
	mu      sync.Mutex
	partial []byte
	dropped int
	failure string // the child's last word about why it ended
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, p...)
	for {
		i := bytes.IndexByte(w.partial, '\n')
		if i < 0 {
			break
		}
		w.line(string(w.partial[:min(i, maxLine)]))
		w.partial = w.partial[i+1:]
	}
	if len(w.partial) > maxLine {
		w.partial = slices.Clone(w.partial[:maxLine])
	}
	return len(p), nil
}

// close passes on what is left.
func (w *lineWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial) > 0 {
		w.line(string(w.partial))
		w.partial = nil
	}
	if w.dropped > 0 {
		w.log.Warn("lines of the engine were not logged: they may quote queries", "lines", w.dropped)
	}
}

// clickhouseLine is "2026.11.24 08:00:32.842903 [ 10452 ] {id} <Error> executeQuery: …".
var clickhouseLine = regexp.MustCompile(`^\d{4}\.\d\d\.\d\d [\d:.]+ \[ \d+ \] \{[^}]*\} <(\w+)> ([A-Za-z/_]+)`)

// goReport is a line of the report of a Go program that dies: what struck it,
// registers, functions with the addresses they were given, places in the
// source. The text of a panic is not among it: it could quote anything.
var goReport = regexp.MustCompile(`^(fatal error: [a-z ]+$|SIG[A-Z]+: [a-z ]+$|PC=0x|\[signal |signal arrived|runtime stack:$|goroutine \d+ |` +
	`created by [\w./*()-]+|[\w./*()-]+\((0x|\{|\.\.\.|\))[^'" ]*|\t/[\w./@!-]+:\d+|\w+ +0x[0-9a-f]+$)`)

func (w *lineWriter) line(s string) {
	switch m := clickhouseLine.FindStringSubmatch(s); {
	case strings.HasPrefix(s, "{") && w.own(s):
	case m != nil:
		e := exceptionCode.FindStringSubmatch(s)
		code := ""
		if e != nil {
			code = e[1]
		}
		w.log.Log(context.Background(), clickhouseLevel(m[1]), "engine says", "component", m[2], "code", code)
	case goReport.MatchString(s):
		w.log.Error("engine crashed", "report", s)
	case s != "":
		w.dropped++
	}
}

// own passes on a line of the child's own log.
func (w *lineWriter) own(s string) bool {
	var fields map[string]any
	if json.Unmarshal([]byte(s), &fields) != nil {
		return false
	}
	message, ok := fields["msg"].(string)
	var level slog.Level
	text, _ := fields["level"].(string)
	if !ok || level.UnmarshalText([]byte(text)) != nil {
		return false
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		if name != "msg" && name != "level" && name != "time" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	attrs := make([]slog.Attr, 0, len(names))
	for _, name := range names {
		attrs = append(attrs, slog.Any(name, fields[name]))
	}
	if level >= slog.LevelError {
		if e, ok := fields["error"].(string); ok {
			w.failure = e
		}
	}
	w.log.LogAttrs(context.Background(), level, message, attrs...)
	return true
}

func clickhouseLevel(name string) slog.Level {
	switch name {
	case "Fatal", "Critical", "Error":
		return slog.LevelError
	case "Warning":
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
