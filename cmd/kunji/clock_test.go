package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/spool"
)

// TestClockJumps sets the clock of an edge back and forth, as NTP and people
// do: a visitor who agreed is counted all the same, each hit once and at the
// time that the clock showed.
func TestClockJumps(t *testing.T) {
	in := newInstallation(t, "")
	env := map[string]string{
		"KUNJI_CLICKHOUSE_DSN": "http://" + freePort(t) + "/kunji", "KUNJI_EDGE_LISTEN": in.edge, "KUNJI_EDGE_PUBLIC_URL": "http://" + in.edge,
		"KUNJI_OPS_LISTEN": in.ops, "KUNJI_DATA_DIR": filepath.Join(in.dir, "data"),
	}
	cfg, _, err := Load(filepath.Join(in.dir, "kunji.yaml"), func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(t.Context(), cfg, roleEdge, slog.New(slog.DiscardHandler), edgeExtra{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close() //nolint:errcheck // what matters is read before
	clock := new(movedClock)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock.set(start)
	o := s.edgeOptions()
	o.Now, o.Rate = clock.now, 0
	edge, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- edge.Serve(ln) }()

	through := *in
	through.edge = ln.Addr().String()
	v := &visitor{in: &through, client: http.DefaultClient}
	if status, _, err := v.do("POST", "/v1/consent", `{"site":"shop","method":"accept_all","surface":"banner"}`); err != nil || status != http.StatusOK {
		t.Fatalf("consent: %d, %v", status, err)
	}
	jumps := []time.Duration{0, -time.Hour, -2 * time.Hour, 24 * time.Hour, 23 * time.Hour, 30 * 24 * time.Hour, time.Minute}
	for i, jump := range jumps {
		clock.set(start.Add(jump))
		for range 2 { // the second one is a client's retry
			path := fmt.Sprintf("/p.gif?s=shop&k=click&i=jump-%d&u=http://127.0.0.1/", i)
			if _, result, err := v.do("GET", path, ""); err != nil || result != "recorded" {
				t.Errorf("after a jump to %+v: %q, %v", jump, result, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := edge.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	records, err := s.spool.Read(ctx, 1, s.spool.Stats().Stored)
	if err != nil {
		t.Fatal(err)
	}
	var at []time.Duration
	for _, r := range records {
		if rec, err := event.Decode(r.Payload); err == nil && rec.Event != nil && rec.Event.Kind == event.Click {
			at = append(at, rec.Event.Time.Sub(start))
		}
	}
	if fmt.Sprint(at) != fmt.Sprint(jumps) {
		t.Errorf("clicks are kept at %v, want %v", at, jumps)
	}
}

// TestSpoolClock: a clock that was set back makes no record look older or
// younger than it can be.
func TestSpoolClock(t *testing.T) {
	clock := new(movedClock)
	clock.set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s, err := spool.Open(spool.Options{Dir: filepath.Join(t.TempDir(), "spool"), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append([]byte("a record")); err != nil {
		t.Fatal(err)
	}
	clock.set(clock.now().Add(-time.Hour))
	if age := s.Stats().Oldest; age != 0 {
		t.Errorf("a record from the future is %s old", age)
	}
	clock.set(clock.now().Add(2 * time.Hour))
	if age := s.Stats().Oldest; age != time.Hour {
		t.Errorf("a record of an hour ago is %s old", age)
	}
}
