package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
)

// fails runs the program until it ends and wants an exit code and a text.
func (in *installation) fails(code int, says string, args ...string) {
	in.t.Helper()
	cmd := exec.Command(in.exe, args...)
	cmd.Dir, cmd.Env = in.dir, in.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.Contains(string(out), says) {
		in.t.Errorf("kunji %s: %v, want exit code %d and %q:\n%s", strings.Join(args, " "), err, code, says, out)
	}
}

// TestOneService: a data_dir has one service, commands find it by its socket,
// and a ring that is not the store's keeps it from starting.
func TestOneService(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")

	in.fails(exitFailed, fmt.Sprintf("data_dir is in use: process %d runs on", r.cmd.Process.Pid), "serve")
	info, err := os.Stat(filepath.Join(in.dir, "data", controlSocket))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket: %v, %v", info, err)
	}
	if said := in.kunji("spool", "list"); said != "nothing is set aside\n" {
		t.Errorf("kunji spool list: %q", said)
	}
	in.fails(exitFailed, "no batch 7 is set aside", "spool", "replay", "7")
	in.eventually("ClickHouse is ready", func() error { return in.partOK("clickhouse") })

	r.kill() // leaves socket and lock file behind
	setAsideOne(t, filepath.Join(in.dir, "data", "spool"))
	if said := in.kunji("spool", "list"); !strings.Contains(said, "code 349") || strings.Count(said, "\n") != 2 {
		t.Errorf("kunji spool list at rest: %s", said)
	}
	r = in.start("serve")
	if said := in.kunji("spool", "replay"); said != "1 record of 1 batch are in the queue again\n" {
		t.Errorf("kunji spool replay: %q", said)
	}
	r.end()

	ring, err := identity.NewRing(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Save(filepath.Join(in.dir, "data", "keys.json")); err != nil {
		t.Fatal(err)
	}
	in.fails(exitFailed, "this node's key ring is not the one of its store", "serve")
}

// setAsideOne puts a record into a spool and sets it aside.
func setAsideOne(t *testing.T, dir string) {
	t.Helper()
	s, err := spool.Open(spool.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append([]byte("not a record")); err != nil {
		t.Fatal(err)
	}
	last := s.Stats().Stored
	if before := last - 1; before > s.Cursor() {
		if err := s.Ack(before); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetAside(last, last, "refused: code 349"); err != nil {
		t.Fatal(err)
	}
}

// partOK asks the operators' page about a part.
func (in *installation) partOK(name string) error {
	resp, err := http.Get("http://" + in.ops + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var parts map[string]readiness
	if err := json.NewDecoder(resp.Body).Decode(&parts); err != nil {
		return err
	}
	if p, known := parts[name]; !known || !p.OK {
		return fmt.Errorf("%s: %+v, %v", name, p, known)
	}
	return nil
}

// TestEnd: SIGTERM ends the service in bounded time with exit code 0 although a
// client keeps back the last byte of its request and a report runs for ever;
// what was answered is kept. A second signal ends it at once.
func TestEnd(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	in.eventually("ClickHouse is ready", func() error { return in.partOK("clickhouse") })
	v := &visitor{in: in, client: &http.Client{Timeout: 30 * time.Second}}
	if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	slow := v.withhold(t)
	if _, result, err := v.do("GET", "/p.gif?s=shop&k=click&i=kept&u=http://"+in.edge+"/shop/", ""); err != nil || result != "recorded" {
		t.Fatalf("click: %q, %v", result, err)
	}
	endless := exec.Command(in.exe, "sql", "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))")
	endless.Dir, endless.Env = in.dir, in.env
	if err := endless.Start(); err != nil {
		t.Fatal(err)
	}
	defer endless.Wait() //nolint:errcheck // it fails: its engine ends
	slow.wants(t)
	r.end()
	slow.answered(t, false)

	r = in.start("serve")
	in.shipped()
	if got := in.column("SELECT count() FROM events WHERE kind = 'click'"); got[0] != "1" {
		t.Errorf("%s clicks are stored, want 1", got[0])
	}
	slow = v.withhold(t) // keeps the drain waiting
	slow.wants(t)
	for range 2 {
		if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		in.eventually("the signal was taken", func() error {
			select {
			case <-r.ended:
				return nil
			default:
			}
			if !strings.Contains(r.said(), "kunji: ending") {
				return errors.New("nothing happens")
			}
			return nil
		})
	}
	<-r.ended
	if status := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("after a second signal: %v", r.cmd.ProcessState)
	}
}

// withheld is a request whose last byte does not come.
type withheld struct {
	conn net.Conn
	v    *visitor
}

func (v *visitor) withhold(t *testing.T) *withheld {
	t.Helper()
	conn, err := net.Dial("tcp", v.in.edge)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := `{"site":"shop","events":[{"kind":"click","id":"withheld","url":"http://` + v.in.edge + `/shop/"}]}`
	head := fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nUser-Agent: %s\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n",
		v.in.edge, v.in.edge, testAgent, strings.Join(v.cookies, "; "), len(body))
	if _, err := io.WriteString(conn, head+body[:len(body)-1]); err != nil {
		t.Fatal(err)
	}
	return &withheld{conn, v}
}

// wants makes sure that the edge has the request and waits for more.
func (w *withheld) wants(t *testing.T) {
	t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := w.conn.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a request without its last byte was answered: %v", err)
	}
}

// answered says whether the request was ever answered as recorded.
func (w *withheld) answered(t *testing.T, want bool) {
	t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b, _ := io.ReadAll(bufio.NewReader(w.conn)) // it ends one way or another
	if got := bytes.Contains(b, []byte("Kunji-Result: recorded")); got != want {
		t.Errorf("answered as recorded: %v\n%s", got, b)
	}
}
