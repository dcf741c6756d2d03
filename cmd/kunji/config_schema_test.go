package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestOverridesCoverTheSchema keeps the rule that the manual states: every
// scalar outside sites and every list of plain texts has a variable.
func TestOverridesCoverTheSchema(t *testing.T) {
	rules, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	var visit func(r rule, name string)
	visit = func(r rule, name string) {
		for _, key := range r.keys() {
			sub := rules.property(r, key)
			here := name + "_" + strings.ToUpper(key)
			items := rules.follow(sub["items"])
			switch {
			case key == "sites" && name == "KUNJI":
			case sub["type"] == "object":
				visit(sub, here)
			case sub["type"] != "array" || items["type"] == "string":
				want = append(want, here)
			}
		}
	}
	visit(rules.rule("#"), "KUNJI")
	var got []string
	for _, o := range overrides() {
		got = append(got, o.name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("variables\n%v, want\n%v", got, want)
	}
}

// TestSchemaAndFileAgree compares the keys of kunji.schema.json with those of
// the structs, both ways, and wants each key described and the same default in
// both.
func TestSchemaAndFileAgree(t *testing.T) {
	rules, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	compareKeys(t, rules, rules.rule("#"), reflect.TypeFor[file](), "")
}

func compareKeys(t *testing.T, s *schema, r rule, typ reflect.Type, path string) {
	t.Helper()
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		fields[typ.Field(i).Tag.Get("json")] = typ.Field(i).Type
	}
	got, want := slices.Sorted(maps.Keys(fields)), slices.Sorted(slices.Values(r.keys()))
	if !slices.Equal(got, want) {
		t.Errorf("%s: struct has %v, schema %v", path, got, want)
		return
	}
	for key, field := range fields {
		sub, here := s.property(r, key), joinPath(path, key)
		if sub.text("description") == "" {
			t.Errorf("%s: the schema does not describe it", here)
		}
		for field.Kind() == reflect.Slice || field.Kind() == reflect.Map || field.Kind() == reflect.Pointer {
			if field.Kind() == reflect.Slice {
				sub = s.follow(sub["items"])
			}
			if patterns, ok := sub["patternProperties"].(map[string]any); ok && field.Kind() == reflect.Map {
				for _, p := range patterns {
					sub = s.follow(p)
				}
			}
			field = field.Elem()
		}
		if then, ok := sub["then"]; ok {
			sub = s.follow(then)
		}
		if field.Kind() == reflect.Struct {
			compareKeys(t, s, sub, field, here)
		}
	}
}

// TestSchemaDefaults writes every default of the schema into a file and wants
// the same configuration as without.
func TestSchemaDefaults(t *testing.T) {
	rules, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	plain := map[string]any{"sites": []any{map[string]any{"id": "shop", "domains": []any{"shop.example"}}}}
	full := withDefaults(rules, rules.rule("#"))
	own := withDefaults(rules, rules.rule("#/$defs/site"))
	own["id"], own["domains"] = "shop", []any{"shop.example"}
	full["sites"] = []any{own}
	load := func(v any) *Config {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		cfg, _ := mustParse(t, string(text), noEnv)
		return cfg
	}
	a, b := load(plain), load(full)
	if len(b.Sites[0].EventProps) == 0 {
		b.Sites[0].EventProps = a.Sites[0].EventProps
	}
	if len(b.Sites[0].Services) == 0 {
		b.Sites[0].Services = a.Sites[0].Services
	}
	if !reflect.DeepEqual(a.Sites[0], b.Sites[0]) {
		t.Errorf("site by default\n%+v, as the schema says\n%+v", a.Sites[0], b.Sites[0])
	}
	a.Sites, b.Sites = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Errorf("by default\n%+v, as the schema says\n%+v", a, b)
	}
}

// withDefaults makes a map of all defaults below a rule.
func withDefaults(s *schema, r rule) map[string]any {
	out := map[string]any{}
	for _, key := range r.keys() {
		sub := s.property(r, key)
		if value, ok := sub["default"]; ok {
			out[key] = value
		} else if sub["type"] == "object" {
			if below := withDefaults(s, sub); len(below) > 0 {
				out[key] = below
			}
		}
	}
	return out
}
