package main

import (
	"reflect"
	"strconv"
	"strings"
)

// override is an environment variable that sets one key outside sites.
type override struct {
	name  string   // KUNJI_EDGE_LISTEN
	steps []string // edge, listen
	kind  reflect.Type
}

// overrides lists the variable of every scalar outside sites and of every list
// of plain texts there, in the order of the file.
func overrides() []override {
	return overridesOf(reflect.TypeFor[file](), nil)
}

func overridesOf(t reflect.Type, steps []string) []override {
	var out []override
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]string{}, steps...), f.Tag.Get("json"))
		switch {
		case f.Type.Kind() == reflect.Struct:
			out = append(out, overridesOf(f.Type, at)...)
		case f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() == reflect.String:
			out = append(out, override{"KUNJI_" + strings.ToUpper(strings.Join(at, "_")), at, f.Type})
		}
	}
	return out
}

// override writes the variables that are set into the document, before it is
// checked: a wrong one is reported like a wrong line, under its own name.
func (d *document) override(env func(string) string) {
	for _, o := range overrides() {
		text := env(o.name)
		if text == "" {
			continue
		}
		d.set(o.steps, o.value(text), place{source: o.name})
	}
}

// value is the text as the type that the key has; a text that does not fit
// stays one, for the schema to refuse.
func (o override) value(text string) any {
	switch o.kind.Kind() {
	case reflect.Bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case reflect.Int:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Slice:
		var list []any
		for item := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(item))
		}
		return list
	}
	return text
}
