package lean

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// sourceCount addresses share the ports: a connection that was closed keeps its port for a minute, and an address has
// about 28,000 of them. They share the server's limit of half-open connections for one address, too.
const sourceCount = 16

// Dialer opens connections to one server.
type Dialer struct {
	server  string
	sources []net.Addr
	next    atomic.Uint64
}

// NewDialer makes a Dialer for a server at HOST:PORT. If that is on this machine, connections come from several of its
// loopback addresses, where the system has them: Linux and Windows have all of 127.0.0.0/8, others often the first only.
func NewDialer(server string) *Dialer {
	d := &Dialer{server: server}
	host, _, _ := net.SplitHostPort(server)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback() || ip.To4() == nil) {
		return d
	}
	for i := range sourceCount {
		address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}
		l, err := net.ListenTCP("tcp", address)
		if err != nil {
			return d
		}
		_ = l.Close()
		d.sources = append(d.sources, address)
	}
	return d
}

// pause is how long to wait where the system has no port left.
const pause = 100 * time.Millisecond

// Dial opens a connection that may be used as long as patience lasts. It waits where the system has no port left.
func (d *Dialer) Dial(ctx context.Context, patience time.Duration) (*Conn, error) {
	nd := net.Dialer{KeepAlive: -1, Timeout: patience}
	if len(d.sources) > 0 {
		nd.LocalAddr = d.sources[d.next.Add(1)%uint64(len(d.sources))]
	}
	deadline := time.Now().Add(patience)
	for {
		nc, err := nd.DialContext(ctx, "tcp", d.server)
		if err == nil {
			c, err := New(nc, time.Until(deadline))
			if err != nil {
				_ = nc.Close()
			}
			return c, err
		}
		if !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}
