package main

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kunjicloud/kunji/edge/event"
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

// readyz says part by part what works.
func (s *service) readyz(w http.ResponseWriter, _ *http.Request) {
	parts := map[string]string{"clickhouse": "ok"}
	status := http.StatusOK
	if !s.ready.Load() || (s.engine != nil && !s.engine.Ready()) {
		parts["clickhouse"] = "away; hits are kept on disk meanwhile"
	}
	if s.edge != nil {
		parts["spool"] = "ok"
		if err := s.edgeReady(); err != nil {
			parts["spool"], status = err.Error(), http.StatusServiceUnavailable
		}
	}
	if ok, damaged := s.geo.Ready(); !ok {
		parts["geo"] = "none loaded; every visit is opt_in"
	} else if damaged > 0 {
		parts["geo"] = "the newest database is damaged; an earlier one is used"
	} else {
		parts["geo"] = "ok"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts) // the client may be gone
}

// metrics reads the parts' own numbers when they are asked for; nothing is
// counted twice.
type metrics struct{ s *service }

var (
	descHits     = prometheus.NewDesc("kunji_hits_total", "Hits by site, kind and what became of them.", []string{"site", "kind", "result"}, nil)
	descDepth    = prometheus.NewDesc("kunji_spool_records", "Records on disk that are not shipped.", nil, nil)
	descBytes    = prometheus.NewDesc("kunji_spool_bytes", "Bytes on disk that are not shipped.", nil, nil)
	descOldest   = prometheus.NewDesc("kunji_spool_oldest_seconds", "Age of the oldest record that is not shipped.", nil, nil)
	descAside    = prometheus.NewDesc("kunji_spool_set_aside_records", "Records set aside: refused by ClickHouse, or damaged.", []string{"why"}, nil)
	descSyncs    = prometheus.NewDesc("kunji_spool_syncs_total", "Synced writes.", nil, nil)
	descFull     = prometheus.NewDesc("kunji_spool_full", "1 while hits are answered 503.", nil, nil)
	descShipped  = prometheus.NewDesc("kunji_shipped_records_total", "Records shipped to ClickHouse.", nil, nil)
	descRetries  = prometheus.NewDesc("kunji_ship_retries_total", "Batches tried again.", nil, nil)
	descEngineUp = prometheus.NewDesc("kunji_engine_up", "1 while the embedded ClickHouse answers.", nil, nil)
	descEngineRS = prometheus.NewDesc("kunji_engine_resident_bytes", "Memory of the embedded ClickHouse.", nil, nil)
	descRestarts = prometheus.NewDesc("kunji_engine_restarts_total", "How often the embedded ClickHouse was started again.", nil, nil)
)

// Describe sends nothing: the set of metrics depends on the role.
func (metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads every part's numbers.
func (m metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	if m.s.edge != nil {
		for t, n := range m.s.edge.Totals() {
			result := "recorded"
			if t.Reason != event.None {
				result = t.Reason.String()
			}
			kind := ""
			if t.Kind != 0 {
				kind = t.Kind.String()
			}
			counter(descHits, float64(n), t.Site, kind, result)
		}
		st := m.s.spool.Stats()
		gauge(descDepth, float64(st.Depth))
		gauge(descBytes, float64(st.Bytes))
		gauge(descOldest, st.Oldest.Seconds())
		gauge(descAside, float64(st.Aside), "refused")
		gauge(descAside, float64(st.Damaged), "damaged")
		gauge(descFull, flag(st.Full))
		counter(descSyncs, float64(st.Syncs))
		sh := m.s.shipper.Stats()
		counter(descShipped, float64(sh.Records))
		counter(descRetries, float64(sh.Retries))
	}
	if m.s.engine != nil {
		st := m.s.engine.State()
		gauge(descEngineUp, flag(st.Ready))
		gauge(descEngineRS, float64(st.RSS))
		counter(descRestarts, float64(st.Restarts))
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
