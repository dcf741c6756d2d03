//go:build soak

package main

import "testing"

// TestSoakCrash is TestCrash for a long time.
func TestSoakCrash(t *testing.T) { crash(t, 50) }

// TestSoakFaults is TestFaults for a long time: at least 50 faults and a million
// events.
func TestSoakFaults(t *testing.T) {
	t.Run("server", func(t *testing.T) { serverFaults(t, 6, 700_000) })
	t.Run("embedded", func(t *testing.T) { embeddedFaults(t, 6, 300_000) })
}
