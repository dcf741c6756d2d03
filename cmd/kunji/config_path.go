package main

import (
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// joinPath adds a key to a path.
func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// walk follows the steps of a JSON pointer and returns the path as people
// write it, and the value there.
func (d *document) walk(steps []string) (string, any) {
	path, v := "", d.root
	for _, step := range steps {
		switch t := v.(type) {
		case map[string]any:
			path, v = joinPath(path, step), t[step]
		case []any:
			path += "[" + step + "]"
			if i, err := strconv.Atoi(step); err == nil && i < len(t) {
				v = t[i]
			}
		}
	}
	return path, v
}

// set writes a value at the path of a scalar that stands in nested maps, and
// notes where it came from. It reports false where something else than a map
// is in the way: the schema will say so.
func (d *document) set(steps []string, value any, from place) bool {
	m, ok := d.root.(map[string]any)
	for _, step := range steps[:len(steps)-1] {
		if !ok {
			return false
		}
		next, there := m[step]
		if !there || next == nil {
			next = map[string]any{}
			m[step] = next
		}
		m, ok = next.(map[string]any)
	}
	if !ok {
		return false
	}
	m[steps[len(steps)-1]] = value
	path := ""
	for _, step := range steps {
		path = joinPath(path, step)
	}
	d.values[path], d.keys[path] = from, from
	if list, isList := value.([]any); isList {
		for i := range list {
			d.values[path+"["+strconv.Itoa(i)+"]"] = from
		}
	}
	return true
}

// prune removes what an error of the schema is about. A list keeps its length,
// so that the paths of its other entries stay true.
func prune(root any, e *jsonschema.ValidationError) any {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return root
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			root = cut(root, append(append([]string{}, e.InstanceLocation...), key))
		}
		return root
	}
	return cut(root, e.InstanceLocation)
}

func cut(v any, steps []string) any {
	if len(steps) == 0 {
		return nil
	}
	switch t := v.(type) {
	case map[string]any:
		child, ok := t[steps[0]]
		if !ok {
			return v
		}
		if len(steps) == 1 {
			delete(t, steps[0])
		} else {
			t[steps[0]] = cut(child, steps[1:])
		}
	case []any:
		if i, err := strconv.Atoi(steps[0]); err == nil && i < len(t) {
			t[i] = cut(t[i], steps[1:])
		}
	}
	return v
}

// indexed is the path of one entry of a list.
func indexed(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
