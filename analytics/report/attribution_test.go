package report

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/event"
)

// tolerance is how far models that are computed with floats may be from an
// independent calculation, as a part of the total.
const tolerance = 1e-9

// shops makes visits and conversions that are hard to attribute: ways of many
// visits, visits in the same minute as the conversion, after it, and just
// inside and outside the look-back, conversions of nobody, orders twice.
func shops(t testing.TB, random *rand.Rand, id, zone string, n int) (*traffic, []*event.Event) {
	g := &traffic{Rand: random, site: newSite(t, id, zone, "EUR"), start: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), days: 60}
	all := g.events(n)
	for _, e := range slices.Clone(all) {
		if e.Kind != event.Conversion || e.Visitor == 0 {
			continue
		}
		for range g.IntN(3) {
			v := g.one()
			v.Kind, v.Visitor, v.Attributed, v.Value, v.Order = event.Visit, e.Visitor, true, 0, ""
			v.Campaign = origins[g.IntN(7)]
			// On the edge of 30 and 7 days to the minute, in the same minute, a minute later.
			v.Time = e.Time.Add([]time.Duration{0, time.Minute, -30 * 24 * time.Hour, -30*24*time.Hour - time.Minute, -7 * 24 * time.Hour, -3 * 24 * time.Hour}[g.IntN(6)])
			v.LocalDay = g.site.LocalDay(v.Time)
			all = append(all, v)
		}
	}
	return g, all
}

// walked is a conversion with its visits, found without ClickHouse.
type walked struct {
	sale   *event.Event
	visits []*event.Event
	amount int64
}

func walk(events []*event.Event, q Query, lookback int) (ways []walked) {
	first := map[string]*event.Event{}
	var visits []*event.Event
	for _, e := range events {
		if e.Site != q.Site.ID || e.Agent.Machine {
			continue
		}
		switch e.Kind {
		case event.Visit:
			visits = append(visits, e)
		case event.Conversion:
			key := "order " + e.Order
			if e.Order == "" {
				key = fmt.Sprintf("id %x", e.ID)
			}
			if first[key] == nil || before(e, first[key]) {
				first[key] = e
			}
		}
	}
	for _, sale := range first {
		if Day(sale.LocalDay) < q.From || Day(sale.LocalDay) > q.To {
			continue
		}
		w := walked{sale: sale}
		if sale.Currency == "" || sale.Currency == q.Site.Currency {
			w.amount = int64(sale.Value)
		}
		for _, v := range visits {
			age := sale.Time.Sub(v.Time)
			if v.Visitor == sale.Visitor && v.Visitor != 0 && age >= 0 && age <= time.Duration(lookback)*24*time.Hour {
				w.visits = append(w.visits, v)
			}
		}
		slices.SortFunc(w.visits, func(a, b *event.Event) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return cmp.Or(slices.Compare(places["campaigns"](a.Campaign), places["campaigns"](b.Campaign)), cmp.Compare(a.Campaign.Channel, b.Campaign.Channel))
		})
		ways = append(ways, w)
	}
	slices.SortFunc(ways, func(a, b walked) int {
		if before(a.sale, b.sale) {
			return -1
		}
		return 1
	})
	return ways
}

func originOf(e *event.Event) string { return fmt.Sprintf("%q", places["campaigns"](e.Campaign)) }

// shares is the definition of the models but Markov and Shapley: what each
// visit of a way gets of one.
func shares(w walked, model string) []*big.Rat {
	n := len(w.visits)
	out := make([]*big.Rat, n)
	for i := range out {
		out[i] = new(big.Rat)
	}
	switch model {
	case "first":
		out[0].SetInt64(1)
	case "last":
		out[n-1].SetInt64(1)
	case "last_non_direct":
		at := n - 1
		for i, v := range w.visits {
			if v.Campaign.Channel != "Direct" {
				at = i
			}
		}
		if !slices.ContainsFunc(w.visits, func(v *event.Event) bool { return v.Campaign.Channel != "Direct" }) {
			at = n - 1
		}
		out[at].SetInt64(1)
	case "linear":
		for i := range out {
			out[i].SetFrac64(1, int64(n))
		}
	case "time_decay":
		sum := 0.0
		for _, v := range w.visits {
			sum += math.Pow(0.5, w.sale.Time.Sub(v.Time).Hours()/(7*24))
		}
		for i, v := range w.visits {
			out[i].SetFloat64(math.Pow(0.5, w.sale.Time.Sub(v.Time).Hours()/(7*24)) / sum)
		}
	case "position":
		for i := range out {
			switch {
			case n == 1:
				out[i].SetInt64(1)
			case n == 2:
				out[i].SetFrac64(1, 2)
			case i == 0 || i == n-1:
				out[i].SetFrac64(40, 100)
			default:
				out[i].Quo(big.NewRat(20, 100), big.NewRat(int64(n-2), 1))
			}
		}
	}
	return out
}

