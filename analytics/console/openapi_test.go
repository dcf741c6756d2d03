package console

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/kunjicloud/kunji/analytics/report"
)

type description struct {
	Paths map[string]map[string]struct {
		OperationID string                    `yaml:"operationId"`
		Responses   map[string]map[string]any `yaml:"responses"`
		Parameters  []struct {
			Name   string
			Schema struct{ Enum []string }
		}
	}
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]struct{ Enum []string }
		}
	}
}

func readDescription(t *testing.T) description {
	t.Helper()
	var d description
	if err := yaml.Unmarshal(openAPI, &d); err != nil {
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
			described = append(described, strings.ToUpper(method)+" "+path)
			if o.OperationID == "" || ids[o.OperationID] || len(o.Responses) == 0 {
				t.Errorf("%s %s: operationId %q must be there, once, and responses too", method, path, o.OperationID)
			}
			ids[o.OperationID] = true
		}
	}
	for _, r := range (&Console{}).routes() {
		served = append(served, r.method+" "+r.path)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described\n%s\nserved\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

func TestOpenAPINamesEveryReport(t *testing.T) {
	d := readDescription(t)
	if got := d.Paths["/api/v1/reports/{name}"]["get"].Parameters[0].Schema.Enum; !slices.Equal(got, report.Names()) {
		t.Errorf("described %v, there are %v", got, report.Names())
	}
	var pages []string
	for _, name := range navOrder {
		if slices.Contains(report.Names(), name) {
			pages = append(pages, name)
		}
	}
	slices.Sort(pages)
	if got := d.Paths["/reports/{name}"]["get"].Parameters[0].Schema.Enum; !slices.Equal(got, pages) {
		t.Errorf("described pages %v, there are %v", got, pages)
	}
}

var codeInSource = regexp.MustCompile(`Code: "([a-z_]+)"`)

// Every code of a problem that the source can answer with is described.
func TestOpenAPINamesEveryProblem(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeInSource.FindAllStringSubmatch(string(source), -1) {
			used = append(used, m[1])
		}
	}
	slices.Sort(used)
	used = slices.Compact(used)
	texts, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range used {
		if _, ok := texts.by["en"]["problem."+code]; !ok {
			t.Errorf("no page says %s", code)
		}
	}
	if got := readDescription(t).Components.Schemas["Problem"].Properties["code"].Enum; !slices.Equal(got, used) {
		t.Errorf("described %v, used %v", got, used)
	}
}

// Every language says everything, with the same values in it.
func TestTextsAreWhole(t *testing.T) {
	texts, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[sd]`)
	for key, english := range texts.by["en"] {
		for _, lang := range texts.names {
			s, ok := texts.by[lang][key]
			if !ok || s == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
			if got, want := verbs.FindAllString(s, -1), verbs.FindAllString(english, -1); !slices.Equal(got, want) {
				t.Errorf("%s in %s takes %v, in English %v", key, lang, got, want)
			}
		}
	}
	for _, lang := range texts.names {
		for key := range texts.by[lang] {
			if _, ok := texts.by["en"][key]; !ok {
				t.Errorf("%s has %s, which English lacks", lang, key)
			}
		}
	}
}
