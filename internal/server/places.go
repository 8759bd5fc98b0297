package server

import (
	"context"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"
)

// places bounds the connections of a listener: more wait to be accepted until one ends, or is not this listener's any more.
type places struct {
	net.Listener
	free   *semaphore.Weighted
	open   context.Context
	cancel context.CancelFunc
}

// newPlaces is l with n connections at once; 0 is no limit.
func newPlaces(l net.Listener, n int) net.Listener {
	if n <= 0 {
		return l
	}
	p := &places{Listener: l, free: semaphore.NewWeighted(int64(n))}
	p.open, p.cancel = context.WithCancel(context.Background())
	return p
}

// Accept waits for a place, then for a connection.
func (p *places) Accept() (net.Conn, error) {
	if p.free.Acquire(p.open, 1) != nil {
		return nil, net.ErrClosed
	}
	c, err := p.Listener.Accept()
	if err != nil {
		p.free.Release(1)
		return nil, err
	}
	return &placed{Conn: c, free: p.free}, nil
}

// Close ends accepting, also while that waits for a place.
func (p *places) Close() error {
	p.cancel()
	return p.Listener.Close()
}

// placed is a connection that holds a place.
type placed struct {
	net.Conn
	free *semaphore.Weighted
	once sync.Once
}

func (c *placed) leave() { c.once.Do(func() { c.free.Release(1) }) }

// Close gives the place back.
func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// NetConn is the connection under it.
func (c *placed) NetConn() net.Conn { return c.Conn }

// leavePlace is for an http.Server: a connection that became a websocket is counted where it is served from then on, and
// holds no place here.
func leavePlace(c net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		if under, ok := secure.NetConn().(*placed); ok {
			under.leave()
			return
		}
	}
	if under, ok := c.(*placed); ok {
		under.leave()
	}
}
