package main

import "strings"

// matches reports whether a topic is one that a filter means, sound ones both (MQTT 5.0 section 4.7). Wildcards at the
// start mean no topic that begins with $ [MQTT-4.7.2-1].
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		want, filters, deeper := strings.Cut(filter, "/")
		if want == "#" {
			return true
		}
		level, topics, more := strings.Cut(topic, "/")
		switch {
		case want != "+" && want != level:
			return false
		case !more:
			return !deeper || filters == "#" // "a/#" means "a", too
		case !deeper:
			return false
		}
		filter, topic = filters, topics
	}
}
