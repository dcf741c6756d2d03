package report

import (
	"testing"
	"time"
)

// TestDaysBeginOnTheDay goes through zones whose clocks are put forward at
// midnight, so that a day has none, and through one that is as others are.
func TestDaysBeginOnTheDay(t *testing.T) {
	for _, c := range []struct{ zone, day, begins string }{
		{"America/Santiago", "2026-09-06", "2026-09-06T01:00:00-03:00"},
		{"Atlantic/Azores", "2026-03-29", "2026-03-29T01:00:00Z"},
		{"America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00"},
		{"Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},
		{"Asia/Shanghai", "2026-09-06", "2026-09-06T00:00:00+08:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := ParseDay(c.day)
		if err != nil {
			t.Fatal(err)
		}
		at := day.Start(zone)
		if got := at.Format(time.RFC3339); got != c.begins {
			t.Errorf("%s begins in %s at %s, want %s", c.day, c.zone, got, c.begins)
		}
		if DayOf(at.Add(-time.Second), zone) != day-1 {
			t.Errorf("a second before %v is another day than the one before", at)
		}
	}
}
