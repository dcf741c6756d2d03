package server

import (
	"bytes"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/kunjicloud/kunji/edge/site"
)

type apiDescription struct {
	Paths      map[string]map[string]any
	Components map[string]map[string]map[string]any
}

func readDescription(t *testing.T) apiDescription {
	t.Helper()
	var d apiDescription
	if err := yaml.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Every route is described, and everything described is a route.
func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	var described, served []string
	ids := map[string]bool{}
	for path, operations := range readDescription(t).Paths {
		for method, o := range operations {
			if method == "parameters" {
				continue
			}
			described = append(described, strings.ToUpper(method)+" "+path)
			op, _ := o.(map[string]any)
			id, _ := op["operationId"].(string)
			answers, _ := op["responses"].(map[string]any)
			if id == "" || ids[id] || len(answers) == 0 || op["summary"] == nil {
				t.Errorf("%s %s: operationId %q must be there, once; a summary and responses too", method, path, id)
			}
			ids[id] = true
		}
	}
	for _, r := range (&Server{}).routes() {
		served = append(served, r.method+" "+strings.ReplaceAll(r.path, ":*}", "}"))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described\n%s\nserved\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

// TestOpenAPINamesWhatIsAnswered: each schema has the fields of its Go type,
// and no reference leads nowhere.
func TestOpenAPINamesWhatIsAnswered(t *testing.T) {
	d := readDescription(t)
	for name, typ := range map[string]reflect.Type{
		"Problem": reflect.TypeFor[problemDetails](), "Choice": reflect.TypeFor[choiceBody](), "State": reflect.TypeFor[stateBody](),
		"EventsAnswer": reflect.TypeFor[eventsAnswer](), "Kept": reflect.TypeFor[keptBody](), "Receipt": reflect.TypeFor[receipt](),
	} {
		var want, got []string
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			want = append(want, field)
		}
		properties, _ := d.Components["schemas"][name]["properties"].(map[string]any)
		for field := range properties {
			got = append(got, field)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: described %v, answered %v", name, got, want)
		}
	}
	for _, ref := range regexp.MustCompile(`#/components/(\w+)/(\w+)`).FindAllSubmatch(description, -1) {
		if d.Components[string(ref[1])][string(ref[2])] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
}

func TestOpenAPIIsServedBelowAPrefix(t *testing.T) {
	w := newWorld(t, []*site.Site{testSite(func(s *site.Site) {
		s.Endpoints = []*url.URL{{Scheme: "https", Host: "www.shop.example", Path: "/kj"}}
	})})
	for _, path := range []string{"/openapi.yaml", "/kj/openapi.yaml"} {
		if a := w.browser().get(path); a.status != 200 || !bytes.Equal([]byte(a.body), description) {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
