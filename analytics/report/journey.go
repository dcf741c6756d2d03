package report

import (
	"cmp"
	"context"
	_ "embed" // attribution.sql, attribution_visits.sql, attribution_places.sql, attribution_visited.sql
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/kunjicloud/kunji/analytics/store"
)

//go:embed query/attribution.sql
var attributionSQL string

//go:embed query/attribution_visits.sql
var attributionVisitsSQL string

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
	at      int64 // milliseconds since 1970
	origin  int   // index of journeys.origins
	channel int   // index of journeys.channels
}

// journey is a conversion and the visits that led to it, oldest first.
type journey struct {
	visitor  uint64 // 0: unknown
	at       int64  // milliseconds since 1970
	day      Day
	amount   int64 // ten-thousandths of currency
	currency string
	touches  []touch
}

// age is how long before the conversion a visit was, in milliseconds.
func (j *journey) age(t touch) int64 { return j.at - t.at }

// journeys are the conversions of some days, earliest first, and every origin
// and channel of a visit, in alphabetical order; but direct is the first channel.
type journeys struct {
	all      []journey
	origins  []origin
	channels []string
}

// askJourneys reads the conversions of the query's days and what led to them.
func askJourneys(ctx context.Context, src Source, q Query) (*journeys, error) {
	params := map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()}
	withLookback := maps.Clone(params)
	withLookback["lookback"] = int64(q.Options.Lookback)
	out := &journeys{}
	var visits visited
	var places map[uint64]place
	err := together(ctx,
		func(ctx context.Context) (err error) { // four times the work of the others
			visits, err = askVisits(store.Threads(ctx, 0), src, withLookback)
			return err
		},
		func(ctx context.Context) (err error) { out.all, err = askConversions(ctx, src, params); return err },
		func(ctx context.Context) (err error) {
			places, err = askPlaces(ctx, src, attributionPlacesSQL, withLookback)
			return err
		},
	)
	if err != nil || out.lead(visits, places, q.Options.Lookback) {
		return out, err
	}
	// A visit that came between the two statements, or of events that filters
	// leave out of the sums.
	if places, err = askPlaces(ctx, src, attributionVisitedSQL, withLookback); err != nil {
		return nil, err
	}
	if !out.lead(visits, places, q.Options.Lookback) {
		return nil, errors.New("visits were erased while they were read: ask again")
	}
	return out, nil
}

// saleBytes is how much of the answer a conversion takes, eight bytes for each of
// three numbers: rows would cost the driver more than the rest takes.
const saleBytes = 24

func askConversions(ctx context.Context, src Source, params map[string]any) (all []journey, err error) {
	rows, err := src.Query(ctx, eachSale(attributionSQL), params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		var day int32
		var currency, sold string
		if err := rows.Scan(&day, &currency, &sold); err != nil {
			return nil, fmt.Errorf("row %d of the conversions: %w", n, err)
		}
		for packed := []byte(sold); len(packed) >= saleBytes; packed = packed[saleBytes:] {
			all = append(all, journey{
				visitor: binary.LittleEndian.Uint64(packed), at: int64(binary.LittleEndian.Uint64(packed[8:])),
				day: Day(day), amount: int64(binary.LittleEndian.Uint64(packed[16:])), currency: currency,
			})
		}
	}
	earliest := func(a, b journey) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.visitor, b.visitor), cmp.Compare(a.amount, b.amount))
	}
	if !slices.IsSortedFunc(all, earliest) { // they mostly come so
		slices.SortFunc(all, earliest)
	}
	return all, rows.Err()
}

// visited are the visits of those who converted: visitors, and beside each what
// attribution_visits.sql packs of theirs. n is how many visits they are.
type visited struct {
	visitors []uint64
	packed   []string
	n        int
}

// visitBytes is how much of the answer a visit takes: eight bytes for its place,
// eight for its time, the highest bit aside. As lists the driver would make each
// number a value of its own.
const visitBytes = 16