// shapleyOf is the Shapley value by its definition: over all subsets of the
// origins, what one adds to the conversions of ways that need no other.
func shapleyOf(ways []walked, weigh func(walked) int64) map[string]*big.Rat {
	var players []string
	index := map[string]int{}
	for _, w := range ways {
		for _, v := range w.visits {
			if _, ok := index[originOf(v)]; !ok {
				index[originOf(v)] = len(players)
				players = append(players, originOf(v))
			}
		}
	}
	n := len(players)
	worth := make([]int64, 1<<n) // of ways by their set, then of all their subsets
	for _, w := range ways {
		if len(w.visits) == 0 {
			continue
		}
		set := 0
		for _, v := range w.visits {
			set |= 1 << index[originOf(v)]
		}
		worth[set] += weigh(w)
	}
	for i := range n {
		for set := range worth {
			if set&(1<<i) != 0 {
				worth[set] += worth[set&^(1<<i)]
			}
		}
	}
	factorial := func(k int) *big.Rat { return new(big.Rat).SetInt(new(big.Int).MulRange(1, int64(k))) }
	out := map[string]*big.Rat{}
	for i, p := range players {
		value := new(big.Rat)
		for set := range worth {
			if set&(1<<i) != 0 {
				continue
			}
			size := 0
			for k := range n {
				size += set >> k & 1
			}
			weight := new(big.Rat).Mul(factorial(size), factorial(n-size-1))
			weight.Quo(weight, factorial(n))
			value.Add(value, weight.Mul(weight, new(big.Rat).SetInt64(worth[set|1<<i]-worth[set])))
		}
		out[p] = value
	}
	return out
}

// markovOf finds removal effects by walking the chain, step by step, with one
// state taken out at a time.
func markovOf(ways []walked, weigh func(walked) float64) map[string]float64 {
	const start, end = "start", "end"
	next := map[string]map[string]float64{}
	sums := map[string]float64{}
	total := 0.0
	for _, w := range ways {
		if len(w.visits) == 0 {
			continue
		}
		total += weigh(w)
		states := []string{start}
		for _, v := range w.visits {
			states = append(states, originOf(v))
		}
		states = append(states, end)
		for i := range states[1:] {
			if next[states[i]] == nil {
				next[states[i]] = map[string]float64{}
			}
			next[states[i]][states[i+1]] += weigh(w)
			sums[states[i]] += weigh(w)
		}
	}
	effects, sum := map[string]float64{}, 0.0
	for removed := range next {
		if removed == start {
			continue
		}
		at, converted := map[string]float64{start: 1}, 0.0
		for range 20000 {
			moved := map[string]float64{}
			for state, p := range at {
				for to, w := range next[state] {
					switch q := p * w / sums[state]; {
					case to == end:
						converted += q
					case to != removed && q > 1e-18:
						moved[to] += q
					}
				}
			}
			if at = moved; len(at) == 0 {
				break
			}
		}
		effects[removed] = 1 - converted
		sum += 1 - converted
	}
	for state := range effects {
		effects[state] *= total / sum
	}
	return effects
}

// attributionEqualsItsDefinition compares every model with its definition.
func attributionEqualsItsDefinition(t *testing.T, db *store.Store) {
	random := rand.New(rand.NewPCG(8, 40))
	for _, c := range []struct {
		id, zone, from, to string
		lookback           int
	}{
		{"paths-sh", "Asia/Shanghai", "2026-09-10", "2026-10-20", 30},
		{"paths-ny", "America/New_York", "2026-10-15", "2026-11-03", 90},
		{"paths-lh", "Australia/Lord_Howe", "2026-09-28", "2026-10-06", 7},
		{"paths-utc", "UTC", "2026-09-03", "2026-09-08", 1},
	} {
		g, events := shops(t, random, c.id, c.zone, 2000)
		insert(t, db, c.id, store.Batch{Events: events})
		g.site.MinGroup = 1
		q := query(t, g.site, c.from, c.to)
		if err := q.Set("lookback", []string{fmt.Sprint(c.lookback)}); err != nil {
			t.Fatal(err)
		}
		ways := walk(events, q, c.lookback)
		t.Run(c.id, func(t *testing.T) { checkModels(t, answer(t, db, "attribution", q), ways) })
	}
}

