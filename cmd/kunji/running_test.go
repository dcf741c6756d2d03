package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is this test's binary under the program's name: TestMain then is
// the program.
func program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kunji")
	if err := os.Link(self, path); err == nil {
		return path
	}
	b, err := os.ReadFile(self) // another file system
	if err == nil {
		err = os.WriteFile(path, b, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// installation is a configuration in a folder of its own, on free ports.
type installation struct {
	t                  testing.TB
	exe, dir           string
	edge, console, ops string // addresses
	env                []string
}

func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func newInstallation(t testing.TB, library string) *installation {
	t.Helper()
	in := &installation{t: t, exe: program(t), dir: t.TempDir(), edge: freePort(t), console: freePort(t), ops: freePort(t)}
	config, err := os.ReadFile("../../kunji.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in.dir, "kunji.yaml"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	geo, err := filepath.Abs("../../.cache/geo")
	if err != nil {
		t.Fatal(err)
	}
	in.env = append(os.Environ(),
		"KUNJI_CHDB_LIBRARY="+library,
		"KUNJI_EDGE_LISTEN="+in.edge, "KUNJI_EDGE_PUBLIC_URL=http://"+in.edge, "KUNJI_EDGE_RATE_LIMIT=0",
		"KUNJI_CONSOLE_LISTEN="+in.console, "KUNJI_OPS_LISTEN="+in.ops,
		"KUNJI_GEOIP_DATABASE="+filepath.Join(geo, "country.mmdb"), "KUNJI_GEOIP_ASN_DATABASE="+filepath.Join(geo, "asn.mmdb"),
	)
	return in
}

// running is a process of the program, with its group.
type running struct {
	in     *installation
	cmd    *exec.Cmd
	ended  chan struct{}
	mu     sync.Mutex
	output bytes.Buffer
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.Write(p)
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String()
}

// start starts the program in a process group of its own and waits until the
// edge answers.
func (in *installation) start(args ...string) *running {
	in.t.Helper()
	r := &running{in: in, ended: make(chan struct{})}
	r.cmd = exec.Command(in.exe, args...)
	r.cmd.Dir, r.cmd.Env = in.dir, in.env
	r.cmd.Stdout, r.cmd.Stderr = r, r
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	in.t.Cleanup(r.kill)
	in.eventually("the edge answers", func() error {
		select {
		case <-r.ended:
			in.t.Fatalf("the program ended: %s", r.said())
		default:
		}
		return in.ok("http://" + in.edge + "/healthz")
	})
	return r
}

// kill ends the whole process group at once, as a crash would.
func (r *running) kill() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	<-r.ended
}

// end asks the program to end and waits.
func (r *running) end() {
	r.in.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.in.t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(90 * time.Second):
		r.in.t.Fatalf("the program did not end: %s", r.said())
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		r.in.t.Errorf("the program ended with %d: %s", code, r.said())
	}
}

func (in *installation) ok(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, resp.StatusCode)
	}
	return nil
}

// eventually waits up to two minutes for something to be so.
func (in *installation) eventually(what string, f func() error) {
	in.t.Helper()
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	in.t.Fatalf("%s: %v", what, err)
}

// metric reads one number of the operators' page.
func (in *installation) metric(name string) (float64, error) {
	resp, err := http.Get("http://" + in.ops + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", name)
}

// shipped waits until ClickHouse has everything that is on disk.
func (in *installation) shipped() {
	in.t.Helper()
	in.eventually("everything is shipped", func() error {
		n, err := in.metric("kunji_spool_records")
		if err == nil && n > 0 {
			err = fmt.Errorf("%.0f records wait", n)
		}
		return err
	})
}

// kunji runs a command beside the service and returns what it printed.
func (in *installation) kunji(args ...string) string {
	in.t.Helper()
	cmd := exec.Command(in.exe, args...)
	cmd.Dir, cmd.Env = in.dir, in.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("kunji %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// column returns a query's only column.
func (in *installation) column(query string) []string {
	in.t.Helper()
	lines := strings.Split(strings.TrimSpace(in.kunji("sql", query, "--format", "tsv")), "\n")
	return lines[1:] // the first names the column
}

// visitor is a browser's cookies.
type visitor struct {
	in      *installation
	client  *http.Client
	cookies []string
}

const testAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// do sends a request and returns what the edge said became of it.
func (v *visitor) do(method, path, body string) (status int, result string, err error) {
	req, err := http.NewRequest(method, "http://"+v.in.edge+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Origin", "http://"+v.in.edge)
	req.Header.Set("User-Agent", testAgent)
	req.Header.Set("Cookie", strings.Join(v.cookies, "; "))
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, "", err
	}
	for _, c := range resp.Cookies() {
		v.keep(c)
	}
	return resp.StatusCode, resp.Header.Get("Kunji-Result"), nil
}

func (v *visitor) keep(c *http.Cookie) {
	for i, have := range v.cookies {
		if strings.HasPrefix(have, c.Name+"=") {
			v.cookies[i] = c.Name + "=" + c.Value
			return
		}
	}
	v.cookies = append(v.cookies, c.Name+"="+c.Value)
}
