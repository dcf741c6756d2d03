package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// marksSetThemselves: every kind of mark that is not written appears on its
// day, once, and the first version of anything does not.
func marksSetThemselves(t *testing.T, db *store.Store) {
	own := newSite(t, "marks", "Asia/Shanghai", "CNY")
	date := func(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }
	own.Policy = &site.Policy{Versions: []site.PolicyVersion{{Number: 1, Date: date(2)}, {Number: 2, Date: date(9)}}}
	own.Incidents = []site.Incident{{ID: "leak", From: date(12), To: date(13), Until: date(30)}}
	var b store.Batch
	for i, version := range []string{"a", "a", "b", "b", "a"} {
		b.Notices = append(b.Notices, &event.Notice{Site: "marks", Day: own.LocalDay(date(3 + i)), Outcome: event.Shown, Version: version, Count: 1})
	}
	// Twenty hits in every hour of twenty days, and none from 10:00 to 13:00 of
	// the 15th, Shanghai; refusals alone fill an hour of it.
	began := date(1)
	for hour := range 20 * 24 {
		at := began.Add(time.Duration(hour) * time.Hour)
		if local := at.In(own.Zone); local.Day() == 15 && local.Hour() >= 10 && local.Hour() < 13 {
			if local.Hour() == 12 {
				b.Refusals = append(b.Refusals, &event.Refusal{Site: "marks", Hour: at, Reason: event.NoConsent, Count: 20})
			}
			continue
		}
		for _, e := range visits("marks", fmt.Sprint(hour), 1, 20) {
			e.Time, e.LocalDay = at.Add(time.Minute), own.LocalDay(at)
			b.Events = append(b.Events, e)
		}
	}
	insert(t, db, "marks", b)
	for i, state := range []string{"live\ndefault opt_in", "live\ndefault opt_in, US opt_out", "stopped\ndefault opt_in, US opt_out", "live\ndefault opt_in, US opt_out"} {
		n := Note{Site: "marks", Kind: StateNote, ID: fmt.Sprint(i), Body: state, Day: own.LocalDay(date(16 + i)), Created: date(16 + i)}
		if err := db.PutNote(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PutNote(t.Context(), Note{Site: "marks", Kind: MarkNote, ID: "m", Name: "Sale", Owner: "ada", Day: own.LocalDay(date(4)), Created: date(1)}); err != nil {
		t.Fatal(err)
	}
	q := query(t, own, "2026-11-01", "2026-11-20")
	q.CompleteUntil = date(20).Add(8 * time.Hour)
	q.Now = q.CompleteUntil.Add(time.Hour)
	marks, err := Marks(t.Context(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range marks {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s", m.Day.Time().Day(), m.Kind, m.Detail)))
	}
	want := []string{
		"4 note Sale", "5 banner b", "9 policy 2", "12 incident leak", "15 gap 10:00–12:00",
		"17 regime default opt_in, US opt_out", "18 stopped", "19 resumed", "20 behind 16:00",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Nights are quiet: only what never is so quiet at that time of day is a gap.
func TestGapsKnowTheHourOfTheDay(t *testing.T) {
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	until := since.AddDate(0, 0, 10)
	hits := map[int64]int64{}
	for at := since.Add(5 * time.Hour); at.Before(until); at = at.Add(time.Hour) {
		if at.Hour() >= 6 && !(at.Day() == 4 && at.Hour() == 20) && !at.After(until.Add(-3*time.Hour)) {
			hits[at.Unix()] = 30
		}
	}
	var got []string
	for _, m := range gapsIn(hits, since, until, time.UTC) {
		got = append(got, m.Day.String()+" "+m.Detail)
	}
	// The last two hours have nothing: until is when the figures are complete.
	if want := []string{"2026-11-04 20:00–21:00", "2026-11-10 22:00–00:00"}; strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := gapsIn(hits, since, endOf(hits), time.UTC); len(got) != 1 {
		t.Errorf("up to the last hit: %v", got)
	}
}

// A zone whose hours begin at half past UTC's has gaps as others have.
func halfHoursHaveGaps(t *testing.T, db *store.Store) {
	own := newSite(t, "half", "Asia/Kolkata", "INR")
	var b store.Batch
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 20 * 24 {
		at := began.Add(time.Duration(hour) * time.Hour)
		if at.Day() == 15 && at.Hour() >= 10 && at.Hour() < 13 {
			continue
		}
		for _, e := range visits("half", fmt.Sprint(hour), 1, 20) {
			e.Time, e.LocalDay = at.Add(time.Minute), own.LocalDay(at)
			b.Events = append(b.Events, e)
		}
	}
	insert(t, db, "half", b)
	q := query(t, own, "2026-11-02", "2026-11-18")
	q.Now = q.CompleteUntil
	marks, err := Marks(t.Context(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	if len(marks) != 1 || marks[0].Kind != Gap || marks[0].Detail != "15:30–18:30" {
		t.Errorf("marks: %v", marks)
	}
}
