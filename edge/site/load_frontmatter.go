package site

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const maxSummary = 500 // characters: it stands in a banner

var materials = []Material{MaterialService, MaterialControl, MaterialRecipients, MaterialRights, MaterialContact, MaterialRisk}

type spot struct{ line, column int }

// frontMatter is the block at the top of a policy file.
type frontMatter struct {
	date               time.Time
	material           []Material
	summary            string
	dateAt, materialAt spot
}

// frontMatter reads the block; nil after a fault. The block starts in line 2.
func (l *policyLoader) frontMatter(name string, head []byte) *frontMatter {
	faults := len(l.errs)
	entries, err := mappingOf(head)
	if err != nil {
		at, message := yamlFault(err)
		l.fail(name, at.line, at.column, "is not YAML between the two ---: %s", message)
		return nil
	}
	front := &frontMatter{dateAt: spot{1, 1}, materialAt: spot{1, 1}}
	seen := map[string]bool{}
	for _, e := range entries {
		key, at := e.Key.GetToken().Value, tokenSpot(e.Key.GetToken())
		if e.Value != nil {
			at = tokenSpot(e.Value.GetToken())
		}
		seen[key] = true
		switch key {
		case "date":
			front.dateAt = at
			front.date, err = parsePolicyDate(e.Value)
		case "material":
			front.materialAt = at
			front.material, err = parseMaterial(e.Value)
		case "summary":
			front.summary, err = parseSummary(e.Value)
		default:
			at, err = tokenSpot(e.Key.GetToken()), errors.New("unknown key: write date, material or summary")
		}
		if err != nil {
			l.fail(name, at.line, at.column, "%s: %v", key, err)
			err = nil
		}
	}
	for _, key := range []string{"date", "material"} {
		if !seen[key] {
			l.fail(name, 2, 1, "%s: is missing: add it between the two ---", key)
		}
	}
	if len(front.material) > 0 && front.summary == "" {
		l.fail(name, front.materialAt.line, front.materialAt.column, "summary: is missing: a material version tells visitors in a few words what changed")
	}
	if len(l.errs) > faults {
		return nil
	}
	return front
}

// yamlFault says where a block could not be read, and why.
func yamlFault(err error) (spot, string) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return tokenSpot(syntax.Token), syntax.Message
	}
	return spot{2, 1}, err.Error()
}

// mappingOf parses YAML whose top is a map of keys.
func mappingOf(data []byte) (entries []*ast.MappingValueNode, err error) {
	defer func() {
		if r := recover(); r != nil { // a fault of the parser on what people typed
			err = fmt.Errorf("%v", r)
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode:
		case *ast.MappingNode:
			entries = append(entries, body.Values...)
		case *ast.MappingValueNode:
			entries = append(entries, body)
		default:
			return nil, errors.New("write keys and values, such as date: 2026-05-01")
		}
	}
	return entries, nil
}

// tokenSpot is a token's place in the file, whose first line is ---.
func tokenSpot(t *token.Token) spot {
	if t == nil || t.Position == nil {
		return spot{2, 1}
	}
	return spot{t.Position.Line + 1, t.Position.Column}
}

func parsePolicyDate(n ast.Node) (time.Time, error) {
	text := scalarText(n)
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a day: write one such as 2026-05-01", text)
	}
	return date, nil
}

func parseMaterial(n ast.Node) ([]Material, error) {
	const write = "write false, or a list of service, control, recipients, rights, contact, risk"
	if b, ok := n.(*ast.BoolNode); ok && !b.Value {
		return nil, nil
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return nil, fmt.Errorf("%q says nothing: %s", scalarText(n), write)
	}
	var out []Material
	for _, item := range list.Values {
		m := Material(scalarText(item))
		if !slices.Contains(materials, m) {
			return nil, fmt.Errorf("%q is not a reason: %s", m, write)
		}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	slices.Sort(out)
	return out, nil
}

func parseSummary(n ast.Node) (string, error) {
	text := strings.TrimSpace(scalarText(n))
	if got := len([]rune(text)); got > maxSummary {
		return "", fmt.Errorf("has %d characters: at most %d fit the banner", got, maxSummary)
	}
	return text, nil
}

// scalarText is a scalar as text; "" for lists and maps.
func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, nil:
		return ""
	}
	return n.GetToken().Value
}
