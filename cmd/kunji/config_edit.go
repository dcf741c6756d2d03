package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// yamlEntry is one entry of a list of maps, in order. Values are texts or
// lists of texts.
type yamlEntry [][2]any

// block writes the entry for a list in block style, its dash indented.
func (e yamlEntry) block(indent int) string {
	var b strings.Builder
	lead := strings.Repeat(" ", indent) + "- "
	for _, field := range e {
		fmt.Fprintf(&b, "%s%s: %s\n", lead, field[0], flowValue(field[1]))
		lead = strings.Repeat(" ", indent+2)
	}
	return b.String()
}

// flow writes the entry in one line.
func (e yamlEntry) flow() string {
	fields := make([]string, len(e))
	for i, field := range e {
		fields[i] = fmt.Sprintf("%s: %s", field[0], flowValue(field[1]))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func flowValue(v any) string {
	list, ok := v.([]string)
	if !ok {
		return quoteYAML(fmt.Sprint(v))
	}
	quoted := make([]string, len(list))
	for i, text := range list {
		quoted[i] = quoteYAML(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quoteYAML writes a text as a double-quoted scalar. Go's escapes for what is
// not printable are YAML's too (\x, \u, \U).
func quoteYAML(text string) string { return strconv.Quote(text) }

// addEntry puts an entry at the end of console.users or console.tokens in the
// configuration. Only bytes are added: comments and layout stay.
func (a *app) addEntry(list string, e yamlEntry) error {
	return a.edit(func(data []byte) ([]byte, error) { return insertEntry(data, list, e) })
}

// replaceText replaces a text that stands in the configuration exactly once.
func (a *app) replaceText(old, text string) error {
	return a.edit(func(data []byte) ([]byte, error) {
		if bytes.Count(data, []byte(old)) != 1 {
			return nil, errors.New("the value does not stand in the file exactly once")
		}
		return bytes.Replace(data, []byte(old), []byte(text), 1), nil
	})
}

// edit changes the configuration, and keeps the change only if the result is a
// valid configuration. The file is replaced whole or not at all.
func (a *app) edit(change func([]byte) ([]byte, error)) error {
	data, err := os.ReadFile(a.config)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	info, err := os.Stat(a.config)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	changed, err := change(data)
	if err == nil {
		_, _, err = parseConfig(a.config, changed, a.env, os.DirFS(filepath.Dir(a.config)))
	}
	if err != nil {
		return fmt.Errorf("%s was not changed: %w; run the command without --write and put the lines in by hand", a.config, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(a.config), ".kunji-*.yaml")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(changed)
	err = errors.Join(err, giveTo(tmp, info), tmp.Chmod(info.Mode().Perm()), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), a.config)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	fmt.Fprintf(a.stderr, "%s changed; send a running service a SIGHUP\n", a.config)
	return nil
}

// insertEntry finds the list below console, in whichever style it is written,
// and adds the entry. A missing list or section is added too.
func insertEntry(data []byte, list string, e yamlEntry) ([]byte, error) {
	tree, err := parseYAML(data)
	if err != nil {
		return nil, err
	}
	var top ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			top = doc.Body
		}
	}
	console := child(top, "console")
	if console == nil {
		return appendLines(data, "\nconsole:\n  "+list+":\n"+e.block(4)), nil
	}
	target := child(console.Value, list)
	if target == nil {
		return insertList(data, console, list, e)
	}
	seq, ok := target.Value.(*ast.SequenceNode)
	if !ok {
		return nil, fmt.Errorf("console.%s is not a list", list)
	}
	if !seq.IsFlowStyle {
		last := seq.Values[len(seq.Values)-1]
		return insertAfterLine(data, lastLine(last), e.block(seq.Start.Position.Column-1)), nil
	}
	end, err := offsetOf(data, seq.End.Position.Line, seq.End.Position.Column, ']')
	if err != nil {
		return nil, err
	}
	text := e.flow()
	if len(seq.Values) > 0 {
		text = ", " + text
	}
	return insertAt(data, end, text), nil
}

// insertList adds the list itself to a console section that lacks it.
func insertList(data []byte, console *ast.MappingValueNode, list string, e yamlEntry) ([]byte, error) {
	entries := entriesOf(console.Value)
	if m, ok := console.Value.(*ast.MappingNode); ok && m.IsFlowStyle {
		end, err := offsetOf(data, m.End.Position.Line, m.End.Position.Column, '}')
		if err != nil {
			return nil, err
		}
		text := list + ": [" + e.flow() + "] "
		if len(entries) > 0 {
			text = ", " + text
		}
		return insertAt(data, end, text), nil
	}
	if len(entries) == 0 {
		return nil, errors.New("console has no value")
	}
	first := entries[0].Key.GetToken().Position
	indent := first.Column - 1
	lines := strings.Repeat(" ", indent) + list + ":\n" + e.block(indent+2)
	return insertAfterLine(data, first.Line-1, lines), nil
}

// child finds a key of a map.
func child(n ast.Node, key string) *ast.MappingValueNode {
	for _, e := range entriesOf(n) {
		if e.Key.GetToken().Value == key {
			return e
		}
	}
	return nil
}

func entriesOf(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// lineFinder notes the last line that any token below a node stands in.
type lineFinder struct{ last int }

func (f *lineFinder) Visit(n ast.Node) ast.Visitor {
	if t := n.GetToken(); t != nil && t.Position != nil {
		f.last = max(f.last, t.Position.Line)
	}
	if s, ok := n.(*ast.SequenceNode); ok && s.End != nil {
		f.last = max(f.last, s.End.Position.Line)
	}
	if m, ok := n.(*ast.MappingNode); ok && m.End != nil {
		f.last = max(f.last, m.End.Position.Line)
	}
	return f
}

func lastLine(n ast.Node) int {
	var f lineFinder
	ast.Walk(&f, n)
	return f.last
}

// offsetOf turns a place into an offset of bytes, and makes sure that the
// expected character stands there.
func offsetOf(data []byte, line, column int, want byte) (int, error) {
	start := lineStart(data, line)
	for i := 1; i < column && start < len(data); i++ {
		_, size := utf8.DecodeRune(data[start:])
		start += size
	}
	if start >= len(data) || data[start] != want {
		return 0, fmt.Errorf("no %q at line %d, column %d", want, line, column)
	}
	return start, nil
}

// lineStart is the offset at which a line begins, or the end of the data.
func lineStart(data []byte, line int) int {
	at := 0
	for ; line > 1; line-- {
		next := bytes.IndexByte(data[at:], '\n')
		if next < 0 {
			return len(data)
		}
		at += next + 1
	}
	return at
}

func insertAt(data []byte, at int, text string) []byte {
	return append(append(append([]byte{}, data[:at]...), text...), data[at:]...)
}

func insertAfterLine(data []byte, line int, lines string) []byte {
	at := lineStart(data, line+1)
	if at == len(data) {
		return appendLines(data, lines)
	}
	return insertAt(data, at, lines)
}

func appendLines(data []byte, lines string) []byte {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		lines = "\n" + lines
	}
	return append(append([]byte{}, data...), lines...)
}
