package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/kunjicloud/kunji/analytics/engine"
)

const deployed = "../../deploy/"

// readYAML reads a file of deploy into v, strictly where v has types.
func readYAML(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(deployed + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(b, v, yaml.Strict()); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// TestDeployMetrics: every metric and label that rules and dashboard name is
// served, and every metric of ours that is served stands in one of them.
func TestDeployMetrics(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	if _, _, err := (&visitor{in: in, client: http.DefaultClient}).do("GET", "/p.gif?s=shop&u=http://"+in.edge+"/", ""); err != nil {
		t.Fatal(err) // refused, and so counted
	}
	served := in.metrics()
	r.end()

	shown := map[string]bool{}
	metric := regexp.MustCompile(`\b(kunji_[a-z_]+|process_[a-z_]+)(?:\{([^}]*)\})?`)
	for where, expr := range expressions(t) {
		for _, m := range metric.FindAllStringSubmatch(expr, -1) {
			labels, known := served[m[1]]
			if !known {
				t.Errorf("%s: there is no metric %s", where, m[1])
			}
			shown[m[1]] = true
			for _, matcher := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' }) {
				label := strings.TrimRight(strings.TrimSpace(strings.SplitN(matcher, "=", 2)[0]), "!")
				if label != "instance" && label != "job" && !labels[label] { // Prometheus sets those two
					t.Errorf("%s: %s has no label %s", where, m[1], label)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(served)) {
		if strings.HasPrefix(name, "kunji_") && !shown[name] {
			t.Errorf("neither rules nor dashboard show %s", name)
		}
	}
}

// metrics returns the names of all metrics with their labels.
func (in *installation) metrics() map[string]map[string]bool {
	in.t.Helper()
	resp, err := http.Get("http://" + in.ops + "/metrics")
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]map[string]bool{}
	label := regexp.MustCompile(`([a-z_]+)="`)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		if all[name] == nil {
			all[name] = map[string]bool{}
		}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			all[name][m[1]] = true
		}
	}
	return all
}

// expressions returns everything that is asked of Prometheus, by where.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	readYAML(t, "prometheus/kunji.rules.yml", &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all["alert "+r.Alert] = r.Expr
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("alert %q lacks an expression, a severity, a summary or what to do", r.Alert)
			}
		}
	}
	b, err := os.ReadFile(deployed + "grafana/kunji.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Annotations struct {
			List []struct{ Name, Expr string }
		}
	}
	if err := json.Unmarshal(b, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("panel %s, %d", p.Title, i+1)] = target.Expr
		}
	}
	for _, v := range dashboard.Templating.List {
		all["variable "+v.Name] = v.Definition
	}
	for _, a := range dashboard.Annotations.List {
		all["annotation "+a.Name] = a.Expr
	}
	if len(all) < 20 {
		t.Errorf("only %d expressions were found", len(all))
	}
	return all
}

