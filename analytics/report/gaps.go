package report

import (
	"context"
	_ "embed" // hours.sql
	"fmt"
	"time"
)

//go:embed query/hours.sql
var hoursSQL string

const (
	// gapDays is the longest range that is searched for gaps: the search reads
	// every hit's time.
	gapDays = 93
	// gapMean is how many hits an hour of the day must have on average for its
	// silence to mean something: a Poisson count of mean 12 is zero in 6 of a
	// million hours.
	gapMean = 12
)

// gaps finds whole hours on the clock without any hit, kept or refused, at
// times of the day that are never so quiet: something between visitors and
// figures was broken. Nothing is said of hours before the first hit and after
// the last that the store can have.
func gaps(ctx context.Context, src Source, q Query) ([]Mark, error) {
	if int(q.To-q.From) >= gapDays {
		return nil, nil
	}
	since, until := q.From.Start(q.Site.Zone).UTC().Truncate(time.Hour), (q.To + 1).Start(q.Site.Zone).UTC().Truncate(time.Hour)
	if end := q.CompleteUntil.Truncate(time.Hour); end.Before(until) {
		until = end
	}
	if !since.Before(until) {
		return nil, nil
	}
	rows, err := src.Query(ctx, hoursSQL, map[string]any{
		"site": q.Site.ID, "since": since.Format(time.DateTime), "until": until.Format(time.DateTime),
	})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	hits := map[int64]int64{}
	for rows.Next() {
		var hour, n int64
		if err := rows.Scan(&hour, &n); err != nil {
			return nil, fmt.Errorf("an hour of the answer: %w", err)
		}
		hits[hour] = n
	}
	if q.Site.Made { // the demo makes its month in order: what is still to come is no gap
		until = endOf(hits)
	}
	return gapsIn(hits, since, until, q.Site.Zone), rows.Err()
}

// gapsIn finds the gaps in hits by hour, since and until at the full hour.
func gapsIn(hits map[int64]int64, since, until time.Time, zone *time.Location) (all []Mark) {
	var sum, hours [24]int64
	first := until
	for t := until.Add(-time.Hour); !t.Before(since); t = t.Add(-time.Hour) {
		if hits[t.Unix()] > 0 {
			first = t
		}
	}
	for t := first; t.Before(until); t = t.Add(time.Hour) {
		sum[t.Hour()] += hits[t.Unix()]
		hours[t.Hour()]++
	}
	quiet := func(t time.Time) bool {
		return hits[t.Unix()] == 0 && sum[t.Hour()] >= gapMean*hours[t.Hour()]
	}
	for t := first; t.Before(until); t = t.Add(time.Hour) {
		if !quiet(t) {
			continue
		}
		began := t.In(zone)
		for t.Before(until) && quiet(t) {
			t = t.Add(time.Hour)
		}
		all = append(all, Mark{Day: DayOf(began, zone), Kind: Gap, Detail: began.Format("15:04") + "–" + t.In(zone).Format("15:04")})
	}
	return all
}

// endOf is the end of the last hour with hits.
func endOf(hits map[int64]int64) (end time.Time) {
	for hour := range hits {
		if t := time.Unix(hour, 0).UTC().Add(time.Hour); t.After(end) {
			end = t
		}
	}
	return end
}
