package report

import (
	"fmt"
	"time"
)

// Day is a civil day: days since 1970-01-01, in no zone. It is what local_day
// holds.
type Day int32

const dayLayout = "2006-01-02"

// ParseDay reads a day written as 2026-11-24.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dayLayout, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a day: write it as 2026-11-24", s)
	}
	return Day(t.Unix() / 86400), nil
}

// DayOf returns the day that t falls on in zone.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// String writes the day as 2026-11-24.
func (d Day) String() string { return d.Time().Format(dayLayout) }

// Time returns the day's midnight in UTC, for formatting.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Start returns the moment at which the day begins in zone: later than at midnight
// where the clocks are put forward then, for which time.Date may name a moment of
// the day before.
func (d Day) Start(zone *time.Location) time.Time {
	y, m, day := d.Time().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	for DayOf(t, zone) < d {
		t = t.Add(15 * time.Minute) // clocks are moved by whole quarters
	}
	return t
}
