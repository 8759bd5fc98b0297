package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// router hands what clients publish to those who subscribed. It looks at every filter there is for every message, which is
// enough for a suite.
type router struct {
	mu       sync.Mutex
	filters  map[string]map[*client]subscription
	shared   map[string]map[string]*group // by filter and name
	retained retained
}

// mostRetained is how many topics have a retained message.
const mostRetained = 10_000

func newRouter() *router {
	return &router{
		filters: map[string]map[*client]subscription{}, shared: map[string]map[string]*group{},
		retained: retained{limit: mostRetained, last: map[string]mqttserver.Message{}},
	}
}

// settle lets subscriptions come in that were sent before a message by another client. Nothing promises that order, connections
// being read side by side; but suites subscribe with one client, publish with the next, and do not wait for the SUBACK.
func (r *router) settle() {
	r.mu.Lock()
	routing := len(r.filters)+len(r.shared) > 0
	r.mu.Unlock()
	if routing {
		time.Sleep(time.Millisecond)
	}
}

// publish sends a message of a client to all who subscribed, each of them once.
func (r *router) publish(from *client, m mqttserver.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Retain {
		r.retained.keep(m)
	}
	var to map[*client]*overlap
	for filter, all := range r.filters {
		if !matches(filter, m.Topic) {
			continue
		}
		for c, s := range all {
			if c == from && s.noLocal { // [MQTT-3.8.3-3]
				continue
			}
			if to == nil {
				to = map[*client]*overlap{}
			}
			if to[c] == nil {
				to[c] = &overlap{}
			}
			to[c].add(s)
		}
	}
	for c, o := range to {
		c.send(o.message(m))
	}
	for _, filter := range slices.Sorted(maps.Keys(r.shared)) { // always the same, for a client that is a member of several
		if !matches(filter, m.Topic) {
			continue
		}
		groups := r.shared[filter]
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			groups[name].send(m)
		}
	}
}

// subscribe adds or replaces a subscription, and sends what is retained, as the client wants it [MQTT-3.3.1-9] to
// [MQTT-3.3.1-11]. Nothing retained is sent for a shared one.
func (r *router) subscribe(c *client, s mqttserver.Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, filter := c.share(s.Filter)
	own := newSubscription(s)
	if name != "" {
		if r.shared[filter] == nil {
			r.shared[filter] = map[string]*group{}
		}
		if r.shared[filter][name] == nil {
			r.shared[filter][name] = &group{}
		}
		r.shared[filter][name].join(c, own)
		return
	}
	if r.filters[filter] == nil {
		r.filters[filter] = map[*client]subscription{}
	}
	_, known := r.filters[filter][c]
	r.filters[filter][c] = own
	if s.RetainHandling == 2 || s.RetainHandling == 1 && known {
		return
	}
	own.asPublished = true
	for _, m := range r.retained.of(filter) {
		c.send(own.apply(m))
	}
}

// unsubscribe reports whether there was a subscription.
func (r *router) unsubscribe(c *client, filter string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, filter := c.share(filter)
	if name != "" {
		g := r.shared[filter][name]
		return g != nil && r.part(g, c, filter, name)
	}
	_, known := r.filters[filter][c]
	r.drop(c, filter)
	return known
}

// forget ends all subscriptions of a client.
func (r *router) forget(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for filter := range r.filters {
		r.drop(c, filter)
	}
	for filter, groups := range r.shared {
		for name, g := range groups {
			r.part(g, c, filter, name)
		}
	}
}

func (r *router) drop(c *client, filter string) {
	delete(r.filters[filter], c)
	if len(r.filters[filter]) == 0 {
		delete(r.filters, filter)
	}
}

// part takes a client out of a group, and forgets one without members.
func (r *router) part(g *group, c *client, filter, name string) bool {
	was := g.leave(c)
	if len(g.members) == 0 {
		if delete(r.shared[filter], name); len(r.shared[filter]) == 0 {
			delete(r.shared, filter)
		}
	}
	return was
}

// share takes a filter apart; only MQTT 5 has shared ones.
func (c *client) share(filter string) (name, rest string) {
	if c.version != packet.V5 {
		return "", filter
	}
	return packet.Share(filter)
}
