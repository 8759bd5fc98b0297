package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/connectors/devices/websocket"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/internal/admin"
)

// counters is what listeners and devices count as it happens. All labels come from closed sets.
type counters struct {
	accepted, opened, dropped, panicked prometheus.Counter
	refused, closed, received, sent     *prometheus.CounterVec
	denied                              *prometheus.CounterVec
	logins, provisioned, bad, ended     *prometheus.CounterVec
	turned, limited, overQuota          *prometheus.CounterVec
	reloads                             *prometheus.CounterVec
	commits                             prometheus.Histogram
	answered, turnedAway                *prometheus.CounterVec // HTTP
	coap                                coapCounters
	byType                              [2][packet.AUTH + 1]prometheus.Counter // received and sent: once a packet
}

func (c *counters) register(r *prometheus.Registry) {
	one := func(name, help string) prometheus.Counter {
		x := prometheus.NewCounter(prometheus.CounterOpts{Name: "gridtie_" + name, Help: help})
		r.MustRegister(x)
		return x
	}
	many := func(name, help, label string) *prometheus.CounterVec {
		x := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gridtie_" + name, Help: help}, []string{label})
		r.MustRegister(x)
		return x
	}
	c.accepted = one("mqtt_connections_accepted_total", "Connections accepted.")
	c.opened = one("mqtt_connections_opened_total", "Connections whose CONNECT was accepted.")
	c.refused = many("mqtt_connections_refused_total", "Connections that were not opened, by reason.", "reason")
	c.denied = many("mqtt_subscriptions_refused_total", "Filters of SUBSCRIBEs that were refused, by reason.", "reason")
	c.closed = many("mqtt_connections_closed_total", "Open connections that ended, by reason.", "reason")
	c.received = many("mqtt_packets_received_total", "Control packets received.", "type")
	c.sent = many("mqtt_packets_sent_total", "Control packets sent.", "type")
	c.dropped = one("mqtt_messages_dropped_total", "QoS 0 messages dropped because a client did not read them.")
	c.panicked = one("mqtt_panics_total", "Connections that ended by a panic.")
	c.logins = many("device_logins_total", "Attempts to authenticate, by result.", "result")
	c.provisioned = many("provisioning_answers_total", "Answers to provisioning requests.", "status")
	c.bad = many("bad_payloads_total", "Payloads refused before they became messages.", "reason")
	c.ended = many("device_sessions_ended_total", "Sessions ended from this side.", "reason")
	c.turned = many("gateway_devices_refused_total", "Devices that a gateway named and may not speak for, by reason.", "reason")
	c.limited = many("rate_limited_total", "Messages that a rate limit did not let through, by limit.", "limit")
	c.overQuota = many("device_quota_refused_total", "Devices not made because there are as many as there may be, by quota.", "quota")
	c.answered = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gridtie_http_answers_total", Help: "Requests of devices answered over HTTP, by route and status.",
	}, []string{"route", "status"})
	r.MustRegister(c.answered)
	c.turnedAway = many("http_connections_refused_total", "HTTP connections that ended before a request of theirs was whole, by reason.", "reason")
	c.coap.register(one, many)
	c.reloads = many("chain_reloads_total", "Readings of the folder of chains that led to a verdict, by verdict.", "result")
	for _, result := range admin.ReloadResults() {
		c.reloads.WithLabelValues(result)
	}
	c.commits = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "gridtie_commit_seconds", Help: "Time from the end of a run until its fate was on disk.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
	})
	r.MustRegister(c.commits)
	c.begin()
	for t := packet.CONNECT; t <= packet.AUTH; t++ {
		c.byType[0][t], c.byType[1][t] = c.received.WithLabelValues(t.String()), c.sent.WithLabelValues(t.String())
	}
	for _, reason := range intake.Reasons() {
		c.bad.WithLabelValues(string(reason))
	}
}

