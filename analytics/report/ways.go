package report

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
)

// way is one row of a table about journeys.
type way struct {
	label string
	crowd crowd
	sum   sum
}

// grouping says how journeys are grouped: those with the same key are a row. key
// appends it to what it is given; label, the row's first cell, is asked for once.
type grouping struct {
	key   func(to []byte, j *journey) []byte
	label func(*journey) string
}

// tabulate groups journeys and folds what is about too few people. order puts the
// rows that are left in order.
func (all *journeys) tabulate(q Query, name, column string, by grouping, order func(a, b *way) int) *Table {
	t := &Table{Name: name, Meta: metaOf(&q), Columns: []Column{
		{column, Text, ""}, {"conversions", Integer, ""}, {"value", Number, q.Site.Currency},
	}}
	groups := map[string]*way{}
	var list []*way
	var key []byte
	for i := range all.all {
		j := &all.all[i]
		key = by.key(key[:0], j)
		w := groups[string(key)]
		if w == nil {
			w = &way{label: by.label(j), crowd: crowd{least: q.Site.MinGroup}}
			groups[string(key)] = w
			list = append(list, w)
		}
		w.crowd.add(j.visitor)
		w.sum.conversions++
		w.sum.amount += j.amount
	}
	slices.SortFunc(list, func(a, b *way) int {
		return cmp.Or(cmp.Compare(len(a.crowd.visitors), len(b.crowd.visitors)), cmp.Compare(a.sum.conversions, b.sum.conversions), cmp.Compare(b.label, a.label))
	})
	crowds := make([]*crowd, len(list))
	for i, w := range list {
		crowds[i] = &w.crowd
	}
	cut := foldCrowds(crowds, q.Site.MinGroup)
	t.Meta.FoldedGroups = cut
	shown := slices.Clone(list[cut:])
	slices.SortFunc(shown, order)
	for _, w := range shown {
		kind := Measured
		if w.label == UnattributedLabel {
			kind = Unattributed
		}
		t.Rows = append(t.Rows, Row{kind, w.cells()})
	}
	if cut > 0 {
		fold := way{label: FoldedLabel(q.Site.MinGroup)}
		for _, w := range list[:cut] {
			fold.sum.conversions += w.sum.conversions
			fold.sum.amount += w.sum.amount
		}
		t.Rows = append(t.Rows, Row{Folded, fold.cells()})
	}
	total := all.total()
	t.Totals = []any{nil, total.conversions, Money(total.amount)}
	return t
}

func (w *way) cells() []any { return []any{w.label, w.sum.conversions, Money(w.sum.amount)} }

// waysTable lists the ways by channel, most conversions first.
func waysTable(all *journeys, q Query) *Table {
	return all.tabulate(q, "paths", "path", grouping{channelsOf, all.way}, func(a, b *way) int {
		return cmp.Or(cmp.Compare(b.sum.conversions, a.sum.conversions), cmp.Compare(a.label, b.label))
	})
}

// channelsOf appends the channels of a journey.
func channelsOf(to []byte, j *journey) []byte {
	for _, t := range j.touches {
		to = binary.AppendUvarint(to, uint64(t.channel))
	}
	return to
}

// ranges label whole numbers: each begins at from and ends before the next.
type ranges []struct {
	from  int64
	label string
}

// of returns the index of the range in which a number is.
func (r ranges) of(n int64) int {
	i := len(r) - 1
	for i > 0 && n < r[i].from {
		i--
	}
	return i
}

// by groups journeys with visits by the range of a number; those without are a
// row of their own.
func (r ranges) by(number func(*journey) int64) grouping {
	return grouping{
		key: func(to []byte, j *journey) []byte {
			if len(j.touches) == 0 {
				return to
			}
			return append(to, byte(r.of(number(j))))
		},
		label: func(j *journey) string {
			if len(j.touches) == 0 {
				return UnattributedLabel
			}
			return r[r.of(number(j))].label
		},
	}
}

// byRange orders rows as the ranges stand; what is in none comes last.
func (r ranges) byRange(a, b *way) int {
	index := func(label string) int {
		for i, one := range r {
			if one.label == label {
				return i
			}
		}
		return len(r)
	}
	return index(a.label) - index(b.label)
}

func pathLengths() ranges {
	r := ranges{}
	for n := int64(1); n <= 5; n++ {
		r = append(r, struct {
			from  int64
			label string
		}{n, strconv.FormatInt(n, 10)})
	}
	return append(r, ranges{{6, "6–10"}, {11, "11–20"}, {21, "21+"}}...)
}

func delays() ranges {
	return ranges{{0, "0"}, {1, "1"}, {2, "2–3"}, {4, "4–6"}, {7, "7–13"}, {14, "14–29"}, {30, "30–90"}}
}

// lengthTable says how many visits conversions took.
func lengthTable(all *journeys, q Query) *Table {
	r := pathLengths()
	visits := func(j *journey) int64 { return int64(len(j.touches)) }
	return all.tabulate(q, "path_lengths", "path_length", r.by(visits), r.byRange)
}

// delayTable says how many whole days passed from the first visit to the
// conversion.
func delayTable(all *journeys, q Query) *Table {
	const day = 24 * 60 * 60 * 1000
	r := delays()
	days := func(j *journey) int64 { return j.age(j.touches[0]) / day }
	return all.tabulate(q, "delays", "days", r.by(days), r.byRange)
}
