package thingsboard

import (
	"strconv"
	"strings"
)

// action is what a PUBLISH on a topic asks for.
type action uint8

const (
	unknown action = iota // acknowledged and dropped
	postAttributes
	postTelemetry
	readAttributes
	answerCall
	ask
	loadPackage // see package.go
	refused     // known, and a form that is not spoken: a bad payload
	fatal       // ends the connection, whatever the profile says of bad payloads
)

// The topics that a profile can replace.
const (
	telemetryTopic  = "v1/devices/me/telemetry"
	attributesTopic = "v1/devices/me/attributes"
)

// gatewayPrefix begins the topics of gateways, which no filter of a profile reaches.
const gatewayPrefix = "v1/gateway"

// publishes are the topics that a device may publish to besides those that a profile can replace, as ThingsBoard's
// MqttTopics names them. numbered ones go on with a request id, a 32-bit integer; answer is then where the answer goes,
// followed by that id, and filter what a client that wants it with a certain QoS subscribes to; misnumbered is what becomes
// of another id. The forms that end in "p" carry Protobuf, which is not spoken: they are refused, because acknowledging them
// would lose data.
//
// Those of gateways stand in gateway.go, those of packages in package.go; claiming is not served. The table is never written
// to.
var publishes = [...]struct {
	topic          string
	action         action
	numbered       bool
	answer, filter string
	misnumbered    action
}{
	{topic: "v2/a", action: postAttributes},
	{topic: "v2/a/j", action: postAttributes},
	{topic: "v2/t", action: postTelemetry},
	{topic: "v2/t/j", action: postTelemetry},
	{
		topic: "v1/devices/me/attributes/request/", action: readAttributes, numbered: true, misnumbered: refused,
		answer: "v1/devices/me/attributes/response/", filter: "v1/devices/me/attributes/response/+",
	},
	{topic: "v2/a/req/j/", action: readAttributes, numbered: true, answer: "v2/a/res/j/", filter: "v2/a/res/j/+", misnumbered: refused},
	{topic: "v2/a/req/p/", action: refused, numbered: true, misnumbered: refused},
	{topic: "v2/a/req/", action: readAttributes, numbered: true, answer: "v2/a/res/", filter: "v2/a/res/+", misnumbered: refused},
	{topic: "v1/devices/me/rpc/response/", action: answerCall, numbered: true, misnumbered: refused},
	{topic: "v2/r/res/j/", action: answerCall, numbered: true, misnumbered: refused},
	{topic: "v2/r/res/p/", action: refused, numbered: true, misnumbered: refused},
	{topic: "v2/r/res/", action: answerCall, numbered: true, misnumbered: refused},
	{
		topic: "v1/devices/me/rpc/request/", action: ask, numbered: true, misnumbered: fatal,
		answer: "v1/devices/me/rpc/response/", filter: "v1/devices/me/rpc/response/+",
	},
	{topic: "v2/r/req/j/", action: ask, numbered: true, answer: "v2/r/res/j/", filter: "v2/r/res/j/+", misnumbered: fatal},
	{topic: "v2/r/req/p/", action: refused, numbered: true, misnumbered: fatal},
	{topic: "v2/r/req/", action: ask, numbered: true, answer: "v2/r/res/", filter: "v2/r/res/+", misnumbered: fatal},
	{topic: "v2/a/p", action: refused},
	{topic: "v2/t/p", action: refused},
}

// route is what one PUBLISH asks for.
type route struct {
	action action
	id     int32  // of a numbered topic
	answer string // topic of the answer, without the id
	filter string // whose granted QoS the answer has
}

// find looks a topic up, in ThingsBoard's order: gateways, the profile's filter of attributes, that of telemetry, the rest.
func (t *topics) find(topic string) route {
	switch {
	case strings.HasPrefix(topic, gatewayPrefix):
		return route{}
	case t.attributes.match(topic):
		return route{action: postAttributes}
	case t.telemetry.match(topic):
		return route{action: postTelemetry}
	}
	if strings.HasPrefix(topic, firmwareTopics.request) || strings.HasPrefix(topic, softwareTopics.request) {
		return route{action: loadPackage}
	}
	for i := range publishes {
		p := &publishes[i]
		if !p.numbered {
			if topic == p.topic {
				return route{action: p.action}
			}
			continue
		}
		number, ok := strings.CutPrefix(topic, p.topic)
		if !ok {
			continue
		}
		id, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return route{action: p.misnumbered}
		}
		return route{action: p.action, id: int32(id), answer: p.answer, filter: p.filter}
	}
	return route{}
}

// filters are what a device may subscribe to, to the letter. push is the topic on which changed shared attributes then
// arrive, calls what the topic of a call begins with; the others only say with which QoS answers come, which come in any
// case. The Protobuf forms are not among them: what would arrive there is not spoken.
var filters = [...]struct{ filter, push, calls string }{
	{filter: attributesTopic, push: attributesTopic},
	{filter: "v2/a", push: "v2/a"},
	{filter: "v2/a/j", push: "v2/a/j"},
	{filter: "v1/devices/me/rpc/request/+", calls: "v1/devices/me/rpc/request/"},
	{filter: "v2/r/req/+", calls: "v2/r/req/"},
	{filter: "v2/r/req/j/+", calls: "v2/r/req/j/"},
	{filter: "v1/devices/me/attributes/response/+"},
	{filter: "v2/a/res/+"},
	{filter: "v2/a/res/j/+"},
	{filter: "v1/devices/me/rpc/response/+"},
	{filter: "v2/r/res/+"},
	{filter: "v2/r/res/j/+"},
	{filter: firmwareTopics.filter},
	{filter: softwareTopics.filter},
	{filter: packageErrors},
	{filter: "v2/sw/error"},
	{filter: "v1/gateway/attributes"},
	{filter: "v1/gateway/rpc"},
	{filter: "v1/gateway/attributes/response"},
}

// subscription tells whether a filter may be subscribed to, the topic that shared attributes then arrive on, and what the
// topics of calls begin with.
func (t *topics) subscription(filter string) (push, calls string, known bool) {
	for i := range filters {
		if filters[i].filter == filter {
			return filters[i].push, filters[i].calls, true
		}
	}
	if t.subscribe.match(filter) {
		return attributesTopic, "", true // there, whatever the filter, as in ThingsBoard
	}
	return "", "", false
}

// Topics of a provision-only session; the leading slash is part of them.
const (
	provisionRequest  = "/provision/request"
	provisionResponse = "/provision/response"
)

// replyQoS is that of an answer to a client that subscribed to nothing that matches.
const replyQoS = 1
