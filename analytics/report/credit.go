package report

import (
	"math"
	"math/big"
	"slices"
)

// halfLife is after how long a visit has half the weight in time decay, in
// milliseconds: seven days, as Google Analytics had it.
const halfLife = 7 * 24 * 60 * 60 * 1000

// The models, in the order of their columns.
const (
	firstTouch   = iota
	lastTouch    // last visit
	lastIndirect // last visit that was not direct; last where all were
	linear       // each visit the same
	timeDecay    // half the weight for every seven days before the conversion
	position     // 40 % first, 40 % last, 20 % between; halves where there are two
	markov       // by removal effect (markov.go)
	shapley      // by Shapley value over the set of origins
	models
)

var modelNames = [models]string{"first", "last", "last_non_direct", "linear", "time_decay", "position", "markov", "shapley"}

// part counts what is credited as fractions: how much is to be divided by what,
// by divisor. Kept whole until the end, so that sums are exact.
type part []int64

func (p *part) add(n int64, divisor int) {
	for len(*p) <= divisor {
		*p = append(*p, 0)
	}
	(*p)[divisor] += n
}

// exact sums the fractions.
func (p part) exact() *big.Rat {
	sum := new(big.Rat)
	for divisor, n := range p {
		if n != 0 {
			sum.Add(sum, big.NewRat(n, int64(divisor)))
		}
	}
	return sum
}

// tally is what one origin gets, in conversions or in money.
type tally struct {
	whole  [lastIndirect + 1]int64
	linear part
	set    part // Shapley: each origin once
	edges  part // position-based
	decay  float64
	markov float64
}

// all credits the only one there is, in every model.
func (t *tally) all(amount int64) {
	for i := range t.whole {
		t.whole[i] += amount
	}
	for _, p := range []*part{&t.linear, &t.set, &t.edges} {
		p.add(amount, 1)
	}
	t.decay += float64(amount)
	t.markov += float64(amount)
}

// add adds another tally to t.
func (t *tally) add(o *tally) {
	for i, n := range o.whole {
		t.whole[i] += n
	}
	for to, from := range map[*part]part{&t.linear: o.linear, &t.set: o.set, &t.edges: o.edges} {
		for divisor, n := range from {
			to.add(n, divisor)
		}
	}
	t.decay += o.decay
	t.markov += o.markov
}

// of returns what a model credits.
func (t *tally) of(model int) *big.Rat {
	switch model {
	case linear:
		return t.linear.exact()
	case shapley:
		return t.set.exact()
	case position:
		return t.edges.exact()
	case timeDecay:
		return new(big.Rat).SetFloat64(t.decay)
	case markov:
		return new(big.Rat).SetFloat64(t.markov)
	}
	return new(big.Rat).SetInt64(t.whole[model])
}

// weighed is what the models need to know of a way.
type weighed struct {
	last, nonDirect int
	distinct        []int     // origins
	weights         []float64 // of the visits, in time decay
	sum             float64
}

// weigh fills w in for a way, in the memory of the one before.
func (w *weighed) weigh(j *journey) {
	w.last, w.nonDirect = j.lastOf()
	w.distinct = j.distinct(w.distinct[:0])
	w.weights, w.sum = w.weights[:0], 0
	newest := j.touches[w.last].at
	for _, t := range j.touches {
		weight := math.Exp2(-float64(newest-t.at) / halfLife)
		w.weights = append(w.weights, weight)
		w.sum += weight
	}
}

// credit gives one conversion, or its amount, to the origins on its way.
func (w *weighed) credit(j *journey, amount int64, tallies []tally) {
	n := len(j.touches)
	for model, i := range [...]int{firstTouch: 0, lastTouch: w.last, lastIndirect: w.nonDirect} {
		tallies[j.touches[i].origin].whole[model] += amount
	}
	for _, p := range w.distinct {
		tallies[p].set.add(amount, len(w.distinct))
	}
	for i, at := range j.touches {
		t := &tallies[at.origin]
		t.linear.add(amount, n)
		t.decay += float64(amount) * w.weights[i] / w.sum
		switch {
		case n <= 2:
			t.edges.add(amount, n)
		case i == 0 || i == w.last:
			t.edges.add(2*amount, 5)
		default:
			t.edges.add(amount, 5*(n-2))
		}
	}
}

// distinct appends the origins on the way to all, each once.
//
// The Shapley value of a game in which a set of origins earns the conversions
// of all ways that need no other: every conversion is shared equally by
// the origins of its way (Zhao, Mahboobi-Ardakan and Bagheri 2018, "Shapley
// Value Methods for Attribution Modeling in Online Advertising"). Exact for any
// number of them.
func (j *journey) distinct(all []int) []int {
	for _, t := range j.touches {
		if !slices.Contains(all, t.origin) {
			all = append(all, t.origin)
		}
	}
	return all
}

// apportion rounds shares to whole numbers whose sum is total, each at most
// one from its own (largest remainder; ties to the earlier).
func apportion(total int64, shares []*big.Rat) []int64 {
	type rest struct {
		i int
		r *big.Rat
	}
	whole, rests := make([]int64, len(shares)), make([]rest, len(shares))
	left := total
	for i, s := range shares {
		floor := new(big.Int).Div(s.Num(), s.Denom()) // towards minus infinity: denominators are positive
		whole[i] = floor.Int64()
		left -= whole[i]
		rests[i] = rest{i, new(big.Rat).Sub(s, new(big.Rat).SetInt(floor))}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return b.r.Cmp(a.r) })
	for i := range rests {
		if left > 0 {
			whole[rests[i].i]++
			left--
		}
	}
	for i := range slices.Backward(rests) { // floats whose sum is a hair above
		if left < 0 {
			whole[rests[i].i]--
			left++
		}
	}
	return whole
}
