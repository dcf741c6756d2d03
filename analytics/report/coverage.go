package report

import (
	"cmp"
	"context"
	_ "embed" // coverage.sql
	"fmt"
	"math"
	"slices"
)

//go:embed query/coverage.sql
var coverageSQL string

// stratum is a country and device: what was measured there, and what became of
// its banners.
type stratum struct {
	choice
	measured [3]int64 // visitors, visits, page views
}

// few is what decides whether a stratum may stand alone: its visitors and each
// count of its banner that the report shows.
func (s *stratum) few() int64 {
	if s.n[shown] == 0 {
		return 0
	}
	return min(s.measured[0], smallest(s.n[:withdrawn]))
}

// coverage says which part of the people asked agreed, by country and device,
// beside what was measured of those who did: how much of the traffic the other
// reports are about.
//
// share_low takes everybody who was shown the banner, once per time, and counts
// only who accepted; share_high takes those who answered, and counts who saved a
// choice of their own as agreeing. The truth lies between: banners are counted,
// not people, and nothing is kept of who refused.
//
// With Options.Estimate a second table, of estimates alone, says how much is
// missing: see estimate. Nothing of it enters any other figure.
func coverage(ctx context.Context, src Source, q Query) (*Table, error) {
	table := &Table{Meta: metaOf(&q), Columns: []Column{
		{"country", Text, ""}, {"device", Text, ""}, {"visitors", Integer, ""}, {"visits", Integer, ""}, {"page_views", Integer, ""},
		{"shown", Integer, ""}, {"accepted", Integer, ""}, {"rejected", Integer, ""}, {"saved", Integer, ""},
		{"share_low", Number, Ratio}, {"share_high", Number, Ratio},
	}}
	strata, err := askStrata(ctx, src, q)
	if err != nil {
		return nil, err
	}
	few, upTo := make([]int64, len(strata)), make([]int64, len(strata))
	sum := stratum{choice: choice{place: make([]string, 2)}}
	for i, s := range strata {
		sum.join(s)
		few[i], upTo[i] = s.few(), sum.few()
	}
	cut := foldAt(few, upTo, q.Site.MinGroup)
	table.Meta.FoldedGroups = cut
	alone := slices.Clone(strata[cut:])
	slices.SortFunc(alone, func(a, b stratum) int {
		return cmp.Or(cmp.Compare(b.n[shown], a.n[shown]), slices.Compare(a.place, b.place))
	})
	for _, s := range alone {
		table.Rows = append(table.Rows, Row{Measured, s.cells()})
	}
	if cut > 0 {
		fold := stratum{choice: choice{place: []string{FoldedLabel(q.Site.MinGroup), ""}}}
		for _, s := range strata[:cut] {
			fold.join(s)
		}
		table.Rows = append(table.Rows, Row{Folded, fold.cells()})
		alone = append(alone, fold)
	}
	table.Totals = sum.cells()
	table.Totals[0], table.Totals[1] = nil, nil
	// Visitors of several countries or devices are there once for each.
	if q.Options.Estimate {
		table.More = []*Table{estimate(alone, q)}
	}
	return table, nil
}

func (s *stratum) join(o stratum) {
	s.add(o.choice)
	for i := range s.measured {
		s.measured[i] += o.measured[i]
	}
}

func (s *stratum) interactions() int64 { return s.n[accepted] + s.n[rejected] + s.n[saved] }

func (s *stratum) cells() []any {
	return []any{
		s.place[0], s.place[1], s.measured[0], s.measured[1], s.measured[2], s.n[shown], s.n[accepted], s.n[rejected], s.n[saved],
		ratio(s.n[accepted], max(s.n[shown], s.interactions())), ratio(s.n[accepted]+s.n[saved], s.interactions()),
	}
}

