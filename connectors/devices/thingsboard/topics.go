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
	answerCall // of a call that nobody made; acknowledged
	refused    // known, and a form that is not spoken: a bad payload
)

// publishes are the topics that a device may publish to, as ThingsBoard's MqttTopics names them. numbered ones go on with
// a request id, a 32-bit integer; answer is then where the answer goes, followed by that id, and filter what a client
// that wants it with a certain QoS subscribes to. The forms that end in "p" carry Protobuf, which is not spoken: they
// are refused, because acknowledging them would lose data.
//
// Calls from devices, gateways (v1/gateway/…), claiming and firmware chunks are not served and not in the table, which is
// never written to.
var publishes = [...]struct {
	topic          string
	action         action
	numbered       bool
	answer, filter string
}{
	{topic: "v1/devices/me/attributes", action: postAttributes},
	{topic: "v1/devices/me/telemetry", action: postTelemetry},
	{topic: "v2/a", action: postAttributes},
	{topic: "v2/a/j", action: postAttributes},
	{topic: "v2/t", action: postTelemetry},
	{topic: "v2/t/j", action: postTelemetry},
	{
		topic: "v1/devices/me/attributes/request/", action: readAttributes, numbered: true,
		answer: "v1/devices/me/attributes/response/", filter: "v1/devices/me/attributes/response/+",
	},
	{topic: "v2/a/req/j/", action: readAttributes, numbered: true, answer: "v2/a/res/j/", filter: "v2/a/res/j/+"},
	{topic: "v2/a/req/p/", action: refused, numbered: true},
	{topic: "v2/a/req/", action: readAttributes, numbered: true, answer: "v2/a/res/", filter: "v2/a/res/+"},
	{topic: "v1/devices/me/rpc/response/", action: answerCall, numbered: true},
	{topic: "v2/r/res/j/", action: answerCall, numbered: true},
	{topic: "v2/r/res/p/", action: refused, numbered: true},
	{topic: "v2/r/res/", action: answerCall, numbered: true},
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

// find looks a topic up. A numbered topic whose id is no 32-bit integer is a bad payload.
func find(topic string) route {
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
			return route{action: refused}
		}
		return route{action: p.action, id: int32(id), answer: p.answer, filter: p.filter}
	}
	return route{}
}

// filters are what a device may subscribe to, to the letter. push is the topic on which changed shared attributes then
// arrive; the others only say with which QoS answers come, which come in any case. The Protobuf forms are not among
// them: what would arrive there is not spoken.
var filters = [...]struct{ filter, push string }{
	{"v1/devices/me/attributes", "v1/devices/me/attributes"},
	{"v2/a", "v2/a"},
	{"v2/a/j", "v2/a/j"},
	{"v1/devices/me/attributes/response/+", ""},
	{"v2/a/res/+", ""},
	{"v2/a/res/j/+", ""},
	{"v1/devices/me/rpc/request/+", ""},
	{"v2/r/req/+", ""},
	{"v2/r/req/j/+", ""},
	{"v1/devices/me/rpc/response/+", ""},
	{"v2/r/res/+", ""},
	{"v2/r/res/j/+", ""},
	{"v2/fw/response/+/chunk/+", ""},
	{"v2/sw/response/+/chunk/+", ""},
	{"v2/fw/error", ""},
	{"v2/sw/error", ""},
	{"v1/gateway/attributes", ""},
	{"v1/gateway/rpc", ""},
	{"v1/gateway/attributes/response", ""},
}

// pushOf tells whether a filter may be subscribed to, and the topic that shared attributes then arrive on.
func pushOf(filter string) (push string, known bool) {
	for i := range filters {
		if filters[i].filter == filter {
			return filters[i].push, true
		}
	}
	return "", false
}

// Topics of a provision-only session; the leading slash is part of them.
const (
	provisionRequest  = "/provision/request"
	provisionResponse = "/provision/response"
)

// replyQoS is that of an answer to a client that subscribed to nothing that matches.
const replyQoS = 1
