package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/kunjicloud/kunji"
)

const schemaName = "kunji.schema.json"

// schema checks a document against kunji.schema.json and says in words what
// is wrong: the titles and examples that the words need stand in the schema
// itself.
type schema struct {
	compiled *jsonschema.Schema
	raw      any
}

func loadSchema() (*schema, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(kunji.Schema))
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", schemaName, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaName, raw); err != nil {
		return nil, fmt.Errorf("embedded %s: %w", schemaName, err)
	}
	compiled, err := c.Compile(schemaName)
	if err != nil {
		return nil, fmt.Errorf("embedded %s: %w", schemaName, err)
	}
	return &schema{compiled, raw}, nil
}

// check adds a problem for everything in d that the schema does not allow,
// and takes it out of d so that the rest can be read.
func (s *schema) check(d *document) {
	err := s.compiled.Validate(d.root)
	if err == nil {
		return
	}
	var top *jsonschema.ValidationError
	if !errors.As(err, &top) {
		d.fail(d.at(""), "", "cannot be checked: %v", err)
		return
	}
	for _, leaf := range leaves(top) {
		s.explain(d, leaf)
	}
	for _, leaf := range leaves(top) {
		d.root = prune(d.root, leaf)
	}
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	return out
}

// explain turns one error of the schema into a problem.
func (s *schema) explain(d *document, e *jsonschema.ValidationError) {
	path, value := d.walk(e.InstanceLocation)
	rule := s.rule(e.SchemaURL)
	at := d.at(path)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			child := joinPath(path, key)
			d.fail(d.keys[child], child, "%s", s.unknownKey(rule, key))
		}
	case *kind.Required:
		for _, key := range k.Missing {
			d.fail(at, joinPath(path, key), "is missing: add it%s", s.property(rule, key).hint())
		}
	case *kind.UniqueItems:
		second := path + "[" + strconv.Itoa(k.Duplicates[1]) + "]"
		d.fail(d.at(second), second, "stands there twice: remove one")
	default:
		d.fail(at, path, "%s", rule.wrong(k, value))
	}
}

// unknownKey explains a key that a map does not take: by the map's known keys
// or, where any key of a form is taken, by that form.
func (s *schema) unknownKey(r rule, key string) string {
	if form := r["x-key"]; form != nil {
		return s.follow(form).refusal(key)
	}
	known := r.keys()
	slices.Sort(known)
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("unknown key %q: did you mean %q?", key, near)
	}
	return fmt.Sprintf("unknown key %q: write one of %s", key, strings.Join(known, ", "))
}

// rule is one subschema, its $ref followed.
type rule map[string]any

func (s *schema) rule(location string) rule {
	_, fragment, _ := strings.Cut(location, "#")
	return s.follow(lookup(s.raw, fragment))
}

func lookup(v any, pointer string) any {
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if step == "" {
			continue
		}
		if unescaped, err := url.PathUnescape(step); err == nil {
			step = unescaped
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[step]
	}
	return v
}

// follow resolves $ref; what stands beside it counts first.
func (s *schema) follow(v any) rule {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	merged := rule{}
	for key, value := range s.follow(lookup(s.raw, strings.TrimPrefix(ref, "#"))) {
		merged[key] = value
	}
	for key, value := range m {
		merged[key] = value
	}
	return merged
}

func (s *schema) property(r rule, key string) rule {
	props, _ := r["properties"].(map[string]any)
	return s.follow(props[key])
}

func (r rule) keys() []string {
	props, _ := r["properties"].(map[string]any)
	keys := make([]string, 0, len(props))
	for key := range props {
		keys = append(keys, key)
	}
	return keys
}

func (r rule) text(key string) string { t, _ := r[key].(string); return t }

func (r rule) secret() bool { b, _ := r["writeOnly"].(bool); return b }

// words lists the texts of an array such as enum or examples.
func (r rule) words(key string) []string {
	list, _ := r[key].([]any)
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = fmt.Sprint(w)
	}
	return words
}

// instead says what to write: what, unless the rule knows better, is "one".
func (r rule) instead(what string) string {
	if write := r.text("x-write"); write != "" {
		return write
	}
	if enum := r.words("enum"); len(enum) > 0 {
		return alternatives(enum)
	}
	if low, high := r["minimum"], r["maximum"]; low != nil && high != nil {
		return fmt.Sprintf("a number from %v to %v", low, high)
	}
	if examples := r.words("examples"); len(examples) > 0 {
		return what + " such as " + alternatives(examples)
	}
	return what
}

// what names the kind of value that the rule wants.
func (r rule) what() string {
	if r["type"] == "object" {
		return kindName("object")
	}
	return cmp.Or(r.text("title"), kindName(r["type"]))
}

// hint says what a missing key holds: the first sentence of its description,
// and an example.
func (r rule) hint() string {
	sentence, _, _ := strings.Cut(r.text("description"), ". ")
	hint := " (" + strings.TrimSuffix(sentence, ".") + ")"
	if examples := r.words("examples"); len(examples) > 0 {
		return hint + ", such as " + alternatives(examples)
	}
	return hint
}

// refusal names a value and says what it should have been; never a secret.
func (r rule) refusal(value any) string {
	if r.secret() {
		return "is not " + r.what() + ": write " + r.instead("one")
	}
	return fmt.Sprintf("%s is not %s: write %s", quoteValue(value), r.what(), r.instead("one"))
}

// wrong explains a value that breaks the rule.
func (r rule) wrong(k jsonschema.ErrorKind, value any) string {
	switch k := k.(type) {
	case *kind.Type:
		if k.Got == "null" {
			return "has no value: write " + r.instead(r.what()) + " or remove the key"
		}
		if slices.Equal(k.Want, []string{"string"}) && (k.Got == "number" || k.Got == "integer" || k.Got == "boolean") {
			return "is " + kindName(k.Got) + ": put it in quotes"
		}
		return "is " + kindName(k.Got) + ": write " + r.instead(r.what())
	case *kind.MinItems:
		return "is empty: write at least " + strconv.Itoa(k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d entries: at most %d are taken", k.Got, k.Want)
	case *kind.MinLength:
		return "is empty: write " + r.instead(r.what())
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters: at most %d are taken", k.Got, k.Want)
	}
	return r.refusal(value)
}

func kindName(kind any) string {
	switch kind {
	case "object":
		return "a map of keys"
	case "array":
		return "a list"
	case "boolean":
		return "true or false"
	case "integer", "number":
		return "a number"
	case "null":
		return "nothing"
	}
	return "a text"
}

func quoteValue(v any) string {
	switch v := v.(type) {
	case string:
		if runes := []rune(v); len(runes) > 60 {
			v = string(runes[:60]) + "…"
		}
		return strconv.Quote(v)
	case *big.Int:
		return v.String()
	}
	return fmt.Sprint(v)
}