func checkModels(t *testing.T, got *Table, ways []walked) {
	t.Helper()
	one := func(walked) int64 { return 1 }
	amount := func(w walked) int64 { return w.amount }
	total, value, lost := int64(len(ways)), int64(0), int64(0)
	lostValue := int64(0)
	for _, w := range ways {
		value += w.amount
		if len(w.visits) == 0 {
			lost++
			lostValue += w.amount
		}
	}
	if total < 20 || lost == 0 || lost > total-5 {
		t.Fatalf("%d conversions, %d without a visit: too easy", total, lost)
	}
	rowOf := map[string]Row{}
	for _, r := range got.Rows {
		rowOf[fmt.Sprintf("%q", []string{r.Cells[0].(string), r.Cells[1].(string), r.Cells[2].(string)})] = r
	}
	for _, model := range modelNames {
		counts, values := map[string]*big.Rat{}, map[string]*big.Rat{}
		switch model {
		case "shapley":
			counts, values = shapleyOf(ways, one), shapleyOf(ways, amount)
		case "markov":
			for o, f := range markovOf(ways, func(walked) float64 { return 1 }) {
				counts[o] = new(big.Rat).SetFloat64(f)
			}
			for o, f := range markovOf(ways, func(w walked) float64 { return float64(w.amount) }) {
				values[o] = new(big.Rat).SetFloat64(f)
			}
		default:
			for _, w := range ways {
				if len(w.visits) == 0 {
					continue
				}
				for i, share := range shares(w, model) {
					o := originOf(w.visits[i])
					if counts[o] == nil {
						counts[o], values[o] = new(big.Rat), new(big.Rat)
					}
					counts[o].Add(counts[o], share)
					values[o].Add(values[o], new(big.Rat).Mul(share, new(big.Rat).SetInt64(w.amount)))
				}
			}
		}
		loser := fmt.Sprintf("%q", []string{UnattributedLabel, "", ""})
		counts[loser], values[loser] = new(big.Rat).SetInt64(lost), new(big.Rat).SetInt64(lostValue)
		if len(counts) != len(got.Rows) {
			t.Fatalf("%s: %d rows, want %d", model, len(got.Rows), len(counts))
		}
		column, valueColumn := got.Column(model), got.Column(model+"_value")
		sum, sumValue := 0.0, int64(0)
		for o, want := range counts {
			row, ok := rowOf[o]
			if !ok {
				t.Fatalf("%s: no row %s", model, o)
			}
			g, _ := number(row.Cells[column])
			w, _ := want.Float64()
			exact := model != "time_decay" && model != "markov"
			if exact && g != w || math.Abs(g-w) > tolerance*float64(total) {
				t.Errorf("%s of %s is %v, want %v", model, o, g, w)
			}
			money := int64(row.Cells[valueColumn].(Money))
			wantMoney, _ := values[o].Float64()
			if math.Abs(float64(money)-wantMoney) > 1+tolerance*float64(value) {
				t.Errorf("%s_value of %s is %d, want %v to one ten-thousandth", model, o, money, wantMoney)
			}
			sum += g
			sumValue += money
		}
		if math.Abs(sum-float64(total)) > tolerance*float64(total) || sumValue != value {
			t.Errorf("%s: rows sum to %v and %d, want %d and %d", model, sum, sumValue, total, value)
		}
		if g, _ := number(got.Total(model)); g != float64(total) || got.Total(model+"_value") != Money(value) {
			t.Errorf("%s: totals %v and %v, want %d and %d", model, got.Total(model), got.Total(model+"_value"), total, value)
		}
	}
	checkWays(t, got, ways)
}

