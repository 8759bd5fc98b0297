package main

import (
	"slices"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// group is the members of one shared subscription, who take turns (MQTT 5.0 section 4.8.2).
type group struct{ members []member }

type member struct {
	client *client
	subscription
}

// join makes c the last of the members.
func (g *group) join(c *client, s subscription) {
	g.leave(c)
	g.members = append(g.members, member{c, s})
}

// leave reports whether c was a member.
func (g *group) leave(c *client) bool {
	n := len(g.members)
	g.members = slices.DeleteFunc(g.members, func(m member) bool { return m.client == c })
	return len(g.members) < n
}

// send gives a message to the member whose turn it is: one that is there, or else one whose session keeps it.
func (g *group) send(m mqttserver.Message) {
	for _, there := range []bool{true, false} {
		for i, next := range g.members {
			if next.client.session.Connected() == there && next.client.send(next.apply(m)) {
				g.members = append(slices.Delete(g.members, i, i+1), next)
				return
			}
		}
	}
}
