package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxConfigBytes = 1 << 20
	maxConfigNodes = 100_000 // bounds what aliases of aliases unfold to
	maxConfigDepth = 64
)

// document is a YAML file as plain values (map[string]any, []any, string,
// bool, int64, uint64, float64, nil), with the place of each of them by its
// path, as in sites[0].regimes.default.
type document struct {
	file     string
	root     any
	values   map[string]place
	keys     map[string]place
	problems Problems

	anchors map[string]ast.Node
	nodes   int
}

// readDocument parses data. Faults of syntax come back in the document's
// problems, and its root is then nil.
func readDocument(file string, data []byte) *document {
	d := &document{file: file, values: map[string]place{}, keys: map[string]place{}, anchors: map[string]ast.Node{}}
	if len(data) > maxConfigBytes {
		d.fail(place{file, 1, 1}, "", "is larger than 1 MiB: no configuration is")
		return d
	}
	tree, err := parseYAML(data)
	if err != nil {
		d.syntax(err)
		return d
	}
	var body ast.Node
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case body != nil:
			d.fail(d.placeOf(doc.Body), "", "starts a second document: keep one and remove the --- before it")
			return d
		default:
			body = doc.Body
		}
	}
	d.values[""] = place{file, 1, 1}
	if body == nil {
		d.root = map[string]any{}
		return d
	}
	d.root = d.value(body, "", 0)
	return d
}

// parseYAML keeps a fault in the parser from ending the program: it reads what
// people typed by hand.
func parseYAML(data []byte) (tree *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read as YAML: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

func (d *document) syntax(err error) {
	at, message := place{d.file, 1, 1}, err.Error()
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		message = "is not YAML: " + syntax.Message
		if syntax.Token != nil {
			at = d.tokenPlace(syntax.Token)
		}
	}
	d.fail(at, "", "%s", message)
}

func (d *document) fail(at place, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{place: at, Path: path, Message: fmt.Sprintf(format, args...)})
}

// value converts a node and all below it, and notes where each stands.
func (d *document) value(n ast.Node, path string, depth int) any {
	d.nodes++
	if d.nodes > maxConfigNodes || depth > maxConfigDepth {
		if d.nodes <= maxConfigNodes+1 {
			d.fail(d.placeOf(n), path, "is nested too deeply: no configuration is")
			d.nodes = maxConfigNodes + 1
		}
		return nil
	}
	if path != "" {
		d.values[path] = d.placeOf(n)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return d.mapping(n.Values, path, depth)
	case *ast.MappingValueNode:
		return d.mapping([]*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			list[i] = d.value(item, path+"["+strconv.Itoa(i)+"]", depth+1)
		}
		return list
	case *ast.AnchorNode:
		if n.Value == nil {
			return nil
		}
		d.anchors[n.Name.GetToken().Value] = n.Value
		return d.value(n.Value, path, depth+1)
	case *ast.AliasNode:
		return d.alias(n, path, depth)
	case *ast.TagNode:
		if n.Value == nil {
			return nil
		}
		if n.Start.Value == "!!str" {
			return n.Value.GetToken().Value
		}
		return d.value(n.Value, path, depth+1)
	}
	return scalar(n)
}

func (d *document) alias(n *ast.AliasNode, path string, depth int) any {
	name := n.Value.GetToken().Value
	target, ok := d.anchors[name]
	if !ok {
		d.fail(d.placeOf(n), path, "*%s names no anchor above it: write &%s before the value it stands for", name, name)
		return nil
	}
	return d.value(target, path, depth+1)
}

func scalar(n ast.Node) any {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		return n.Value
	case *ast.FloatNode:
		return n.Value
	case *ast.NullNode, nil:
		return nil
	}
	return n.GetToken().Value // .inf, .nan: text, which no key takes
}

func (d *document) mapping(entries []*ast.MappingValueNode, path string, depth int) any {
	m := make(map[string]any, len(entries))
	for _, e := range entries {
		tok := e.Key.GetToken()
		if e.Key.Type() == ast.MappingKeyType { // "? key"
			tok = e.Key.(*ast.MappingKeyNode).Value.GetToken()
		}
		key := tok.Value
		child := key
		if path != "" {
			child = path + "." + key
		}
		if before, dup := d.keys[child]; dup {
			d.fail(d.tokenPlace(tok), child, "stands there twice, first at line %d: remove one", before.line)
			continue
		}
		d.keys[child] = d.tokenPlace(tok)
		m[key] = d.value(e.Value, child, depth+1)
	}
	return m
}

// placeOf is where a node begins; for a block of keys that is its first key,
// not the colon behind it.
func (d *document) placeOf(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return d.tokenPlace(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return d.tokenPlace(n.Key.GetToken())
	}
	return d.tokenPlace(n.GetToken())
}

func (d *document) tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{d.file, 1, 1}
	}
	return place{d.file, t.Position.Line, t.Position.Column}
}

// at is where the value of a path stands or, if it was never written, the
// nearest thing around it.
func (d *document) at(path string) place {
	for p := path; p != ""; p = parentPath(p) {
		if at, ok := d.values[p]; ok {
			return at
		}
	}
	return d.values[""]
}

// parentPath cuts the last step off a path.
func parentPath(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}
