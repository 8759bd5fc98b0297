package thingsboard

import (
	"regexp"
	"strings"
	"sync"

	"github.com/gridtie/gridtie/registry"
)

// topics are those that a profile can replace.
type topics struct {
	attributes, telemetry, subscribe filter
	named                            bool // messages say on which topic they came
}

// filter is a topic filter, with the rules of ThingsBoard's MqttTopicFilterFactory: "#" alone is every topic; "+" is at least
// one character within a level; "/#" is the end, or any deeper levels; a "#" that follows no "/" is itself. Unlike there, all
// other characters are themselves, too.
type filter struct {
	text    string // to be equal to, without wildcards
	pattern *regexp.Regexp
	all     bool
}

func newFilter(text, absent string) filter {
	switch {
	case text == "":
		return filter{text: absent}
	case text == "#":
		return filter{all: true}
	case !strings.ContainsAny(text, "+#"):
		return filter{text: text}
	}
	quoted := regexp.QuoteMeta(text)
	quoted = strings.ReplaceAll(quoted, `\+`, `[^/]+`)
	quoted = strings.ReplaceAll(quoted, `/#`, `(?:$|/.*)`)
	pattern, err := regexp.Compile(`(?s)^` + quoted + `$`)
	if err != nil { // no text; the registry lets no such filter in
		return filter{text: text}
	}
	return filter{pattern: pattern}
}

func (f *filter) match(topic string) bool {
	switch {
	case f.all:
		return true
	case f.pattern != nil:
		return f.pattern.MatchString(topic)
	}
	return topic == f.text && topic != ""
}

func newTopics(t registry.Transport) *topics {
	return &topics{
		attributes: newFilter(t.AttributesTopic, attributesTopic),
		telemetry:  newFilter(t.TelemetryTopic, telemetryTopic),
		subscribe:  newFilter(t.AttributesSubscribeTopic, ""),
		named:      t.TransportType == registry.TransportMQTT,
	}
}

// topicCache spares making the topics of a profile for every message.
type topicCache struct {
	mu    sync.RWMutex
	known map[registry.Transport]*topics
}

// maxTopics is how many are remembered: of all profiles, and some that were changed.
const maxTopics = 1000

func (c *topicCache) of(t registry.Transport) *topics {
	c.mu.RLock()
	found := c.known[t]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	made := newTopics(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxTopics {
		c.known = map[registry.Transport]*topics{}
	}
	c.known[t] = made
	return made
}