// number is a cell as a float.
func number(cell any) (float64, bool) {
	switch v := cell.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// checkWays compares the tables about ways with a count by hand.
func checkWays(t *testing.T, got *Table, ways []walked) {
	t.Helper()
	lengths, delayed := map[string]int64{}, map[string]int64{}
	for _, w := range ways {
		length, delay := UnattributedLabel, UnattributedLabel
		if n := len(w.visits); n > 0 {
			days := int(w.sale.Time.Sub(w.visits[0].Time).Hours()) / 24
			length, delay = fmt.Sprint(n), fmt.Sprint(days)
			switch {
			case n > 20:
				length = "21+"
			case n > 10:
				length = "11–20"
			case n > 5:
				length = "6–10"
			}
			for _, r := range [][2]int{{2, 3}, {4, 6}, {7, 13}, {14, 29}, {30, 90}} {
				if days >= r[0] && days <= r[1] {
					delay = fmt.Sprintf("%d–%d", r[0], r[1])
				}
			}
		}
		lengths[length]++
		delayed[delay]++
	}
	for name, want := range map[string]map[string]int64{"path_lengths": lengths, "delays": delayed} {
		rows := map[string]int64{}
		for _, r := range got.Part(name).Rows {
			rows[r.Cells[0].(string)] = r.Cells[1].(int64)
		}
		for label, n := range want {
			if rows[label] != n {
				t.Errorf("%s: %q is %d, want %d", name, label, rows[label], n)
			}
		}
		if len(rows) != len(want) {
			t.Errorf("%s: %d rows, want %d", name, len(rows), len(want))
		}
	}
	sum := int64(0)
	for _, r := range got.Part("paths").Rows {
		sum += r.Cells[1].(int64)
	}
	if sum != int64(len(ways)) {
		t.Errorf("paths sum to %d conversions, want %d", sum, len(ways))
	}
}

// attributionFolds: a campaign of which two visitors bought is in no row.
func attributionFolds(t *testing.T, db *store.Store) {
	own := newSite(t, "att-fold", "UTC", "EUR")
	var events []*event.Event
	buy := func(campaign string, from, to uint64) {
		for _, v := range visits("att-fold", campaign, from, to) {
			sale := *v
			sale.Kind, sale.Time, sale.Value = event.Conversion, v.Time.Add(time.Hour), 10_0000
			binary.BigEndian.PutUint64(sale.ID[:], 1000+v.Visitor)
			events = append(events, v, &sale)
		}
	}
	buy("large", 1, 20)
	buy("medium", 21, 26)
	buy("small", 30, 31)
	insert(t, db, "att-fold", store.Batch{Events: events})
	q := query(t, own, "2026-11-20", "2026-11-20")
	got := answer(t, db, "attribution", q)
	if len(got.Rows) != 2 || got.Rows[0].Cells[2] != "large" || got.Rows[1].Kind != Folded || got.Rows[1].Cells[3] != int64(8) || got.Meta.FoldedGroups != 2 {
		t.Errorf("rows %v, want large, and small with medium in the fold", got.Rows)
	}
	q.Filters = []Filter{{"campaign", "small", false}}
	if got = answer(t, db, "attribution", q); len(got.Rows) != 0 || got.Total("first") != int64(0) {
		t.Errorf("a filter finds what was folded: %v", got.Rows)
	}
	q.Filters = []Filter{{"campaign", "large", false}}
	if got = answer(t, db, "attribution", q); got.Total("linear") != 20.0 || got.Total("linear_value") != Money(200_0000) {
		t.Errorf("totals of a filter: %v", got.Totals)
	}
}

// Whatever the chain, the closed form equals taking states out one at a time.
func TestRemovalEffectsEqualTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ways []walked
		n := rapid.IntRange(1, 6).Draw(t, "states")
		all := &journeys{origins: make([]origin, n)}
		for range rapid.IntRange(1, 20).Draw(t, "ways") {
			var w walked
			var j journey
			for _, at := range rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 6).Draw(t, "way") {
				w.visits = append(w.visits, &event.Event{Campaign: event.Campaign{Source: fmt.Sprint(at)}})
				j.touches = append(j.touches, touch{origin: at})
			}
			ways, all.all = append(ways, w), append(all.all, j)
		}
		tallies := make([]tally, n)
		all.creditChain(tallies, func(*journey) float64 { return 1 }, int64(len(ways)))
		want := markovOf(ways, func(walked) float64 { return 1 })
		for i := range n {
			name := originOf(&event.Event{Campaign: event.Campaign{Source: fmt.Sprint(i)}})
			if math.Abs(tallies[i].markov-want[name]) > 1e-6 {
				t.Fatalf("state %d: %v, want %v", i, tallies[i].markov, want[name])
			}
		}
	})
}

// Whole numbers that sum to the total, each within one of its share.
func TestApportionKeepsTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(-1000, 1_000_000).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 50), 1, 20).Draw(t, "weights")
		sum := int64(1)
		for _, w := range weights {
			sum += w
		}
		var parts []*big.Rat
		for i, w := range weights {
			if i == 0 {
				w++
			}
			parts = append(parts, new(big.Rat).Mul(big.NewRat(w, sum), new(big.Rat).SetInt64(total)))
		}
		got := int64(0)
		for i, n := range apportion(total, parts) {
			got += n
			if off := new(big.Rat).Sub(parts[i], new(big.Rat).SetInt64(n)); off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("share %s became %d", parts[i], n)
			}
		}
		if got != total {
			t.Fatalf("they sum to %d, want %d", got, total)
		}
	})
}