// estimate says how many visitors, visits and page views there were of people
// who did not agree, as if they were like those of the same country and device
// who did: weighting classes (H. L. Oh and F. J. Scheuren, Weighting Adjustment
// for Unit Nonresponse, in Incomplete Data in Sample Surveys 2, 1983; C.-E.
// Särndal, B. Swensson and J. Wretman, Model Assisted Survey Sampling, 1992,
// 15.6). In a stratum of which a part s agreed, what is missing is measured ·
// (1 - s) / s. Strata too small to be shown are one stratum.
//
// The range is that of s, since it is known between bounds only (C. F. Manski,
// Partial Identification of Probability Distributions, 2003): from share_low to
// share_high, each widened by its 95 % Wilson interval (E. B. Wilson, JASA 22,
// 1927). The ends of all strata are added up, which is wider than 95 %.
// estimate is at the middle of the two shares, which is no likelier than the
// rest. Where nobody agreed high is empty, and all is where nobody answered.
func estimate(strata []stratum, q Query) *Table {
	t := &Table{Name: "estimate", Meta: metaOf(&q), Columns: []Column{
		{"figure", Text, ""}, {"estimate", Integer, ""}, {"low", Integer, ""}, {"high", Integer, ""},
	}}
	for i, name := range []string{"visitors", "visits", "page_views"} {
		var low, middle, high float64
		for _, s := range strata {
			if s.measured[i] == 0 {
				continue
			}
			least, most := s.bounds()
			if s.interactions() == 0 { // nobody was asked, or nobody is known to have answered
				least, most = math.NaN(), math.NaN()
			}
			low += missing(s.measured[i], most)
			middle += missing(s.measured[i], (least+most)/2)
			high += missing(s.measured[i], least)
		}
		t.Rows = append(t.Rows, Row{Measured, []any{name, whole(middle), whole(low), whole(high)}})
	}
	t.Totals = make([]any, len(t.Columns))
	return t
}

// bounds are the least and the largest part that may have agreed.
func (s *stratum) bounds() (least, most float64) {
	least, _ = wilson(s.n[accepted], max(s.n[shown], s.interactions()))
	_, most = wilson(s.n[accepted]+s.n[saved], s.interactions())
	return least, most
}

func missing(measured int64, share float64) float64 { return float64(measured) * (1 - share) / share }

// whole rounds a number of people; nil where it has no end.
func whole(n float64) any {
	if math.IsInf(n, 0) || math.IsNaN(n) {
		return nil
	}
	return int64(math.Round(n))
}

// wilson is the 95 % score interval of a part; all from 0 to 1 where there is
// no whole.
func wilson(part, of int64) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n, p := float64(of), float64(part)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	if low = middle - half; part == 0 {
		low = 0
	}
	if high = middle + half; part == of {
		high = 1
	}
	return low, high
}

// askStrata returns the strata, those with a count too small first, then those
// with the fewest banners.
func askStrata(ctx context.Context, src Source, q Query) ([]stratum, error) {
	choices, err := askChoices(ctx, src, q)
	if err != nil {
		return nil, err
	}
	at := map[[2]string]int{}
	var all []stratum
	for _, c := range gather(choices, q.Site.MinGroup, inCountry, onDevice) {
		at[[2]string(c.place)] = len(all)
		all = append(all, stratum{choice: c})
	}
	rows, err := src.Query(ctx, coverageSQL, map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		s := stratum{choice: choice{place: make([]string, 2)}}
		if err := rows.Scan(&s.place[0], &s.place[1], &s.measured[0], &s.measured[1], &s.measured[2]); err != nil {
			return nil, fmt.Errorf("a stratum of the answer: %w", err)
		}
		if i, ok := at[[2]string(s.place)]; ok {
			all[i].measured = s.measured
		} else {
			all = append(all, s)
		}
	}
	small := func(s stratum) int {
		if s.few() < int64(q.Site.MinGroup) {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b stratum) int {
		return cmp.Or(small(a)-small(b), cmp.Compare(a.n[shown], b.n[shown]), slices.Compare(a.place, b.place))
	})
	return all, rows.Err()
}
