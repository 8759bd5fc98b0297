package main

import (
	"cmp"
	"context"
	"crypto/rand"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// open accepts anybody; or, if there are users, those who give a name of theirs.
type open struct {
	users   map[string]bool
	commits *commits
	router  *router
}

var _ mqttserver.Dialect = (*open)(nil)

// Connect opens or resumes a session. Its name is the client identifier.
func (o *open) Connect(ctx context.Context, c *mqttserver.Conn, p *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	if len(o.users) > 0 && !o.users[p.UserName] {
		return nil, mqttserver.RefusedNotAuthorized
	}
	c.Offer(mqttserver.Terms{SubscriptionIdentifiers: true, SharedSubscriptions: true, TopicAliases: 10})
	session, known, err := c.Resume(ctx, cmp.Or(c.ClientID(), rand.Text()))
	if err != nil {
		return nil, mqttserver.RefusedUnavailable
	}
	h, ok := known.(*client)
	if !ok {
		h = &client{router: o.router, commits: o.commits, session: session}
	}
	h.version = c.Version()
	return h, mqttserver.Accepted
}
