package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kunjicloud/kunji/edge/event"
)

// metrics reads the parts' own numbers when they are asked for; nothing is
// counted twice. deploy/prometheus and deploy/grafana use these names.
type metrics struct{ s *service }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kunji_"+name, help, labels, nil)
}

var (
	descBuild = desc("build_info", "1; the version stands in its label.", "version", "role")

	descHits = desc("hits_total", "Hits by site, kind and what became of them.", "site", "kind", "result")

	descDepth     = desc("spool_records", "Records on disk that are not shipped.")
	descBytes     = desc("spool_bytes", "Bytes on disk that are not shipped.")
	descMax       = desc("spool_max_bytes", "spool.max_bytes: with more waiting, hits are answered 503.")
	descDisk      = desc("spool_disk_bytes", "What the spool takes on disk.")
	descOldest    = desc("spool_oldest_seconds", "Age of the oldest record that is not shipped.")
	descAside     = desc("spool_set_aside_records", "Records set aside: refused by ClickHouse, or damaged.", "why")
	descSyncs     = desc("spool_syncs_total", "Synced writes.")
	descRefused   = desc("spool_refused_total", "Requests whose hits the full spool did not take.")
	descFull      = desc("spool_full", "1 while hits are answered 503.")
	descFailed    = desc("spool_failed", "1 once the disk failed; only a restart helps.")
	descShipped   = desc("shipped_records_total", "Records shipped to ClickHouse.")
	descBatches   = desc("shipped_batches_total", "Batches shipped to ClickHouse.")
	descRetries   = desc("ship_retries_total", "Batches tried again.")
	descShipAside = desc("ship_set_aside_records_total", "Records that ClickHouse can never take, since the start.")
	descLag       = desc("ship_lag_seconds", "How far reports are behind what was answered as recorded.")
	descFailing   = desc("ship_failing_seconds", "For how long tries to ship have failed; 0 while they succeed.")
	descLast      = desc("ship_last_success_timestamp_seconds", "When a batch was shipped last; 0 since the start none.")

	descStore    = desc("clickhouse_ready", "1 while ClickHouse has its tables and, where embedded, answers.")
	descEngineUp = desc("engine_up", "1 while the embedded ClickHouse answers.")
	descEngineRS = desc("engine_resident_bytes", "Memory of the embedded ClickHouse.")
	descRestarts = desc("engine_restarts_total", "How often the embedded ClickHouse was started again.")

	descErasures       = desc("erasures_open", "Erasures that were asked for and are not done. Only where jobs run.")
	descErased         = desc("erasures_done", "Erasures done, each with a receipt.")
	descErasureAge     = desc("erasure_oldest_seconds", "Age of the oldest erasure that is not done.")
	descErasureFailing = desc("erasure_failing_seconds", "For how long rounds of erasing have failed; 0 while they do not.")
	descErasureErrors  = desc("erasure_failures_total", "Rounds of erasing that failed, since the start.")

	descGeo        = desc("geo_ready", "1 while every configured geo database is loaded.")
	descGeoDamaged = desc("geo_damaged_total", "Look-ups that met damage in a geo database.")

	descConfig   = desc("config_reload_success", "0 after a reload whose configuration was refused.")
	descConfigAt = desc("config_reload_timestamp_seconds", "When the configuration was read again last; 0 since the start never.")
)

// Describe sends nothing: the set of metrics depends on the role.
func (metrics) Describe(chan<- *prometheus.Desc) {}

// sink takes numbers.
type sink chan<- prometheus.Metric

func (out sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (out sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// Collect reads every part's numbers.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	out := sink(to)
	out.gauge(descBuild, 1, version(), m.s.role)
	if m.s.edge != nil {
		m.hits(out)
		m.spooled(out)
		m.shipped(out)
	}
	out.gauge(descStore, flag(m.s.ready.Load() && (m.s.engine == nil || m.s.engine.Ready())))
	if m.s.engine != nil {
		st := m.s.engine.State()
		out.gauge(descEngineUp, flag(st.Ready))
		out.gauge(descEngineRS, float64(st.RSS))
		out.counter(descRestarts, float64(st.Restarts))
	}
	m.erasures(out)
	ok, damaged := m.s.geo.Ready()
	out.gauge(descGeo, flag(ok))
	out.counter(descGeoDamaged, float64(damaged))
	at, failed := m.s.reload.last()
	out.gauge(descConfig, flag(failed == ""))
	out.gauge(descConfigAt, moment(at))
}

func (m metrics) hits(out sink) {
	for t, n := range m.s.edge.Totals() {
		result := "recorded"
		if t.Reason != event.None {
			result = t.Reason.String()
		}
		kind := ""
		if t.Kind != 0 {
			kind = t.Kind.String()
		}
		out.counter(descHits, float64(n), t.Site, kind, result)
	}
}

func (m metrics) spooled(out sink) {
	st := m.s.spool.Stats()
	out.gauge(descDepth, float64(st.Depth))
	out.gauge(descBytes, float64(st.Bytes))
	out.gauge(descMax, float64(m.s.cfg.Spool.MaxBytes))
	out.gauge(descDisk, float64(st.DiskBytes))
	out.gauge(descOldest, st.Oldest.Seconds())
	out.gauge(descAside, float64(st.Aside), "refused")
	out.gauge(descAside, float64(st.Damaged), "damaged")
	out.gauge(descFull, flag(st.Full))
	out.gauge(descFailed, flag(st.Failed))
	out.counter(descSyncs, float64(st.Syncs))
	out.counter(descRefused, float64(st.Refused))
}

func (m metrics) shipped(out sink) {
	st := m.s.shipper.Stats()
	out.counter(descShipped, float64(st.Records))
	out.counter(descBatches, float64(st.Batches))
	out.counter(descRetries, float64(st.Retries))
	out.counter(descShipAside, float64(st.SetAside))
	out.gauge(descLag, st.Lag.Seconds())
	failing := 0.0
	if !st.Failing.IsZero() {
		failing = time.Since(st.Failing).Seconds()
	}
	out.gauge(descFailing, failing)
	out.gauge(descLast, moment(st.LastSuccess))
}

func (m metrics) erasures(out sink) {
	if !m.s.cfg.Jobs {
		return
	}
	st := m.s.erasing.state(time.Now())
	out.gauge(descErasures, float64(st.open))
	out.gauge(descErased, float64(st.done))
	out.gauge(descErasureAge, st.age.Seconds())
	out.gauge(descErasureFailing, st.failing.Seconds())
	out.counter(descErasureErrors, float64(st.failures))
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// moment is a time as Prometheus writes it; 0 for none.
func moment(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
