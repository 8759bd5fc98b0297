package thingsboard_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// deaf is an engine that takes messages and does nothing with them.
type deaf struct{}

func (deaf) Submit(context.Context, *engine.Message, func(engine.Fate)) error  { return nil }
func (deaf) Store(context.Context, []*engine.Message, func(engine.Fate)) error { return nil }

// directory knows one device, and one profile, which gives no key to be provisioned with.
type directory struct{ devices.Registry }

func (directory) OnSharedChange(func(registry.SharedChange)) {}
func (directory) OnDeviceGone(func(string))                  {}
func (directory) OnCredentialsChange(func(string))           {}
func (directory) OnCall(func(string))                        {}
func (directory) NoteActivity(registry.Activity)             {}

func (directory) Activity(context.Context, string) (registry.Activity, error) {
	return registry.Activity{}, nil
}

func (directory) Attributes(context.Context, string, registry.AttributeScope, ...string) ([]registry.Attribute, error) {
	return nil, nil
}

func (directory) Profile(context.Context, string) (registry.Profile, error) {
	return registry.NewProfile("meters"), nil
}

func (directory) CheckProvisioning(context.Context, string, secret.Text) (registry.Profile, error) {
	return registry.Profile{}, registry.ErrNotFound
}

func (directory) Authenticate(context.Context, registry.Login) (registry.Device, error) {
	return registry.Device{ID: "d"}, nil
}

func (directory) Device(context.Context, string) (registry.Device, error) {
	return registry.Device{ID: "d"}, nil
}

// pipes are connections in memory, on which fake time works.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// inFakeTime connects a client to this dialect over a directory.
func inFakeTime(t *testing.T, connect packet.Connect, f func(c *client)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		service := devices.New(devices.Options{
			Registry: directory{}, Engine: deaf{},
			Intake: intake.New(intake.Options{Digest: func(string) secret.Digest { return secret.Digest{} }}),
		})
		server := mqttserver.New(mqttserver.Options{}, thingsboard.New(service, thingsboard.Options{}))
		served := make(chan error, 1)
		go func() { served <- server.Serve(ctx, l) }()
		near, far := net.Pipe()
		l.conns <- far
		c := onto(t, near)
		connect.Version, connect.CleanSession = packet.V311, true
		c.send(connect.Append(nil))
		c.connack()
		f(c)
		must(t, near.Close())
		stop()
		must(t, <-served)
	})
}

// closedAfter is how long it takes the server to close the connection.
func (c *client) closedAfter() time.Duration {
	c.t.Helper()
	begin := time.Now()
	c.wantClosed()
	return time.Since(begin)
}

func TestP28_ProvisionSessionEnds(t *testing.T) {
	inFakeTime(t, packet.Connect{ClientID: "provision", KeepAlive: 600}, func(c *client) {
		ask := func() {
			c.publish("/provision/request", `{"provisionDeviceKey":"x","provisionDeviceSecret":"x"}`, 0)
			c.wantMessage("/provision/response", notFound, 1)
		}
		ask()
		time.Sleep(59 * time.Second)
		ask() // begins a new minute
		if got := c.closedAfter(); got != time.Minute {
			t.Errorf("closed after %v, want a minute", got)
		}
	})
}

// TestD46_IdleDevice: PINGREQ counts as activity, and ten minutes without any packet end a session that asked
// for no keep-alive.
func TestD46_IdleDevice(t *testing.T) {
	inFakeTime(t, packet.Connect{ClientID: "any"}, func(c *client) {
		for range 3 {
			time.Sleep(599 * time.Second)
			c.ping()
		}
		if got := c.closedAfter(); got != 600*time.Second {
			t.Errorf("closed after %v, want 600 s", got)
		}
	})
}