// TestDeployFiles: what the examples say fits the program: variables that it
// reads, paths and addresses that exist, and time enough to end.
func TestDeployFiles(t *testing.T) {
	var known []string
	for _, o := range overrides() {
		known = append(known, o.name)
	}
	variable := regexp.MustCompile(`KUNJI_[A-Z_]+`)
	for _, path := range []string{"systemd/kunji.service", "docker/Dockerfile", "docker/compose.yaml"} {
		b, err := os.ReadFile(deployed + path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variable.FindAllString(string(b), -1) {
			if !slices.Contains(known, name) && name != "KUNJI_PUBLIC_URL" { // compose's own
				t.Errorf("%s: the program reads no %s", path, name)
			}
		}
	}
	longest := drainEdge + drainShip + drainOps + engineStop
	stop := readUnit(t)["TimeoutStopSec"]
	if seconds, err := strconv.Atoi(stop); err != nil || time.Duration(seconds)*time.Second <= longest {
		t.Errorf("the unit waits %q seconds for the end, which can take %s", stop, longest)
	}
	var compose struct {
		Services map[string]map[string]any
		Volumes  map[string]any
	}
	readYAML(t, "docker/compose.yaml", &compose)
	if grace, err := time.ParseDuration(fmt.Sprint(compose.Services["kunji"]["stop_grace_period"])); err != nil || grace <= longest {
		t.Errorf("compose waits %s for the end, %v, which can take %s", grace, err, longest)
	}
	var prometheus map[string]any
	readYAML(t, "prometheus/prometheus.yml", &prometheus)
}

// TestDeployUser: the unit runs as a user that is made once and stays, so that
// what lies in data_dir has one owner, and the unit names what that user owns.
func TestDeployUser(t *testing.T) {
	unit := readUnit(t)
	made, err := os.ReadFile(deployed + "systemd/kunji.sysusers")
	if err != nil {
		t.Fatal(err)
	}
	user := unit["User"]
	if user == "" || unit["Group"] != user || unit["DynamicUser"] != "" || !regexp.MustCompile(`(?m)^u `+user+` - `).Match(made) {
		t.Errorf("the unit runs as %q:%q, dynamic %q; made is\n%s", user, unit["Group"], unit["DynamicUser"], made)
	}
	data := strings.TrimPrefix(unit["Environment"], "KUNJI_DATA_DIR=/var/lib/")
	owned := strings.Fields(unit["StateDirectory"])
	if !slices.Contains(owned, data) || !slices.Contains(owned, data+"-backups") || !strings.HasSuffix(strings.TrimSpace(string(made)), "/var/lib/"+data) {
		t.Errorf("data_dir is %q, the user owns %q, at home in\n%s", data, unit["StateDirectory"], made)
	}
}

// readUnit reads what the unit says, by key; of several lines the last.
func readUnit(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(deployed + "systemd/kunji.service")
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Za-z]+)=(.*)$`).FindAllStringSubmatch(string(b), -1) {
		says[m[1]] = m[2]
	}
	return says
}

// TestNginx sends hits through nginx, below the path of the example, and signs
// in to the console, on a host of its own.
func TestNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx" // not in everybody's PATH
	}
	in := newInstallation(t, "")
	front, desk := freePort(t), freePort(t)
	in.env = append(in.env, "KUNJI_EDGE_PUBLIC_URL=http://"+front+"/kj", "KUNJI_EDGE_TRUSTED_PROXIES=127.0.0.1",
		"KUNJI_CONSOLE_PUBLIC_URL=https://console.shop.example", "KUNJI_CONSOLE_TRUSTED_PROXIES=127.0.0.1",
		"KUNJI_CLICKHOUSE_DSN=http://"+freePort(t)+"/kunji") // away: neither hits nor the sign-in need it
	r := in.start("serve")

	dir := t.TempDir()
	here := func(name, port, to string) []byte {
		b, err := os.ReadFile(deployed + "nginx/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.ReplaceAll(b, []byte("127.0.0.1:"+port), []byte(to))
	}
	config := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log stderr;\nevents {}\nhttp {\n access_log %[1]s/access.log;\n"+
		" client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n"+
		" server { listen %[2]s;\n include %[1]s/kunji.conf; }\n server { listen %[3]s;\n include %[1]s/console.conf; }\n}\n", dir, front, desk)
	for name, text := range map[string][]byte{
		"kunji.conf": here("kunji.conf", "8080", in.edge), "console.conf": here("console.conf", "9080", in.console), "nginx.conf": []byte(config),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(nginx, "-t", "-p", dir, "-c", filepath.Join(dir, "nginx.conf")).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	proxy := exec.Command(nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	var said bytes.Buffer
	proxy.Stderr = &said
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
		if t.Failed() {
			t.Logf("nginx said: %s", &said)
		}
	})
	in.eventually("nginx answers", func() error { return in.ok("http://" + front + "/kj/healthz") })

	through := *in
	through.edge = front
	v := &visitor{in: &through, client: http.DefaultClient}
	if status, _, err := v.do("POST", "/kj/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	if _, result, err := v.do("GET", "/kj/p.gif?s=shop&u=http://"+front+"/", ""); err != nil || result != "recorded" {
		t.Errorf("a hit through nginx: %q, %v", result, err)
	}
	for _, path := range []string{"/kj/b/shop.js", "/kj/choices/shop", "/.well-known/gpc.json"} {
		if err := in.ok("http://" + front + path); err != nil {
			t.Error(err)
		}
	}
	resp, err := http.Post("http://"+front+"/kj/v1/consent", "application/json", io.LimitReader(zeros{}, 65<<10))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over 64 KiB: %d", resp.StatusCode)
	}
	signInThrough(t, "http://"+desk)
	if log, err := os.ReadFile(filepath.Join(dir, "access.log")); err != nil || len(log) > 0 {
		t.Errorf("nginx logged visitors: %s, %v", log, err)
	}
	r.end()
}

// signInThrough signs in to a console behind a proxy, wrongly: its cookies are
// held to https, and who tries too often locks out nobody else, whoever it says
// that it is.
func signInThrough(t *testing.T, console string) {
	t.Helper()
	attempt := func(from, claims string) int {
		t.Helper()
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
		page, err := client.Get(console + "/signin")
		if err != nil {
			t.Fatal(err)
		}
		defer page.Body.Close()
		body, err := io.ReadAll(page.Body)
		csrf := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindSubmatch(body)
		if err != nil || csrf == nil || len(page.Cookies()) != 1 {
			t.Fatalf("the form for signing in: %v, cookies %v\n%s", err, page.Cookies(), body)
		}
		cookie := page.Cookies()[0]
		if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || page.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s is not held to https", cookie)
		}
		form := url.Values{"csrf": {string(csrf[1])}, "name": {"nobody"}, "password": {"guess"}}
		req, err := http.NewRequest(http.MethodPost, console+"/signin", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-For", claims)
		req.AddCookie(cookie)
		answer, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	tries := 0
	for ; attempt("127.0.0.2", fmt.Sprintf("203.0.113.%d", tries)) == http.StatusUnauthorized && tries < 20; tries++ {
	}
	if tries != 5 {
		t.Errorf("the console let one client guess %d times, whatever it said of itself", tries)
	}
	if status := attempt("127.0.0.3", "127.0.0.2"); status != http.StatusUnauthorized {
		t.Errorf("another client: %d", status)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
