package postgres_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

// TestStore runs the suite, whose faults are those of the connection that writes: what is sent is lost, or it arrives
// and the answer is lost, and the connection with it.
func TestStore(t *testing.T) {
	t.Parallel()
	database(t)
	for _, c := range []struct {
		name   string
		arrive bool
	}{{"request lost", false}, {"answer lost", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) storetest.Opener {
				dsn, schema := database(t)
				return &cut{arrive: c.arrive, dsn: dsn, schema: schema}
			})
		})
	}
}

// cut is a store whose writing connection breaks when told. Each message to the server counts as an operation.
type cut struct {
	dsn, schema string
	arrive      bool

	mu      sync.Mutex // protects what follows
	left    int        // messages until the one that is cut off; 0 for none
	forever bool
	hit     bool
}

var errCut = errors.New("cut off on purpose")

func (c *cut) Open() (store.Store, error) {
	o := postgres.Options{Schema: c.schema, Readers: 4, Patience: 10 * time.Second}
	c.mu.Lock()
	if c.forever { // it will be waited for in vain
		o.Patience = 200 * time.Millisecond
	}
	c.mu.Unlock()
	s, err := postgres.OpenDialing(context.Background(), c.dsn, o, c.dial)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *cut) Fail(n int, forever bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forever, c.hit = forever, false
	// Every other message, and the two ways to lose one share them: the messages of a commit come often enough for both.
	if c.left = 2 * n; n > 0 && c.arrive {
		c.left--
	}
}

func (c *cut) Failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hit
}

func (c *cut) fails() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hit {
		return c.forever
	}
	if c.left > 0 {
		c.left--
		c.hit = c.left == 0
	}
	return c.hit
}

func (c *cut) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	away := c.hit && c.forever
	c.mu.Unlock()
	if away {
		return nil, errCut
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cut: c}, nil
}

type cutConn struct {
	net.Conn
	cut *cut
}

func (c *cutConn) Write(p []byte) (int, error) {
	if !c.cut.fails() {
		return c.Conn.Write(p)
	}
	if c.cut.arrive {
		if n, err := c.Conn.Write(p); err != nil {
			return n, err
		}
		// The server has it when it begins to answer, or hangs up.
		_ = c.Conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = c.Conn.Read(make([]byte, 1))
	}
	_ = c.Conn.Close() // cut off either way
	return 0, errCut
}
