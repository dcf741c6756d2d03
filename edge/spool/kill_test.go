package spool

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// writerDir tells the test binary to be the writer that gets killed.
const writerDir = "KUNJI_TEST_SPOOL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir, os.Getenv(writerDir+"_RUN"))
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends from many goroutines and prints each record that was
// answered for.
func writeUntilKilled(dir, run string) {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for w := range 32 {
		go func() {
			for n := 0; ; n++ {
				p := fmt.Sprintf("%s-w%02d-%06d", run, w, n)
				if err := s.Append([]byte(p + " " + strings.Repeat("x", n%300))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(p) // one write, whole or not at all
			}
		}()
	}
	select {}
}

// TestKill_AnsweredIsStored kills a process under load, three times on the same
// directory, and wants everything it answered for.
func TestKill_AnsweredIsStored(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "q")
	var answered []string
	for run := range 3 {
		answered = append(answered, killedAfter(t, dir, fmt.Sprint("run", run), 3000)...)
	}
	s := openAt(t, Options{Dir: dir})
	there := map[string]int{}
	records := drain(t, s, 0)
	for i, r := range records {
		if r.Seq != Seq(i+1) {
			t.Fatalf("position %d at place %d", r.Seq, i)
		}
		name, _, _ := strings.Cut(string(r.Payload), " ")
		there[name]++
	}
	for _, a := range answered {
		if there[a] != 1 {
			t.Errorf("%s was answered for and is stored %d times", a, there[a])
		}
	}
	t.Logf("%d answered, %d stored, %d set aside", len(answered), len(records), s.Stats().Damaged)
}

// killedAfter runs a writer, kills it after so many answers, and returns all it
// gave.
func killedAfter(t *testing.T, dir, run string, answers int) (answered []string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), writerDir+"="+dir, writerDir+"_RUN="+run)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a last piece without its end was never given whole
		}
		if err != nil {
			t.Fatal(err)
		}
		answered = append(answered, strings.TrimSpace(line))
		if len(answered) >= answers {
			once.Do(func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	if len(answered) < answers {
		t.Fatalf("the writer ended after %d answers: %s", len(answered), stderr.String())
	}
	return answered
}
