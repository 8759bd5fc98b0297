package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// patience is how long a meter waits for anything.
const patience = 30 * time.Second

var errNoAnswer = errors.New("no answer came in time")

// received is a message from the server.
type received struct {
	topic   string
	payload []byte
}

// client is one connection of one meter.
type client struct {
	mqtt  paho.Client
	inbox chan received
	lost  chan struct{} // closed when the server ends the connection
}

// inboxSize is more than a meter is ever sent.
const inboxSize = 8

// dial connects from one of the fleet's addresses. Every connection is a new client: a paho client must not be used again.
func (f *fleet) dial(ctx context.Context, from net.Addr, login func(*paho.ClientOptions)) (*client, error) {
	c := &client{inbox: make(chan received, inboxSize), lost: make(chan struct{})}
	o := paho.NewClientOptions().AddBroker("tcp://" + f.server).SetAutoReconnect(false).SetProtocolVersion(4).
		SetKeepAlive(patience).SetConnectTimeout(patience).SetOrderMatters(true).
		SetConnectionLostHandler(func(paho.Client, error) { close(c.lost) }).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return f.open(ctx, from) }).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			select {
			case c.inbox <- received{m.Topic(), m.Payload()}:
			default: // paho waits for its handler, and would not even disconnect
			}
		})
	login(o)
	c.mqtt = paho.NewClient(o)
	if err := f.wait(ctx, c.mqtt.Connect()); err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return c, nil
}

// open dials, and waits where the system has no port left: those of closed connections stay taken for up to a minute.
func (f *fleet) open(ctx context.Context, from net.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	dialer := net.Dialer{LocalAddr: from, KeepAlive: -1}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", f.server)
		if !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// wait waits for what paho does, but not longer than patience or ctx.
func (f *fleet) wait(ctx context.Context, t paho.Token) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return errNoAnswer
	}
}

// next waits for a message on a topic.
func (c *client) next(ctx context.Context, topic string) ([]byte, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case m := <-c.inbox:
			if m.topic == topic {
				return m.payload, nil
			}
		case <-c.lost:
			return nil, errors.New("the server closed the connection")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, errNoAnswer
		}
	}
}

// disconnectTime is for the DISCONNECT packet to leave, in milliseconds.
const disconnectTime = 250

func (c *client) close() { c.mqtt.Disconnect(disconnectTime) }