func askVisits(ctx context.Context, src Source, params map[string]any) (v visited, err error) {
	rows, err := src.Query(ctx, attributionVisitsSQL, params)
	if err != nil {
		return v, err
	}
	defer rows.Close()
	for rows.Next() {
		var visitor uint64
		var visits string
		if err := rows.Scan(&visitor, &visits); err != nil {
			return v, fmt.Errorf("visitor %d of the answer: %w", len(v.visitors)+1, err)
		}
		v.visitors, v.packed = append(v.visitors, visitor), append(v.packed, visits)
		v.n += len(visits) / visitBytes
	}
	return v, rows.Err()
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

// lead gives each conversion the visits of its visitor in the days before it.
// Those of the same millisecond are in the order of their origins. It returns
// false where a place is not known.
func (all *journeys) lead(visits visited, places map[uint64]place, lookback int) bool {
	of, ok := visits.unpack(all.name(places))
	lead := func(journeys []journey) {
		for i := range journeys {
			j := &journeys[i]
			theirs := of[j.visitor]
			since := j.at - int64(lookback)*24*60*60*1000
			begin, _ := slices.BinarySearchFunc(theirs, since, func(t touch, at int64) int { return cmp.Compare(t.at, at) })
			end, _ := slices.BinarySearchFunc(theirs, j.at+1, func(t touch, at int64) int { return cmp.Compare(t.at, at) })
			j.touches = theirs[begin:end]
		}
	}
	half := len(all.all) / 2
	var other sync.WaitGroup
	other.Go(func() { lead(all.all[half:]) })
	lead(all.all[:half])
	other.Wait()
	return ok
}

// unpack returns the visits of each visitor in order; false where a place has no
// name.
func (v *visited) unpack(named map[uint64]touch) (map[uint64][]touch, bool) {
	of, touches := make(map[uint64][]touch, len(v.visitors)), make([]touch, 0, v.n)
	for i, visitor := range v.visitors {
		begin := len(touches)
		for packed := []byte(v.packed[i]); len(packed) >= visitBytes; packed = packed[visitBytes:] {
			t, ok := named[binary.LittleEndian.Uint64(packed)]
			if !ok {
				return nil, false
			}
			t.at = int64(binary.LittleEndian.Uint64(packed[8:]) & math.MaxInt64)
			touches = append(touches, t)
		}
		theirs := touches[begin:]
		slices.SortFunc(theirs, func(a, b touch) int {
			return cmp.Or(cmp.Compare(a.at, b.at), a.origin-b.origin, a.channel-b.channel)
		})
		of[visitor] = theirs
	}
	return of, true
}

// name numbers the origins and channels of places, and returns for the hash of
// each a visit that came from there.
func (all *journeys) name(places map[uint64]place) map[uint64]touch {
	origins, channels := map[origin]int{}, map[string]int{}
	for _, p := range places {
		origins[p.origin], channels[p.channel] = 0, 0
	}
	delete(channels, directChannel)
	all.origins = slices.SortedFunc(maps.Keys(origins), func(a, b origin) int { return slices.Compare(a[:], b[:]) })
	all.channels = append([]string{directChannel}, slices.Sorted(maps.Keys(channels))...)
	for i, o := range all.origins {
		origins[o] = i
	}
	for i, c := range all.channels {
		channels[c] = i
	}
	named := make(map[uint64]touch, len(places))
	for hash, p := range places {
		named[hash] = touch{origin: origins[p.origin], channel: channels[p.channel]}
	}
	return named
}

// lastOf returns the index of the visit that the last and the last non-direct
// model credit; without any that was not direct the two are the same.
func (j *journey) lastOf() (last, nonDirect int) {
	last = len(j.touches) - 1
	for i := last; i >= 0; i-- {
		if j.touches[i].channel != 0 {
			return last, i
		}
	}
	return last, last
}

// way writes the channels of a journey: "Paid Search › Email × 2".
func (all *journeys) way(j *journey) string {
	if len(j.touches) == 0 {
		return UnattributedLabel
	}
	var steps []string
	for i := 0; i < len(j.touches); {
		n := i
		for n < len(j.touches) && j.touches[n].channel == j.touches[i].channel {
			n++
		}
		step := all.channels[j.touches[i].channel]
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
