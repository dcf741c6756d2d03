package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// madeVisitor is one made-up person with a browser's cookies.
type madeVisitor struct {
	address, agent, language string
	cookies                  map[string]string
	answer                   string // accept, analytics, reject, ignore
	random                   *rand.Rand
}

// madeVisit is one planned visit.
type madeVisit struct {
	who      *madeVisitor
	from     madeSource
	landing  string // the shop's first page where empty
	first    bool
	order    string
	pages    int
	purchase float64
}

// madeSource is where made-up visits come from, how often, and how well they
// sell.
type madeSource struct {
	query, referrer string
	weight, sells   float64
}

var madeSources = []madeSource{
	{query: "", referrer: "", weight: 24, sells: .05},
	{query: "", referrer: "https://www.baidu.com/", weight: 16, sells: .04},
	{query: "", referrer: "https://www.google.com/", weight: 9, sells: .05},
	{query: "", referrer: "https://www.zhihu.com/question/1", weight: 5, sells: .02},
	{query: "", referrer: "https://chatgpt.com/", weight: 2, sells: .06},
	{query: "utm_source=baidu&utm_medium=cpc&utm_campaign=autumn-tea&utm_term=oolong&bd_vid=made", weight: 15, sells: .06},
	{query: "utm_source=google&utm_medium=cpc&utm_campaign=autumn-tea&gclid=made", weight: 9, sells: .08},
	{query: "utm_source=xiaohongshu&utm_medium=social&utm_campaign=new-harvest&utm_content=video", referrer: "https://www.xiaohongshu.com/", weight: 9, sells: .02},
	{query: "utm_source=douyin&utm_medium=paid-social&utm_campaign=new-harvest&utm_content=live", weight: 6, sells: .03},
	{query: "utm_source=newsletter&utm_medium=email&utm_campaign=singles-day", weight: 5, sells: .14},
}

var madeAgents = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}

// madePlace is a network to make addresses in, where it is, and the language
// spoken there.
type madePlace struct {
	network, country, language string
	weight                     float64
}

var madePlaces = []madePlace{
	{"114.114", "CN", "zh-CN,zh;q=0.9", 60},
	{"223.5", "CN", "zh-CN,zh;q=0.9", 18},
	{"133.11", "JP", "ja,en;q=0.5", 6},
	{"91.64", "DE", "de-DE,de;q=0.9,en;q=0.6", 6},
	{"90.10", "FR", "fr-FR,fr;q=0.9", 4},
	{"73.20", "US", "en-US,en;q=0.9", 6},
}

func pick[T any](r *rand.Rand, all []T, weight func(T) float64) T {
	total := 0.0
	for _, v := range all {
		total += weight(v)
	}
	at := r.Float64() * total
	for _, v := range all {
		if at -= weight(v); at < 0 {
			return v
		}
	}
	return all[len(all)-1]
}

// plan spreads visits over the month: more in the evening, more on weekends,
// and a sale that grows towards the end.
func (m *madeTraffic) plan(start, end time.Time, perDay float64) ([][]madeVisit, int) {
	zone := time.FixedZone("shop", 8*3600)
	steps := make([][]madeVisit, int(end.Sub(start)/madeStep))
	visits := 0
	for i := range steps {
		at := start.Add(time.Duration(i) * madeStep).In(zone)
		rate := perDay / 288 * hourly[at.Hour()] * dayWeight(at.Weekday(), float64(i)/float64(len(steps)))
		for n := poisson(m.random, rate); n > 0; n-- {
			visits += m.planVisitor(steps, i)
		}
	}
	return steps, visits
}

// dayWeight says how much happens on a day that lies at a part of the period.
func dayWeight(day time.Weekday, at float64) float64 {
	w := 0.8 + 0.4*at
	if day == time.Saturday || day == time.Sunday {
		w *= 1.25
	}
	return w
}

var hourly = [24]float64{.6, .5, .45, .4, .4, .45, .5, .7, .9, 1.1, 1.2, 1.2, 1.3, 1.2, 1.1, 1.1, 1.1, 1.2, 1.3, 1.6, 2, 2.1, 1.7, 1}

func poisson(r *rand.Rand, mean float64) int {
	n := 0
	for t := r.ExpFloat64(); t < mean; t += r.ExpFloat64() {
		n++
	}
	return n
}

// planVisitor plans a person's first visit and those that follow.
func (m *madeTraffic) planVisitor(steps [][]madeVisit, i int) int {
	r := m.random
	who := newMadeVisitor(r)
	source := pick(r, madeSources, func(s madeSource) float64 { return s.weight })
	visits := 0
	for first := true; i < len(steps); first = false {
		v := madeVisit{who: who, from: source, first: first, pages: 1 + poisson(r, 1.4), purchase: r.Float64()}
		v.order = m.nextOrder()
		steps[i] = append(steps[i], v)
		visits++
		if who.answer == "ignore" || who.answer == "reject" || r.Float64() > .35 {
			break
		}
		i += 1 + int(r.ExpFloat64()*4*288)
		if source = madeSources[0]; r.Float64() < .4 {
			source = pick(r, madeSources, func(s madeSource) float64 { return s.weight })
		}
	}
	return visits
}

func newMadeVisitor(r *rand.Rand) *madeVisitor {
	place := pick(r, madePlaces, func(p madePlace) float64 { return p.weight })
	return &madeVisitor{
		address: fmt.Sprintf("%s.%d.%d", place.network, r.IntN(256), 1+r.IntN(254)), language: place.language,
		agent: madeAgents[r.IntN(len(madeAgents))], cookies: map[string]string{}, answer: answerOf(r),
		random: rand.New(rand.NewPCG(r.Uint64(), r.Uint64())),
	}
}

// nextOrder is the number of an order that may be made.
func (m *madeTraffic) nextOrder() string { return fmt.Sprintf("M%06d", m.orders.Add(1)) }

func answerOf(r *rand.Rand) string {
	switch at := r.Float64(); {
	case at < .58:
		return "accept"
	case at < .64:
		return "analytics"
	case at < .86:
		return "reject"
	}
	return "ignore"
}
