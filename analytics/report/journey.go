package report

import (
	"context"
	_ "embed" // attribution.sql, attribution_places.sql, attribution_visited.sql
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

//go:embed query/attribution.sql
var attributionSQL string

//go:embed query/attribution_places.sql
var attributionPlacesSQL string

//go:embed query/attribution_visited.sql
var attributionVisitedSQL string

// directChannel is the channel of a visit that nothing led to.
const directChannel = "Direct"

// UnattributedLabel stands where a source would, had a visit been found.
const UnattributedLabel = "(unattributed)"

// origin is a row of the report: source (or channel), medium, campaign.
type origin [3]string

// touch is one visit on the way to a conversion.
type touch struct {
	origin  int // index of journeys.origins
	channel string
	age     int64 // milliseconds before the conversion
}

// journey is a conversion and the visits that led to it, oldest first.
type journey struct {
	visitor  uint64 // 0: unknown
	day      Day
	amount   int64 // ten-thousandths of currency
	currency string
	touches  []touch
}

// journeys are the conversions of some days, earliest first, and every origin
// of a visit, in alphabetical order.
type journeys struct {
	all     []journey
	origins []origin
}

// askJourneys reads the conversions of the query's days.
func askJourneys(ctx context.Context, src Source, q Query) (*journeys, error) {
	params := map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(), "lookback": int64(q.Options.Lookback),
	}
	out := &journeys{}
	var keys []uint64
	var places map[uint64]place
	err := together(ctx,
		func(ctx context.Context) (err error) { keys, err = out.read(ctx, src, params); return err },
		func(ctx context.Context) (err error) {
			places, err = askPlaces(ctx, src, attributionPlacesSQL, params)
			return err
		},
	)
	if err != nil || out.name(places, keys) {
		return out, err
	}
	// A visit that came between the two statements, or of events that filters
	// leave out of the sums.
	if places, err = askPlaces(ctx, src, attributionVisitedSQL, params); err != nil {
		return nil, err
	}
	if !out.name(places, keys) {
		return nil, errors.New("visits were erased while they were read: ask again")
	}
	return out, nil
}

// visitBytes is how much of the answer a visit takes: eight bytes for its place,
// eight for its age, the highest bit aside. As lists the driver would make each number a value of its own.
const visitBytes = 16

// read reads the conversions, and returns the hashes of the places of their visits,
// one after the other.
func (all *journeys) read(ctx context.Context, src Source, params map[string]any) (keys []uint64, err error) {
	rows, err := src.Query(ctx, attributionSQL, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var j journey
		var day int32
		var visits string
		if err := rows.Scan(&j.visitor, &day, &j.amount, &j.currency, &visits); err != nil {
			return nil, fmt.Errorf("conversion %d of the answer: %w", len(all.all)+1, err)
		}
		j.day = Day(day)
		j.touches = make([]touch, len(visits)/visitBytes)
		for i := range j.touches {
			visit := []byte(visits[i*visitBytes : (i+1)*visitBytes])
			keys = append(keys, binary.LittleEndian.Uint64(visit))
			j.touches[i].age = int64(binary.LittleEndian.Uint64(visit[8:]) & math.MaxInt64)
		}
		all.all = append(all.all, j)
	}
	return keys, rows.Err()
}

// place is what the hash of a visit's origin and channel stands for.
type place struct {
	origin  origin
	channel string
}

func askPlaces(ctx context.Context, src Source, sql string, params map[string]any) (map[uint64]place, error) {
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	places := map[uint64]place{}
	for rows.Next() {
		var key uint64
		var p place
		if err := rows.Scan(&key, &p.origin[0], &p.origin[1], &p.origin[2], &p.channel); err != nil {
			return nil, fmt.Errorf("place %d of the answer: %w", len(places)+1, err)
		}
		if p.origin[0] == "" {
			p.origin[0] = p.channel
		}
		places[key] = p
	}
	return places, rows.Err()
}

// name fills in where the visits came from; false where a place is not known.
func (all *journeys) name(places map[uint64]place, keys []uint64) bool {
	number := map[origin]int{}
	for _, p := range places {
		number[p.origin] = 0
	}
	all.origins = slices.SortedFunc(maps.Keys(number), func(a, b origin) int { return slices.Compare(a[:], b[:]) })
	for i, o := range all.origins {
		number[o] = i
	}
	named := make(map[uint64]touch, len(places))
	for key, p := range places {
		named[key] = touch{origin: number[p.origin], channel: p.channel}
	}
	next := 0
	for _, j := range all.all {
		for i := range j.touches {
			found, ok := named[keys[next]]
			if !ok {
				return false
			}
			found.age = j.touches[i].age
			j.touches[i] = found
			next++
		}
	}
	return true
}

// lastOf returns the index of the visit that the last and the last non-direct
// model credit; without any that was not direct the two are the same.
func (j *journey) lastOf() (last, nonDirect int) {
	last = len(j.touches) - 1
	for i := last; i >= 0; i-- {
		if j.touches[i].channel != directChannel {
			return last, i
		}
	}
	return last, last
}

// channels writes the way by channel: "Paid Search › Email × 2".
func (j *journey) channels() string {
	if len(j.touches) == 0 {
		return UnattributedLabel
	}
	var steps []string
	for i := 0; i < len(j.touches); {
		n := i
		for n < len(j.touches) && j.touches[n].channel == j.touches[i].channel {
			n++
		}
		step := j.touches[i].channel
		if n-i > 1 {
			step = fmt.Sprintf("%s × %d", step, n-i)
		}
		steps, i = append(steps, step), n
	}
	return strings.Join(steps, " › ")
}

// crowd collects up to least different visitors of a group: enough to know
// whether it may be shown.
type crowd struct {
	least    int
	visitors []uint64
}

func (c *crowd) add(visitors ...uint64) {
	for _, v := range visitors {
		if v != 0 && len(c.visitors) < c.least && !slices.Contains(c.visitors, v) {
			c.visitors = append(c.visitors, v)
		}
	}
}

// foldCrowds is foldAt for crowds in the order in which they would be folded,
// smallest first.
func foldCrowds(crowds []*crowd, least int) int {
	visitors, upTo := make([]int64, len(crowds)), make([]int64, len(crowds))
	all := crowd{least: least}
	for i, c := range crowds {
		all.add(c.visitors...)
		visitors[i], upTo[i] = int64(len(c.visitors)), int64(len(all.visitors))
	}
	return foldAt(visitors, upTo, least)
}
