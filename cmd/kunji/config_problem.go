package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// place is where a value was written: a line and column of a file, or an
// environment variable.
type place struct {
	source       string
	line, column int // from 1; 0 in an environment variable
}

// Problem is one thing that is wrong in the configuration: where it stands,
// the key's path, what is wrong and what to write instead. It never quotes a
// secret.
type Problem struct {
	place
	Path    string
	Message string
}

// Error writes it the way compilers do, so that editors can jump to it.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.source)
	if p.line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.line, p.column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Message)
	return b.String()
}

// Problems is everything that is wrong, at once, in the order of the file.
type Problems []Problem

// Error is one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sort brings problems into reading order: the file that was named, then
// others by name, each by line and column.
func (ps Problems) sort(first string) {
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.compare(b.place, first) })
}

func (p place) compare(q place, first string) int {
	if p.source != q.source {
		switch first {
		case p.source:
			return -1
		case q.source:
			return 1
		}
	}
	return cmp.Or(cmp.Compare(p.source, q.source), cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// touches reports whether a problem is known already at path, above it or
// below it: a second word about the same mistake only confuses.
func (ps Problems) touches(path string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return within(p.Path, path) || within(path, p.Path) })
}

// within reports whether path is outer or stands inside it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && outer != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Warning is something that a careful operator would change, but that does not
// keep the service from running.
type Warning struct {
	Problem
	Law bool // the law of a named place does not allow what is configured
}

// Warnings is all of them, in the order of the file.
type Warnings []Warning

func (ws Warnings) sort(first string) {
	slices.SortStableFunc(ws, func(a, b Warning) int { return a.compare(b.place, first) })
}
