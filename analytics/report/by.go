package report

import (
	"slices"
	"time"
)

// By is a step of a time series.
type By uint8

// The steps. A minute means the last 30 of them, whatever days were asked for.
const (
	ByDay By = iota
	ByWeek
	ByMonth
	ByHour
	ByMinute
)

const (
	lastMinutes = 30
	maxHourDays = 31 // of hours at once
)

var byNames = [...]string{"day", "week", "month", "hour", "minute"}

// String names the step.
func (b By) String() string { return byNames[b] }

func parseBy(name string) (By, bool) {
	i := slices.Index(byNames[:], name)
	return By(max(i, 0)), i >= 0
}

// fine reports whether the step is shorter than a day.
func (b By) fine() bool { return b >= ByHour }

// moments are the ends of a fine series, the end not included.
func (q *Query) moments() (since, until time.Time) {
	if q.Options.By == ByMinute {
		until = q.Now.Truncate(time.Minute).Add(time.Minute)
		return until.Add(-lastMinutes * time.Minute), until
	}
	return q.From.Start(q.Site.Zone), (q.To + 1).Start(q.Site.Zone)
}

// hourOf returns when the local hour of t began, as the statements reckon: t
// less its minutes and seconds on the wall.
func hourOf(t time.Time, zone *time.Location) int64 {
	local := t.In(zone)
	return t.Unix() - int64(local.Minute()*60+local.Second())
}

// span is a row of a series: the key by which the statements name it, and when
// it begins, a day or a moment.
type span struct {
	key   int64
	begin any
}

// steps lists the rows of a series. An hour begins where it does on the wall,
// or at the change of the clocks within it: some zones move theirs by half an
// hour.
func (q *Query) steps() (all []span) {
	add := func(key int64, begin any) {
		if len(all) == 0 || all[len(all)-1].key != key {
			all = append(all, span{key, begin})
		}
	}
	if !q.Options.By.fine() {
		for d := q.From; d <= q.To; d++ {
			add(int64(q.Options.By.of(d)), q.Options.By.of(d))
		}
		return all
	}
	since, until := q.moments()
	for t := since; t.Before(until); t = t.Add(time.Minute) {
		key := t.Unix()
		if q.Options.By == ByHour {
			key = hourOf(t, q.Site.Zone)
		}
		add(key, t.UTC())
	}
	return all
}

// of returns the first day of the step that d is in.
func (b By) of(d Day) Day {
	switch b {
	case ByWeek:
		return monday(d)
	case ByMonth:
		return d - Day(d.Time().Day()-1)
	}
	return d
}
