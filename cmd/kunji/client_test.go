package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/analytics/engine"
)

// TestGeneratedClient: a client generated from the console's description asks
// every operation of the running program, and each answer has the status, the
// media type and exactly the fields that the description says.
func TestGeneratedClient(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	client := buildClient(t)
	in := newInstallation(t, library)
	in.withTokens()
	r := in.start("demo", "--per-day", "0")
	defer r.end()
	in.eventually("ClickHouse is ready", func() error { return in.partOK("clickhouse") })
	password, err := os.ReadFile(filepath.Join(in.dir, "data", "demo", "login"))
	if err != nil {
		t.Fatal(err)
	}
	d := describe(t, in.console)
	between := httptest.NewServer(d.watch(t, in.console))
	defer between.Close()
	cmd := exec.Command(client)
	cmd.Env = append(os.Environ(), "KUNJI_CONSOLE="+between.URL, "KUNJI_PASSWORD="+strings.TrimSpace(string(password)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the client: %v\n%s\nthe service said:\n%s", err, out, r.said())
	}
	if missing := d.unanswered("/"); len(missing) > 0 {
		t.Errorf("the client asked no %s", strings.Join(missing, ", "))
	}
}

// watch passes requests on, and compares each answer with the description.
func (d *described) watch(t *testing.T, console string) http.Handler {
	to := &url.URL{Scheme: "http", Host: console}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body = io.NopCloser(bytes.NewReader(body))
			d.check(t, resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
			return nil
		},
	}
}

// buildClient generates the client and compiles it with testdata/client. What
// is generated stands in a temporary folder; the compiler sees it in that one.
func buildClient(t *testing.T) string {
	t.Helper()
	tmp := t.TempDir()
	generated := filepath.Join(tmp, "generated.go")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("tool", "oapi-codegen", "-config", "testdata/client/generate.yaml", "-o", generated, "../../analytics/console/openapi.yaml")
	place, err := filepath.Abs("testdata/client/generated.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: generated}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(tmp, "client")
	run("build", "-overlay", file, "-o", program, "./testdata/client")
	return program
}
