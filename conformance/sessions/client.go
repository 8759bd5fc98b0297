package main

import (
	"context"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// client is one session, through all its connections.
type client struct {
	router  *router
	commits *commits
	session *mqttserver.Session
	version packet.Version // of its connection
}

var _ mqttserver.Keeper = (*client)(nil)

// Publish routes a message, and acknowledges it when it is committed.
func (c *client) Publish(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	c.router.settle()
	c.router.publish(c, mqttserver.Forward(p))
	c.commits.add(done)
}

// noSubscribe is the filter that nobody may subscribe to, for suites that want to see a refusal.
const noSubscribe = "test/nosubscribe"

// Subscribe grants everything else.
func (c *client) Subscribe(_ context.Context, s mqttserver.Subscription) packet.ReasonCode {
	if s.Filter == noSubscribe {
		return packet.UnspecifiedError
	}
	c.router.subscribe(c, s)
	return packet.ReasonCode(s.QoS)
}

// Unsubscribe ends a subscription.
func (c *client) Unsubscribe(_ context.Context, filter string) packet.ReasonCode {
	if !c.router.unsubscribe(c, filter) {
		return packet.NoSubscriptionExisted
	}
	return packet.Success
}

// Will routes a will like any message.
func (c *client) Will(p mqttserver.Publish) { c.router.publish(c, mqttserver.Forward(p)) }

// Closed has nothing to end: the session goes on.
func (c *client) Closed(mqttserver.CloseReason) {}

// Ended ends the subscriptions.
func (c *client) Ended() { c.router.forget(c) }

// send reports whether the session took the message.
func (c *client) send(m mqttserver.Message) bool { return c.session.Send(m) == nil }
