// Command edge measures a consented pixel of `kunji serve` beside nginx
// (empty_gif with an access log that holds the cookies) and bare fasthttp, in
// interleaved rounds on loopback, and prints medians and ratios. It needs
// bin/kunji, nginx and wrk; deploy/bench/run.sh sees to them.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	rounds   = 3
	duration = "5s"
	agent    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

// peer is a server under test.
type peer struct {
	name, url string
	headers   []string
	pids      func() []int
	samples   map[int][]sample // by connections
}

// sample is one round.
type sample struct {
	rps, p50, p99, cpu float64 // ms; CPU seconds per 100,000 hits
	rss                float64 // MiB afterwards
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "kunji-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	peers := []*peer{}
	for _, start := range []func(context.Context, string) (*peer, error){startNginx, startBare, startKunji} {
		p, err := start(ctx, dir)
		if err != nil {
			return err
		}
		p.samples = map[int][]sample{}
		peers = append(peers, p)
	}
	for range rounds {
		for _, connections := range []int{64, 256} {
			for _, p := range peers {
				s, err := p.measure(ctx, connections)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				p.samples[connections] = append(p.samples[connections], s)
			}
		}
	}
	report(peers)
	return nil
}

func report(peers []*peer) {
	fmt.Printf("medians of %d rounds of %s; ratio to nginx\n", rounds, duration)
	fmt.Printf("%-28s %5s %9s %6s %8s %8s %12s %8s\n", "", "conns", "hits/s", "ratio", "p50 ms", "p99 ms", "CPU s/100k", "RSS MiB")
	for _, connections := range []int{64, 256} {
		base := median(peers[0].samples[connections], func(s sample) float64 { return s.rps })
		for _, p := range peers {
			all := p.samples[connections]
			rps := median(all, func(s sample) float64 { return s.rps })
			fmt.Printf("%-28s %5d %9.0f %6.2f %8.2f %8.2f %12.2f %8.0f\n", p.name, connections, rps, rps/base,
				median(all, func(s sample) float64 { return s.p50 }), median(all, func(s sample) float64 { return s.p99 }),
				median(all, func(s sample) float64 { return s.cpu }), median(all, func(s sample) float64 { return s.rss }))
		}
	}
}

func median(all []sample, of func(sample) float64) float64 {
	values := make([]float64, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

var (
	reRPS     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	reLatency = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s)`)
	reTotal   = regexp.MustCompile(`(\d+) requests in`)
	reBad     = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

// measure runs wrk once. An answer that is not 2xx makes the figure void.
func (p *peer) measure(ctx context.Context, connections int) (sample, error) {
	args := []string{"-t1", "-c" + strconv.Itoa(connections), "-d" + duration, "--latency"}
	for _, h := range p.headers {
		args = append(args, "-H", h)
	}
	before := cpuSeconds(p.pids())
	out, err := exec.CommandContext(ctx, "wrk", append(args, p.url)...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if bad := reBad.FindSubmatch(out); bad != nil {
		return sample{}, fmt.Errorf("%s answers were not 2xx", bad[1])
	}
	var s sample
	rps, total := reRPS.FindSubmatch(out), reTotal.FindSubmatch(out)
	if rps == nil || total == nil {
		return sample{}, fmt.Errorf("wrk printed no figures: %s", out)
	}
	s.rps = number(rps[1])
	s.cpu = (cpuSeconds(p.pids()) - before) / number(total[1]) * 100_000
	for _, l := range reLatency.FindAllSubmatch(out, -1) {
		ms := number(l[2]) * map[string]float64{"us": .001, "ms": 1, "s": 1000}[string(l[3])]
		if string(l[1]) == "50" {
			s.p50 = ms
		} else {
			s.p99 = ms
		}
	}
	s.rss = residentMiB(p.pids())
	return s, nil
}

func number(b []byte) float64 {
	f, _ := strconv.ParseFloat(string(b), 64) // the expression matched digits
	return f
}

// cpuSeconds sums user and system time (proc(5), fields 14 and 15, in ticks of 10 ms).
func cpuSeconds(pids []int) (sum float64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		sum += (number([]byte(f[11])) + number([]byte(f[12]))) / 100
	}
	return sum
}

func residentMiB(pids []int) (sum float64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			continue
		}
		sum += number([]byte(strings.Fields(string(b))[1])) * float64(os.Getpagesize()) / (1 << 20)
	}
	return sum
}

func startNginx(ctx context.Context, dir string) (*peer, error) {
	at := freeAddress()
	root := filepath.Join(dir, "nginx")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; worker_processes auto; error_log %[1]s/error.log;
events { worker_connections 2048; }
http {
  log_format full '$remote_addr [$time_iso8601] "$request" $status "$http_user_agent" "$http_cookie"';
  access_log %[1]s/access.log full buffer=64k; keepalive_requests 1000000;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s; location = /p.gif { empty_gif; } }
}
`, root, at)
	file := filepath.Join(root, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "/usr/sbin/nginx", "-p", root, "-c", file)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &peer{name: "nginx empty_gif, access log", url: "http://" + at + "/p.gif", pids: func() []int { return family(cmd.Process.Pid) }}
	p.headers = []string{"User-Agent: " + agent, "Cookie: kj_consent_shop=" + strings.Repeat("x", 80) + "; kj_vid_shop=" + strings.Repeat("x", 50)}
	return p, await(p.url)
}

