package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// coapCounters count what CoAP does.
type coapCounters struct {
	received, repeated, registered, notified, unacknowledged, withheld, forgotten, secured, panicked prometheus.Counter
	ignored, answered, refused, ended, insecure                                                      *prometheus.CounterVec
}

var _ coapserver.Observer = (*coapCounters)(nil)

// register makes the counters, with every label that there can be at zero.
func (c *coapCounters) register(one func(name, help string) prometheus.Counter, many func(name, help, label string) *prometheus.CounterVec) {
	c.received = one("coap_messages_received_total", "Datagrams received, and messages over DTLS.")
	c.repeated = one("coap_messages_repeated_total", "Messages that came again, and were answered as before.")
	c.registered = one("coap_observations_total", "Observations that began.")
	c.notified = one("coap_notifications_total", "Notifications sent.")
	c.unacknowledged = one("coap_unacknowledged_total", "Confirmable messages that were given up.")
	c.withheld = one("coap_withheld_total", "Messages not sent to addresses that are not proved, because too little came from there.")
	c.forgotten = one("coap_peers_forgotten_total", "Peers forgotten before their time, for want of memory.")
	c.secured = one("coap_dtls_connections_total", "DTLS connections opened.")
	c.panicked = one("coap_panics_total", "Requests that ended by a panic.")
	c.ignored = many("coap_messages_ignored_total", "Messages without an effect, by reason.", "reason")
	c.answered = many("coap_answers_total", "Requests answered, by code.", "code")
	c.refused = many("coap_requests_refused_total", "Requests that no dialect saw, by reason.", "reason")
	c.ended = many("coap_observations_ended_total", "Observations that ended, by reason.", "reason")
	c.insecure = many("coap_dtls_refused_total", "DTLS handshakes that led to no connection, by reason.", "reason")
	for _, begin := range []struct {
		of     *prometheus.CounterVec
		labels []string
	}{
		{c.ignored, texts(coapserver.IgnoredReasons())},
		{c.refused, texts(coapserver.Refusals())},
		{c.ended, texts(coapserver.Ends())},
		{c.insecure, texts(coapserver.InsecureReasons())},
		{c.answered, []string{"2.01", "2.05", "4.00", "4.01"}},
	} {
		for _, label := range begin.labels {
			begin.of.WithLabelValues(label)
		}
	}
}

func texts[T ~string](all []T) []string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = string(one)
	}
	return list
}

func (c *coapCounters) Received()                    { c.received.Inc() }
func (c *coapCounters) Ignored(r coapserver.Ignored) { c.ignored.WithLabelValues(string(r)).Inc() }
func (c *coapCounters) Repeated()                    { c.repeated.Inc() }
func (c *coapCounters) Answered(code message.Code)   { c.answered.WithLabelValues(code.String()).Inc() }

func (c *coapCounters) Refused(r coapserver.Refusal)   { c.refused.WithLabelValues(string(r)).Inc() }
func (c *coapCounters) Registered()                    { c.registered.Inc() }
func (c *coapCounters) Ended(r coapserver.Ended)       { c.ended.WithLabelValues(string(r)).Inc() }
func (c *coapCounters) Notified()                      { c.notified.Inc() }
func (c *coapCounters) Unacknowledged()                { c.unacknowledged.Inc() }
func (c *coapCounters) Withheld()                      { c.withheld.Inc() }
func (c *coapCounters) Forgotten()                     { c.forgotten.Inc() }
func (c *coapCounters) Secured()                       { c.secured.Inc() }
func (c *coapCounters) Insecure(r coapserver.Insecure) { c.insecure.WithLabelValues(string(r)).Inc() }
func (c *coapCounters) Panicked()                      { c.panicked.Inc() }