// begin makes every label there can be, at zero: of a counter that appears with its first event, nobody sees the rise.
func (c *counters) begin() {
	for _, route := range web.Routes() {
		for _, status := range web.Statuses() {
			c.answered.WithLabelValues(route, strconv.Itoa(status))
		}
	}
	for _, status := range websocket.Statuses() {
		c.answered.WithLabelValues(mqttRoute, strconv.Itoa(status))
	}
	for r := mqttserver.Refusal(1); r.String() != "unknown"; r++ {
		c.refused.WithLabelValues(r.String())
	}
	for r := mqttserver.CloseReason(1); r.String() != "unknown"; r++ {
		c.closed.WithLabelValues(r.String())
	}
	for d := mqttserver.Denial(1); d.String() != "unknown"; d++ {
		c.denied.WithLabelValues(d.String())
	}
	for _, why := range unaskedReasons() {
		c.turnedAway.WithLabelValues(string(why))
	}
	for _, l := range []devices.Login{
		devices.LoginAccepted, devices.LoginRefused, devices.LoginIdentifier, devices.LoginEmpty, devices.LoginUnavailable,
		devices.LoginThrottledAddress, devices.LoginThrottledName,
	} {
		c.logins.WithLabelValues(string(l))
	}
	for _, s := range []devices.Status{
		devices.StatusSuccess, devices.StatusNotFound, devices.StatusFailure, devices.StatusThrottledAddress,
		devices.StatusThrottledKey, devices.StatusLimited, devices.StatusUnavailable,
	} {
		c.provisioned.WithLabelValues(string(s))
	}
	for _, r := range devices.TurnedReasons() {
		c.turned.WithLabelValues(string(r))
	}
	for _, l := range devices.AllLimited() {
		c.limited.WithLabelValues(string(l))
	}
	for _, q := range devices.Quotas() {
		c.overQuota.WithLabelValues(string(q))
	}
	for _, r := range []devices.Reason{devices.TakenOver, devices.Revoked} {
		c.ended.WithLabelValues(string(r))
	}
}

func (m *metrics) mqtt() mqttserver.Observer { return &mqttCounters{&m.counters} }
func (m *metrics) devices() devices.Observer { return &deviceCounters{&m.counters} }

func (m *metrics) web() web.Observer { return &webCounters{&m.counters} }

type webCounters struct{ c *counters }

func (o *webCounters) Answered(route string, status int) {
	o.c.answered.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// mqttRoute is the route of handshakes for MQTT over websockets.
const mqttRoute = "mqtt"

func (m *metrics) handshake(status int) {
	m.counters.answered.WithLabelValues(mqttRoute, strconv.Itoa(status)).Inc()
}

type mqttCounters struct{ c *counters }

func (o *mqttCounters) Accepted()                       { o.c.accepted.Inc() }
func (o *mqttCounters) Refused(r mqttserver.Refusal)    { o.c.refused.WithLabelValues(r.String()).Inc() }
func (o *mqttCounters) Opened()                         { o.c.opened.Inc() }
func (o *mqttCounters) Closed(r mqttserver.CloseReason) { o.c.closed.WithLabelValues(r.String()).Inc() }
func (o *mqttCounters) Received(t packet.Type)          { o.packet(0, t) }
func (o *mqttCounters) Sent(t packet.Type)              { o.packet(1, t) }
func (o *mqttCounters) Denied(d mqttserver.Denial)      { o.c.denied.WithLabelValues(d.String()).Inc() }
func (o *mqttCounters) Dropped()                        { o.c.dropped.Inc() }
func (o *mqttCounters) Panicked()                       { o.c.panicked.Inc() }

func (o *mqttCounters) packet(way int, t packet.Type) {
	if t >= packet.CONNECT && t <= packet.AUTH {
		o.c.byType[way][t].Inc()
	}
}

type deviceCounters struct{ c *counters }

func (o *deviceCounters) LoggedIn(l devices.Login) { o.c.logins.WithLabelValues(string(l)).Inc() }
func (o *deviceCounters) Provisioned(s devices.Status) {
	o.c.provisioned.WithLabelValues(string(s)).Inc()
}
func (o *deviceCounters) BadPayload(r intake.Reason) { o.c.bad.WithLabelValues(string(r)).Inc() }
func (o *deviceCounters) Ended(r devices.Reason)     { o.c.ended.WithLabelValues(string(r)).Inc() }
func (o *deviceCounters) TurnedAway(t devices.Turned) {
	o.c.turned.WithLabelValues(string(t)).Inc()
}
func (o *deviceCounters) Limited(l devices.Limited) { o.c.limited.WithLabelValues(string(l)).Inc() }
func (o *deviceCounters) OverQuota(q devices.Quota) { o.c.overQuota.WithLabelValues(string(q)).Inc() }
