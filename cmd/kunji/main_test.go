package main

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kunjicloud/kunji/analytics/engine"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kunji": main})
}

// TestScripts runs the program as an operator does. Scripts have two commands
// beside testscript's own: "exits CODE ARGS…" runs kunji and wants exactly that
// exit code; "engine DIR" keeps ClickHouse running there until the script ends,
// as a service does.
func TestScripts(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv(engine.LibraryEnv, library)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "engine": keepEngine},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("kunji", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("kunji: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func keepEngine(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath("kunji")
	ts.Check(err)
	s, err := engine.Start(context.Background(), engine.SupervisorOptions{
		Executable: program,
		Args:       []string{"engine"},
		Engine:     engine.Options{Dir: ts.MkAbs(args[0]), Library: ts.Getenv(engine.LibraryEnv)},
	})
	ts.Check(err)
	ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ts.Check(s.Close(ctx))
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ts.Check(s.Wait(ctx))
}
