package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestSeldom: the first of many equal messages is written at once, the rest
// are counted; others are not held up.
func TestSeldom(t *testing.T) {
	var out bytes.Buffer
	clock := new(movedClock)
	clock.set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	write := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(seldom(write, clock.now))
	for range 1000 {
		log.Warn("full")
	}
	log.With("site", "shop").Warn("full")
	log.Warn("other")
	clock.set(clock.now().Add(seldomEvery))
	log.Warn("full")
	clock.set(clock.now().Add(-time.Hour))
	log.Warn("full")
	want := []string{"level=WARN msg=full", "level=WARN msg=other", "level=WARN msg=full more_since=1000", "level=WARN msg=full", ""}
	if got := strings.Split(out.String(), "\n"); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("written:\n%s\nwant:\n%s", &out, strings.Join(want, "\n"))
	}
}
