package report

import "slices"

// maxMarkov is how many origins a chain has at most: its matrix is inverted in
// about their number cubed steps. Beyond, the origins with the fewest visits
// on the way are one state, and share its credit by linear.
const maxMarkov = 300

// step is one transition of a chain. States are numbered from 0.
type step struct{ from, to int }

const (
	chainStart = -1
	chainEnd   = -2 // converted
)

// removalEffects returns, for each of n states, how much of the conversions a
// first-order Markov chain loses when the state is taken out and whoever would
// come to it goes away (Anderl et al. 2016). Only ways that ended in a
// conversion are in the chain, so the loss is the chance that the chain comes
// by the state before it ends: with the fundamental matrix N = (I − Q)⁻¹ of
// the visits, N[start, i] / N[i, i].
//
// weights are by step, not negative. Steps from a state sum to more than zero
// for every state that is reached.
func removalEffects(n int, weights map[step]float64) []float64 {
	out := make([]float64, n)
	start, sums := make([]float64, n), make([]float64, n)
	startSum := 0.0
	for s, w := range weights {
		if s.from == chainStart {
			startSum += w
		} else {
			sums[s.from] += w
		}
	}
	if startSum == 0 {
		return out
	}
	m := make([][]float64, n) // I − Q
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = 1
	}
	for s, w := range weights {
		switch {
		case s.to == chainEnd:
		case s.from == chainStart:
			start[s.to] = w / startSum
		default:
			m[s.from][s.to] -= w / sums[s.from]
		}
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

// creditChain shares total among the origins by removal effect. weigh says how
// much a conversion weighs in the chain: one, or its amount; what weighs
// nothing is left out. all must be credited by linear already.
func (all *journeys) creditChain(tallies []tally, weigh func(*journey) float64, total int64) {
	state, n := all.chainStates()
	weights := map[step]float64{}
	for i := range all.all {
		j := &all.all[i]
		w := weigh(j)
		if len(j.touches) == 0 || w <= 0 {
			continue
		}
		at := chainStart
		for _, t := range j.touches {
			weights[step{at, state[t.origin]}] += w
			at = state[t.origin]
		}
		weights[step{at, chainEnd}] += w
	}
	effects := removalEffects(n, weights)
	sum := 0.0
	for _, e := range effects {
		sum += e
	}
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
		tallies[i].markov = float64(total) * effects[s] / sum * portion
	}
}