func startBare(ctx context.Context, _ string) (*peer, error) {
	at := freeAddress()
	cmd := exec.CommandContext(ctx, ".cache/bench/barefasthttp", at)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &peer{name: "fasthttp, bare GIF", url: "http://" + at + "/p.gif", pids: func() []int { return []int{cmd.Process.Pid} }}
	p.headers = []string{"User-Agent: " + agent}
	return p, await(p.url)
}

// startKunji starts the service, says yes as a visitor does, and asks for a
// pixel with the cookies of that yes and of the session it began.
func startKunji(ctx context.Context, dir string) (*peer, error) {
	at := freeAddress()
	cmd := exec.CommandContext(ctx, "bin/kunji", "serve")
	cmd.Env = append(os.Environ(), "KUNJI_DATA_DIR="+filepath.Join(dir, "kunji"), "KUNJI_EDGE_LISTEN="+at, "KUNJI_EDGE_PUBLIC_URL=http://"+at,
		"KUNJI_EDGE_RATE_LIMIT=0", "KUNJI_CONSOLE_LISTEN="+freeAddress(), "KUNJI_OPS_LISTEN="+freeAddress())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	base := "http://" + at
	if err := await(base + "/healthz"); err != nil {
		return nil, err
	}
	page := base + "/shop/"
	cookies, err := ask("POST", base+"/v1/consent", base, "", `{"site":"shop","method":"accept_all","surface":"banner"}`)
	if err != nil {
		return nil, err
	}
	pixel := base + "/p.gif?s=shop&k=page_view&u=" + page
	more, err := ask("GET", pixel, base, cookies, "")
	if err != nil {
		return nil, err
	}
	p := &peer{name: "kunji, consented pixel", url: pixel, pids: func() []int { return []int{cmd.Process.Pid} }}
	p.headers = []string{"User-Agent: " + agent, "Origin: " + base, "Cookie: " + cookies + "; " + more}
	return p, nil
}

// ask sends one request and returns the cookies of its answer.
func ask(method, url, origin, cookies, body string) (string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Origin", origin)
	req.Header.Set("User-Agent", agent)
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if result := resp.Header.Get("Kunji-Result"); resp.StatusCode != http.StatusOK || strings.HasPrefix(result, "refused") {
		return "", fmt.Errorf("%s answered %d, %q", url, resp.StatusCode, result)
	}
	var all []string
	for _, c := range resp.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; "), nil
}

func freeAddress() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func await(url string) error {
	var err error
	for range 200 {
		var resp *http.Response
		if resp, err = http.Get(url); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s answered %d", url, resp.StatusCode)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// family is a process and its children.
func family(pid int) []int {
	pids := []int{pid}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return pids
	}
	for _, f := range strings.Fields(string(b)) {
		if child, err := strconv.Atoi(f); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
