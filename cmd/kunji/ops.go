package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// opsHandler is for operators alone: metrics, why not ready, profiles. It
// listens on an address of its own that no visitor reaches.
func (s *service) opsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), metrics{s})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// readiness is the state of one part: ok, or what is wrong and what follows.
type readiness struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// readyz says part by part what works. Its status is 503 only where hits are
// not kept: everything else waits or is made up for, and a restart by an
// orchestrator would help none of it.
func (s *service) readyz(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if s.edge != nil && s.edgeReady() != nil {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(s.parts()) // the client may be gone
}

// parts is the state of every part that the role has.
func (s *service) parts() map[string]readiness {
	parts := map[string]readiness{"clickhouse": {OK: true}}
	if !s.ready.Load() || (s.engine != nil && !s.engine.Ready()) {
		parts["clickhouse"] = readiness{Detail: "away; hits are kept on disk meanwhile"}
	}
	if s.engine != nil {
		parts["engine"] = s.engineReadiness()
	}
	if s.edge != nil {
		parts["spool"], parts["shipping"], parts["withdrawals"] = s.spoolReadiness(), s.shipReadiness(), s.withdrawalReadiness()
	}
	if st := s.erasing.state(time.Now()); st.failed != "" {
		parts["erasures"] = readiness{Detail: fmt.Sprintf("%d wait, the oldest for %s; rounds fail since %s: %s", st.open, age(st.age), age(st.failing), st.failed)}
	} else if st.known {
		parts["erasures"] = readiness{OK: true, Detail: fmt.Sprintf("%d wait, %d are done", st.open, st.done)}
	}
	switch ok, damaged := s.geo.Ready(); {
	case !ok:
		parts["geo"] = readiness{Detail: "a database is not loaded; unknown places are opt_in"}
	case damaged > 0:
		parts["geo"] = readiness{Detail: fmt.Sprintf("%d look-ups met damage in a database: replace it", damaged)}
	default:
		parts["geo"] = readiness{OK: true}
	}
	if at, failed := s.reload.last(); failed != "" {
		parts["configuration"] = readiness{Detail: "not taken " + at.UTC().Format(time.RFC3339) + ", the one before it is in use: " + failed}
	} else {
		parts["configuration"] = readiness{OK: true}
	}
	return parts
}

func (s *service) engineReadiness() readiness {
	st := s.engine.State()
	r := readiness{OK: st.Ready, Detail: fmt.Sprintf("%s since %s, %s, %d MiB", map[bool]string{true: "up", false: "down"}[st.Ready],
		st.Since.UTC().Format(time.RFC3339), count(st.Restarts, "restart"), st.RSS>>20)}
	if st.LastExit != "" {
		r.Detail += "; the last one ended: " + st.LastExit
	}
	return r
}

func (s *service) spoolReadiness() readiness {
	st := s.spool.Stats()
	r := readiness{OK: true, Detail: fmt.Sprintf("%d records wait (%d bytes), the oldest for %s; %d set aside, %d damaged",
		st.Depth, st.Bytes, age(st.Oldest), st.Aside, st.Damaged)}
	if err := s.edgeReady(); err != nil {
		r = readiness{Detail: err.Error() + "; " + r.Detail}
	} else if st.LastError != "" {
		r.Detail += "; last error " + st.ErrorAt.UTC().Format(time.RFC3339) + ": " + st.LastError
	}
	return r
}

// withdrawalReadiness says whether mail is measured: not where this node may lack
// what people said to others.
func (s *service) withdrawalReadiness() readiness {
	st := s.withdrawn.Stats()
	r := readiness{OK: true, Detail: fmt.Sprintf("%d records taken back; %d mail recipients in %d MiB", st.Records, st.Recipients, st.Bytes>>20)}
	if err := s.withdrawn.Ready(time.Now()); err != nil {
		r = readiness{Detail: err.Error() + "; hits of mail are refused meanwhile, links and images work; " + r.Detail}
	}
	return r
}

func (s *service) shipReadiness() readiness {
	st := s.shipper.Stats()
	if !st.Failing.IsZero() {
		return readiness{Detail: fmt.Sprintf("failing since %s and tried again: %s", st.Failing.UTC().Format(time.RFC3339), st.LastError)}
	}
	if st.LastSuccess.IsZero() {
		return readiness{OK: true, Detail: "nothing shipped since the start"}
	}
	return readiness{OK: true, Detail: fmt.Sprintf("%d records, the last at %s", st.Records, st.LastSuccess.UTC().Format(time.RFC3339))}
}
