package main

import (
	"context"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// open accepts anybody; or, if there are users, those who give a name of theirs.
type open struct {
	users   map[string]bool
	commits *commits
}

var _ mqttserver.Dialect = (*open)(nil)

// Connect opens a session.
func (o *open) Connect(_ context.Context, _ *mqttserver.Conn, p *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	if len(o.users) > 0 && !o.users[p.UserName] {
		return nil, mqttserver.RefusedNotAuthorized
	}
	return session{o.commits}, mqttserver.Accepted
}

// session is one client. It has no state yet: nothing is routed.
type session struct{ commits *commits }

// Publish acknowledges when the message is committed.
func (s session) Publish(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
	s.commits.add(done)
}

// Subscribe grants what can be granted.
func (session) Subscribe(_ context.Context, s mqttserver.Subscription) packet.ReasonCode {
	return min(packet.ReasonCode(s.QoS), packet.GrantedQoS1)
}

// Unsubscribe has nothing to end.
func (session) Unsubscribe(context.Context, string) packet.ReasonCode { return packet.Success }

// Closed has nothing to end.
func (session) Closed(mqttserver.CloseReason) {}
