package enrich

import "bytes"

// sign is a text in a lower-case user agent and what it stands for.
type sign struct{ text, means string }

// signList names the lists of signs that one pass over an agent looks for.
type signList int

const (
	signsOfBrowser signList = iota
	signsOfSystem
	signsOfDevice
	signsOfMachine
	signLists
)

// signIndex finds, in one pass over a text, the first sign of each list that occurs
// in it. Signs stand in buckets by their first two bytes, so a place in the text is
// compared with the few signs that could begin there: the cost of an agent made to
// be expensive is bounded by its 512 bytes times the fullest bucket.
type signIndex struct {
	lists   [signLists][]sign
	bucket  [1 << 16]uint16 // of two bytes: index into buckets, 0 is empty
	buckets [][]signRef
}

// signRef is one sign: its list and its place there, which is its rank.
type signRef struct {
	list signList
	rank uint16
	text string
}

// newSignIndex builds the index. Every sign has two bytes at least.
func newSignIndex(lists [signLists][]sign) *signIndex {
	x := &signIndex{lists: lists, buckets: make([][]signRef, 1)}
	for list := range lists {
		for rank, s := range lists[list] {
			at := &x.bucket[uint16(s.text[0])<<8|uint16(s.text[1])]
			if *at == 0 {
				*at = uint16(len(x.buckets))
				x.buckets = append(x.buckets, nil)
			}
			x.buckets[*at] = append(x.buckets[*at], signRef{signList(list), uint16(rank), s.text})
		}
	}
	return x
}

// find gives what the first sign of each list means that occurs in lower, "" where
// none does.
func (x *signIndex) find(lower []byte) (means [signLists]string) {
	const none = ^uint16(0)
	best := [signLists]uint16{none, none, none, none}
	for i := 0; i+1 < len(lower); i++ {
		at := x.bucket[uint16(lower[i])<<8|uint16(lower[i+1])]
		if at == 0 {
			continue
		}
		for _, s := range x.buckets[at] {
			if s.rank < best[s.list] && len(lower)-i >= len(s.text) && string(lower[i:i+len(s.text)]) == s.text {
				best[s.list] = s.rank
			}
		}
	}
	for list, rank := range best {
		if rank != none {
			means[list] = x.lists[list][rank].means
		}
	}
	return means
}

// contains is bytes.Contains for a constant.
func contains(lower []byte, text string) bool { return bytes.Contains(lower, []byte(text)) }
