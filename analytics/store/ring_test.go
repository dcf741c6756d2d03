package store

import (
	"sync"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine/enginetest"
)

// TestClaimRing: the first ring counts, whoever asks later is told it, and of
// several that come at once all are told the same.
func TestClaimRing(t *testing.T) {
	dial := enginetest.Start(t)
	t.Run("first", func(t *testing.T) {
		s := openOn(t, dial, "ring_first")
		for _, ours := range []string{"aaaa", "bbbb", "aaaa"} {
			if claimed, err := s.ClaimRing(t.Context(), ours); err != nil || claimed != "aaaa" {
				t.Errorf("ClaimRing(%q) = %q, %v", ours, claimed, err)
			}
		}
		if _, err := s.ClaimRing(t.Context(), ""); err == nil {
			t.Error("a ring without fingerprint claimed the store")
		}
	})
	t.Run("at_once", func(t *testing.T) {
		s := openOn(t, dial, "ring_at_once")
		var wg sync.WaitGroup
		for _, ours := range []string{"aaaa", "bbbb", "cccc", "dddd"} {
			wg.Go(func() {
				if _, err := s.ClaimRing(t.Context(), ours); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		first, err := s.ClaimRing(t.Context(), "eeee")
		if err != nil || first == "eeee" {
			t.Fatalf("after four claims the fifth got %q, %v", first, err)
		}
		if again, _ := s.ClaimRing(t.Context(), "ffff"); again != first {
			t.Errorf("then %q, before %q", again, first)
		}
	})
}
