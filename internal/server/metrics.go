package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gridtie/gridtie/registry"
)

// metrics is what one server counts. It has a registry of its own, so that several servers of one process (tests, the
// demo) do not add up.
type metrics struct {
	registry *prometheus.Registry
	counters counters
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.counters.register(m.registry)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds what is read from the server at each scrape.
func (m *metrics) watch(s *Server) { m.registry.MustRegister(newSnapshot(s)) }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// snapshot reads the server once for each scrape, so that the figures of one scrape belong together: messages in are
// done + dead-lettered + abandoned + in flight.
type snapshot struct {
	server *Server

	in, done, deadLettered, abandoned, inFlight, repeated *prometheus.Desc
	outcomes, node, stuck                                 *prometheus.Desc
	applied, synced, ready, info, chainsOK                *prometheus.Desc
	connected, waiting                                    *prometheus.Desc
}

func newSnapshot(s *Server) *snapshot {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gridtie_"+name, help, labels, nil)
	}
	return &snapshot{
		server:       s,
		in:           d("messages_in_total", "Messages that entered the engine, emitted ones included."),
		done:         d("messages_done_total", "Messages whose run reached its end; the outcome may be a refusal."),
		deadLettered: d("messages_dead_lettered_total", "Messages that no chain could finish, kept as dead letters."),
		abandoned:    d("messages_abandoned_total", "Messages that were not processed; their senders repeat them, or the next start does."),
		inFlight:     d("messages_in_flight", "Messages in the engine whose fate is not on disk yet."),
		repeated:     d("runs_repeated_total", "Runs repeated because a row they decided on had changed."),
		outcomes:     d("outcomes_total", "Runs by the outcome code that their chain set.", "outcome"),
		node:         d("node_messages_total", "Messages that left a node of the current chains by a relation.", "chain", "node", "relation"),
		stuck:        d("nodes_stuck", "Nodes that have not returned although their time is over."),
		applied:      d("store_applied_state", "Number of the newest state of the store."),
		synced:       d("store_synced_state", "Number of the newest state that is on disk."),
		ready:        d("ready", "1 if the server can promise anything."),
		connected:    d("devices_connected", "Devices with an open session."),
		waiting:      d("devices_waiting", "Polls and observations of devices under way."),
		chainsOK:     d("chain_set_ok", "1 if the chains in force are those in the folder, 0 if a changed set was refused."),
		info:         d("info", "Always 1.", "version", "revision"),
	}
}

// Describe sends nothing: an unchecked collector, since the labels of nodes follow the chains.
func (s *snapshot) Describe(chan<- *prometheus.Desc) {}

// Collect reads the engine's counts once.
func (s *snapshot) Collect(to chan<- prometheus.Metric) {
	e, st := s.server.core.Engine, s.server.store
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	c := e.Counts()
	counter(s.in, c.In)
	counter(s.done, c.Done)
	counter(s.deadLettered, c.DeadLettered)
	counter(s.abandoned, c.Abandoned)
	gauge(s.inFlight, float64(c.InFlight))
	counter(s.repeated, c.Repeated)
	for code, n := range closed(c.Outcomes) {
		counter(s.outcomes, n, code)
	}
	for _, edge := range e.EdgeCounts() {
		counter(s.node, edge.Count, edge.Chain, edge.Node, edge.Relation)
	}
	gauge(s.stuck, float64(len(e.Stuck())))
	gauge(s.applied, float64(st.Applied()))
	gauge(s.synced, float64(st.Synced()))
	ready := 1.0
	if len(s.server.problems()) > 0 {
		ready = 0
	}
	gauge(s.ready, ready)
	gauge(s.connected, float64(s.server.core.Devices.Connected()))
	gauge(s.waiting, float64(s.server.core.Devices.Waiting()))
	chainsOK := 1.0
	if s.server.chains.status() != nil {
		chainsOK = 0
	}
	gauge(s.chainsOK, chainsOK)
	gauge(s.info, 1, s.server.options.Version, e.Chain().Revision())
}

// closed counts by the codes of the table; a chain may make codes of its own, from data even, which share one label.
func closed(outcomes map[string]uint64) map[string]uint64 {
	by := map[string]uint64{"none": 0, "other": 0}
	for _, info := range registry.Codes() {
		by[string(info.Code)] = 0
	}
	for code, n := range outcomes {
		switch _, known := by[code]; {
		case code == "":
			by["none"] += n
		case known:
			by[code] += n
		default:
			by["other"] += n
		}
	}
	return by
}
