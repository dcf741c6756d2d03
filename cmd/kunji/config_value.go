package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// units of durations. A year is 365 days and a week seven: terms of retention,
// not a calendar's.
var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": day, "w": 7 * day, "y": 365 * day,
}

var durationPart = regexp.MustCompile(`^([0-9]{1,6})(ms|s|m|h|d|w|y)`)

// parseDuration reads 395d, 5y, 30m or 1h30m.
func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, errors.New(`"" is not a duration: write one such as 395d, 5y or 30m`)
	}
	var sum time.Duration
	for rest := text; rest != ""; {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, fmt.Errorf("%q is not a duration: write one such as 395d, 5y or 30m", text)
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := durationUnits[part[2]]
		if err != nil || n > int64(math.MaxInt64-sum)/int64(unit) {
			return 0, fmt.Errorf("%q is longer than 292 years: write a shorter one", text)
		}
		sum += time.Duration(n) * unit
		rest = rest[len(part[0]):]
	}
	return sum, nil
}

var sizeUnits = map[string]int64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// parseSize reads 10GiB, 512MB or a plain number of bytes.
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "BKMGTi ")
	unit, known := sizeUnits[strings.TrimSpace(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || !known {
		return 0, fmt.Errorf("%q is not a size: write one such as 10GiB or 512MiB", text)
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is larger than any disk: write a smaller one", text)
	}
	return n * unit, nil
}

// looseText is a string that may be written as a bare number.
type looseText string

// UnmarshalJSON takes a string or a number.
func (t *looseText) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '"' {
		if string(data) != "null" {
			*t = looseText(data)
		}
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// maxWord is longer than any key, so that a hostile one costs nothing.
const maxWord = 64

// nearest finds the word of list that text most likely meant; "" if none is
// close.
func nearest(text string, list []string) string {
	if len(text) > maxWord {
		return ""
	}
	best, bestDistance := "", max(1, len(text)/3)+1
	for _, word := range list {
		if d := editDistance(text, word); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	return best
}

// editDistance counts the letters to add, drop, change or swap with their
// neighbour (optimal string alignment).
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

// alternatives joins words as a sentence does: a, b or c.
func alternatives(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
}
