package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described checks real answers against the console's own description, as a
// client generated from it would read them.
type described struct {
	mu       sync.Mutex
	doc      map[string]any
	compiler *jsonschema.Compiler
	seen     map[string]bool // "POST /api/v1/links 200"
}

const descriptionURL = "kunji:openapi"

// describe reads the description that the running console serves.
func describe(t testing.TB, console string) *described {
	t.Helper()
	resp, err := http.Get("http://" + console + "/api/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	closeSchemas(doc)
	d := &described{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(descriptionURL, doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// closeSchemas allows no field that an object's description does not name.
func closeSchemas(part any) {
	switch part := part.(type) {
	case []any:
		for _, one := range part {
			closeSchemas(one)
		}
	case map[string]any:
		if _, object := part["properties"].(map[string]any); object && part["type"] == "object" && part["additionalProperties"] == nil {
			part["additionalProperties"] = false
		}
		for _, one := range part {
			closeSchemas(one)
		}
	}
}

// operation finds the described path that an address is of.
func (d *described) operation(method, path string) (string, map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	for pattern, operations := range d.doc["paths"].(map[string]any) {
		want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
		same := len(want) == len(got)
		for i := 0; same && i < len(want); i++ {
			same = want[i] == got[i] || strings.HasPrefix(want[i], "{")
		}
		if o, ok := operations.(map[string]any)[strings.ToLower(method)].(map[string]any); same && ok {
			return pattern, o
		}
	}
	return "", nil
}

// check wants the status, the media type and the body as described.
func (d *described) check(t testing.TB, method, path string, status int, media string, body []byte) {
	t.Helper()
	d.mu.Lock() // some tests ask at once
	defer d.mu.Unlock()
	pattern, operation := d.operation(method, path)
	if operation == nil {
		t.Errorf("%s %s is not described", method, path)
		return
	}
	at := []string{"paths", pattern, strings.ToLower(method), "responses", fmt.Sprint(status)}
	response, ok := operation["responses"].(map[string]any)[fmt.Sprint(status)].(map[string]any)
	if !ok {
		t.Errorf("%s %s: the status %d is not described", method, pattern, status)
		return
	}
	if ref, ok := response["$ref"].(string); ok {
		at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		response = d.doc["components"].(map[string]any)["responses"].(map[string]any)[at[2]].(map[string]any)
	}
	media, _, _ = strings.Cut(media, ";")
	d.seen[fmt.Sprint(method, " ", pattern, " ", status)] = true
	content, _ := response["content"].(map[string]any)
	if content == nil && (len(body) == 0 || status/100 == 3) { // a redirect may say in words where to
		return
	}
	if _, ok := content[media]; !ok {
		t.Errorf("%s %s %d: the type %q is not described", method, pattern, status, media)
		return
	}
	if !strings.HasSuffix(media, "json") {
		return
	}
	pointer := ""
	for _, step := range append(at, "content", media, "schema") {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(step)
	}
	schema, err := d.compiler.Compile(descriptionURL + "#" + pointer)
	if err != nil {
		t.Errorf("%s %s %d: %v", method, pattern, status, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s %s %d is not as described: %v\n%s", method, pattern, status, err, body)
	}
}

// tokens are the console's accounts of a test, by role.
var tokenRoles = []string{"admin", "marketer", "mailer", "operator"}

// withTokens gives an installation a token for each role: "secret-" and its
// name.
func (in *installation) withTokens() {
	in.t.Helper()
	var lines []string
	for _, role := range tokenRoles {
		sum := sha256.Sum256([]byte("secret-" + role))
		lines = append(lines, fmt.Sprintf("{name: %s, sha256: %s, role: %s, sites: [shop]}", role, hex.EncodeToString(sum[:]), role))
	}
	in.edit("tokens: []", "tokens: ["+strings.Join(lines, ", ")+"]")
}

// edit replaces a part of the configuration.
func (in *installation) edit(old, new string) {
	in.t.Helper()
	path := filepath.Join(in.dir, "kunji.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		in.t.Fatalf("%s in the configuration: %v", old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

// api is a client of the console that checks every answer.
type api struct {
	t  testing.TB
	in *installation
	d  *described
}

// call sends a request as the role's token and returns the answer, which must
// have this status and be as described.
func (a *api) call(role, method, path, media, body string, want int) []byte {
	a.t.Helper()
	req, err := http.NewRequest(method, "http://"+a.in.console+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer secret-"+role)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if resp.StatusCode != want {
		a.t.Errorf("%s %s as %s: %s, want %d\n%s", method, path, role, resp.Status, want, got)
	}
	a.d.check(a.t, method, path, resp.StatusCode, resp.Header.Get("Content-Type"), got)
	return got
}

// status sends JSON and returns only how it was answered.
func (a *api) status(role, path, body string) int {
	a.t.Helper()
	req, err := http.NewRequest("POST", "http://"+a.in.console+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret-"+role)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (a *api) post(role, path, body string, want int, into any) {
	a.t.Helper()
	got := a.call(role, "POST", path, "application/json", body, want)
	if into == nil {
		return
	}
	if err := json.Unmarshal(got, into); err != nil {
		a.t.Fatalf("POST %s: %v in %s", path, err, got)
	}
}

// notes keeps a segment, changes it and takes it back.
func notes(a *api) {
	var kept struct{ ID string }
	a.post("marketer", "/api/v1/notes/segments?site=shop", `{"name":"China","filters":["country:CN"]}`, http.StatusCreated, &kept)
	at := "/api/v1/notes/segments/" + kept.ID + "?site=shop"
	a.call("marketer", "PUT", at, "application/json", `{"name":"Not China","filters":["-country:CN"]}`, http.StatusOK)
	a.call("marketer", "GET", "/api/v1/notes/segments?site=shop", "", "", http.StatusOK)
	a.call("marketer", "DELETE", at, "", "", http.StatusNoContent)
	a.call("marketer", "GET", "/api/v1/marks?site=shop", "", "", http.StatusOK)
}

// wholeAPI asks each operation of the API once more, and wants every one of
// them to have been answered as described by then.
func wholeAPI(a *api) {
	for _, call := range []struct {
		role, method, path, media, body string
		status                          int
	}{
		{"marketer", "GET", "/api/v1/reports", "", "", 200},
		{"marketer", "GET", "/api/v1/reports/campaigns?site=shop", "", "", 200},
		{"marketer", "GET", "/api/v1/reports/attribution?site=shop", "", "", 200},
		{"marketer", "GET", "/api/v1/reports/timeseries?site=shop", "", "", 200},
		{"marketer", "GET", "/api/v1/reports/mail?site=shop&format=csv", "", "", 200},
		{"marketer", "GET", "/api/v1/reports/sails?site=shop", "", "", 404},
		{"marketer", "GET", "/api/v1/reports/campaigns?site=shop&from=x", "", "", 400},
		{"", "GET", "/api/v1/reports", "", "", 401},
		{"marketer", "GET", "/api/v1/installation?site=shop", "", "", 200},
		{"marketer", "POST", "/api/v1/costs?site=shop", "text/csv", "day,source,amount\n2026-11-01,news,5\n", 200},
		{"marketer", "POST", "/api/v1/costs?site=shop", "text/csv", "day,source,amount\n2026-11-01,news,x\n", 422},
		{"marketer", "POST", "/api/v1/rates?site=shop", "application/json", `[{"day":"2026-11-01","currency":"USD","rate":7.1}]`, 200},
		{"marketer", "POST", "/api/v1/links", "application/json", `{"site":"shop","url":"https://shop.example/","source":"a","medium":"cpc","campaign":"b"}`, 200},
		{"marketer", "POST", "/api/v1/links", "application/json", `{"site":"shop","source":"a"}`, 400},
		{"mailer", "POST", "/api/v1/links", "application/json", `{}`, 403},
		{"admin", "GET", "/api/v1/audit?lines=5", "", "", 200},
		{"", "GET", "/api/v1/openapi.yaml", "", "", 200},
	} {
		a.call(call.role, call.method, call.path, call.media, call.body, call.status)
	}
	notes(a)
	if missing := a.d.unanswered("/api/"); len(missing) > 0 {
		a.t.Errorf("no good answer was compared with its description: %s", strings.Join(missing, ", "))
	}
}

// unanswered lists the operations below a path of which no good answer was
// compared with its description.
func (d *described) unanswered(below string) (missing []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for pattern, operations := range d.doc["paths"].(map[string]any) {
		for method := range operations.(map[string]any) {
			answered := false
			for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent, http.StatusSeeOther} {
				answered = answered || d.seen[fmt.Sprint(strings.ToUpper(method), " ", pattern, " ", status)]
			}
			if strings.HasPrefix(pattern, below) && !answered {
				missing = append(missing, strings.ToUpper(method)+" "+pattern)
			}
		}
	}
	slices.Sort(missing)
	return missing
}
