package demo

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// fleet runs the meters against a server.
type fleet struct {
	plan    *plan
	server  string     // HOST:PORT
	sources []net.Addr // addresses that meters connect from; nil for whichever the system takes
	workers int        // meters that are connected at once
	step    func(Phase, int, int)

	key, secret string // of the profile
}

// Phase is a part of the demonstration that takes long enough to show progress.
type Phase string

// The phases, in their order.
const (
	Provision Phase = "provision"
	Attach    Phase = "attach"
)

// sourceCount addresses share the ports: a connection that was closed keeps its port for a minute, an address has about
// 28,000 of them, and every meter needs two.
const sourceCount = 16

// connectionsPerSource keeps below the server's limit of connections of one address whose CONNECT is under way.
const connectionsPerSource = 48

// sources are loopback addresses to connect from. Linux and Windows have all of 127.0.0.0/8, others often the first one
// only: there, meters wait for ports to become free.
func sources() []net.Addr {
	var all []net.Addr
	for i := range sourceCount {
		address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}
		l, err := net.ListenTCP("tcp", address)
		if err != nil {
			return []net.Addr{nil}
		}
		_ = l.Close()
		all = append(all, address)
	}
	return all
}

// liveFunc is a part of a meter's life. It returns how long the server took, zero if that does not count.
type liveFunc func(ctx context.Context, from net.Addr, m *meter) (time.Duration, error)

// run sends meters through one part of their life, as many at once as there are workers. What goes wrong with a meter
// is kept in it; the error is that of ctx.
func (f *fleet) run(ctx context.Context, phase Phase, meters []*meter, count *counter,
	live liveFunc,
) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range f.workers {
		from := f.sources[w%len(f.sources)]
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(meters) || ctx.Err() != nil {
					return ctx.Err()
				}
				took, err := live(ctx, from, meters[i])
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					meters[i].problem = fmt.Errorf("%s: %w", phase, err)
				}
				count.add(took, func(done int) { f.step(phase, done, count.total) })
			}
		})
	}
	return g.Wait()
}

// counter gathers how long a phase took, over all and each.
type counter struct {
	total   int
	started time.Time
	ended   time.Time

	mu   sync.Mutex // protects took and done, and lets one step at a time through
	took []time.Duration
	done int
}

func newCounter(total int) *counter { return &counter{total: total, started: time.Now()} }

func (c *counter) add(took time.Duration, step func(done int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if took > 0 {
		c.took = append(c.took, took)
	}
	step(c.done)
}
