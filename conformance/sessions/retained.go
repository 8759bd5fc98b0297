package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// retained is the last message of each topic that was published to be kept.
type retained struct {
	limit int // as many topics; a message of one more is not kept
	last  map[string]mqttserver.Message
}

// keep takes a message with the retain flag; an empty one only removes what there was [MQTT-3.3.1-6].
func (r *retained) keep(m mqttserver.Message) {
	if len(m.Payload) == 0 {
		delete(r.last, m.Topic)
		return
	}
	if _, known := r.last[m.Topic]; known || len(r.last) < r.limit {
		r.last[m.Topic] = m
	}
}

// of gives the messages that a filter means, ordered by topic, and forgets those whose time is over.
func (r *retained) of(filter string) (all []mqttserver.Message) {
	for topic, m := range r.last {
		switch {
		case !m.Expires.IsZero() && !time.Now().Before(m.Expires):
			delete(r.last, topic)
		case matches(filter, topic):
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b mqttserver.Message) int { return cmp.Compare(a.Topic, b.Topic) })
	return all
}
