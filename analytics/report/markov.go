package report

import "slices"

// maxMarkov is how many origins a chain has at most: its matrix is inverted in
// about their number cubed steps. Beyond, the origins with the fewest visits
// on the way are one state, and share its credit by linear.
const maxMarkov = 300

// chain is how often, or with how much weight, each step of it is taken, by the
// states at its ends. They are numbered from 0; the row behind the last is where
// ways start, the column behind it where they end in a conversion.
type chain [][]float64

func newChain(states int) chain {
	c := make(chain, states+1)
	for i := range c {
		c[i] = make([]float64, states+1)
	}
	return c
}

func (c chain) states() int { return len(c) - 1 }

// removalEffects returns, for each state, how much of the conversions a
// first-order Markov chain loses when the state is taken out and whoever would
// come to it goes away (Anderl et al. 2016). Only ways that ended in a
// conversion are in the chain, so the loss is the chance that the chain comes
// by the state before it ends: with the fundamental matrix N = (I − Q)⁻¹ of
// the visits, N[start, i] / N[i, i].
//
// Weights are not negative, and those from a state sum to more than zero for
// every state that is reached.
func (c chain) removalEffects() []float64 {
	n := c.states()
	out := make([]float64, n)
	start := slices.Clone(c[n][:n])
	if !normalize(start, total(c[n])) {
		return out
	}
	m := make([][]float64, n) // I − Q
	for i := range m {
		m[i] = slices.Clone(c[i][:n])
		normalize(m[i], -total(c[i]))
		m[i][i]++
	}
	inverse := invert(m)
	for i := range out {
		visits := 0.0
		for k, p := range start {
			visits += p * inverse[k][i]
		}
		if inverse[i][i] > 0 {
			out[i] = visits / inverse[i][i]
		}
	}
	return out
}

// normalize divides all by whole; it returns false where that is nothing.
func normalize(all []float64, whole float64) bool {
	if whole == 0 {
		return false
	}
	for i := range all {
		all[i] /= whole
	}
	return true
}

func total(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum
}

// invert inverts m by Gauss and Jordan, and uses it up. I − Q is diagonally
// dominant by rows, so the diagonal serves as pivot without looking for
// another.
func invert(m [][]float64) [][]float64 {
	n := len(m)
	inverse := make([][]float64, n)
	for i := range inverse {
		inverse[i] = make([]float64, n)
		inverse[i][i] = 1
	}
	for c := range n {
		pivot := m[c][c]
		for k := range n {
			m[c][k] /= pivot
			inverse[c][k] /= pivot
		}
		for r := range n {
			factor := m[r][c]
			if r == c || factor == 0 {
				continue
			}
			for k := range n {
				m[r][k] -= factor * m[c][k]
				inverse[r][k] -= factor * inverse[c][k]
			}
		}
	}
	return inverse
}

// chainStates numbers the states of the chain: one per origin, and beyond
// maxMarkov one for all those with the fewest visits.
func (all *journeys) chainStates() (state []int, n int) {
	visits := make([]int, len(all.origins))
	for _, j := range all.all {
		for _, t := range j.touches {
			visits[t.origin]++
		}
	}
	order := make([]int, len(visits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return visits[b] - visits[a] })
	state = make([]int, len(visits))
	for rank, i := range order {
		state[i] = min(rank, maxMarkov-1)
	}
	return state, min(len(visits), maxMarkov)
}

// creditChain shares amount among the origins by removal effect. weigh says how
// much a conversion weighs in the chain: one, or its amount; what weighs
// nothing is left out. all must be credited by linear already.
func (all *journeys) creditChain(tallies []tally, weigh func(*journey) float64, amount int64) {
	state, n := all.chainStates()
	steps := newChain(n)
	for i := range all.all {
		j := &all.all[i]
		w := weigh(j)
		if len(j.touches) == 0 || w <= 0 {
			continue
		}
		at := n
		for _, t := range j.touches {
			next := state[t.origin]
			steps[at][next] += w
			at = next
		}
		steps[at][n] += w
	}
	effects := steps.removalEffects()
	sum := total(effects)
	if sum == 0 {
		return // nothing weighs, so there is nothing to share
	}
	shared, members := make([]float64, n), make([]float64, n) // linear credit and number of the state's origins
	for i, s := range state {
		credited, _ := tallies[i].linear.exact().Float64()
		shared[s] += credited
		members[s]++
	}
	for i, s := range state {
		portion := 1 / members[s]
		if members[s] > 1 && shared[s] > 0 {
			credited, _ := tallies[i].linear.exact().Float64()
			portion = credited / shared[s]
		}
		tallies[i].markov = float64(amount) * effects[s] / sum * portion
	}
}
