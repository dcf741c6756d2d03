package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	f := func(text string, want time.Duration, ok bool) {
		t.Helper()
		got, err := parseDuration(text)
		if got != want && ok || (err == nil) != ok {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	f("395d", 395*day, true)
	f("5y", 5*365*day, true)
	f("30m", 30*time.Minute, true)
	f("1h30m", 90*time.Minute, true)
	f("2w", 14*day, true)
	f("250ms", 250*time.Millisecond, true)
	f("", 0, false)
	f("d", 0, false)
	f("5", 0, false)
	f("-5d", 0, false)
	f("5 d", 0, false)
	f("1.5d", 0, false)
	f("293y", 0, false)
	f("200y200y", 0, false)
}

func TestParseSize(t *testing.T) {
	f := func(text string, want int64, ok bool) {
		t.Helper()
		got, err := parseSize(text)
		if got != want && ok || (err == nil) != ok {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	f("10GiB", 10<<30, true)
	f("10 GiB", 10<<30, true)
	f("512MB", 512e6, true)
	f("7", 7, true)
	f("7B", 7, true)
	f("", 0, false)
	f("GiB", 0, false)
	f("1GB2", 0, false)
	f("1giB", 0, false)
	f("-1", 0, false)
	f("9000000TiB", 0, false)
}

func TestNearest(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := nearest(text, []string{"endpoints", "retention", "regimes", "region", "id"}); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("endpoint", "endpoints")
	f("retentoin", "retention")
	f("regime", "regimes")
	f("idd", "id")
	f("colour", "")
	f(strings.Repeat("x", 1000), "")
}
