package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"
)

// callers is a listener of devices that speak HTTP. It bounds their connections, of which more wait to be accepted until one
// ends, or is not this listener's any more; and it knows what became of each, since net/http tells nobody of those from which
// no request comes. It stands below TLS: a handshake takes a place, too.
type callers struct {
	net.Listener
	free   *semaphore.Weighted // nil: as many as come
	open   context.Context
	cancel context.CancelFunc
}

// newCallers is l with n connections at once; 0 is no limit.
func newCallers(l net.Listener, n int) *callers {
	c := &callers{Listener: l}
	if n > 0 {
		c.free = semaphore.NewWeighted(int64(n))
	}
	c.open, c.cancel = context.WithCancel(context.Background())
	return c
}

// Accept waits for a place, then for a connection.
func (l *callers) Accept() (net.Conn, error) {
	leave := func() {}
	if l.free != nil {
		if l.free.Acquire(l.open, 1) != nil {
			return nil, net.ErrClosed
		}
		leave = sync.OnceFunc(func() { l.free.Release(1) })
	}
	c, err := l.Listener.Accept()
	if err != nil {
		leave()
		return nil, err
	}
	return &caller{Conn: c, leave: leave}, nil
}

// Close ends accepting, also while that waits for a place.
func (l *callers) Close() error {
	l.cancel()
	return l.Listener.Close()
}

// caller is a connection of such a device.
type caller struct {
	net.Conn
	leave   func()                // gives its place back; may be called again
	awaited atomic.Bool           // a request, or the rest of its header
	failed  atomic.Pointer[error] // of the last read
}

// callerOf is the caller under a connection that net/http shows, over TLS or not; nil for another.
func callerOf(c net.Conn) *caller {
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secure.NetConn()
	}
	under, _ := c.(*caller)
	return under
}

func (c *caller) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.failed.Store(&err)
	}
	return n, err
}

// CloseWrite lets a peer that still sends read the last answer before it is reset.
func (c *caller) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close gives the place back.
func (c *caller) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// unasked is why a connection ended before a request of its was whole, so that nobody could answer it: a closed set, fit for
// a metric label.
type unasked string

// Why nobody asked.
const (
	unaskedTimeout   unasked = "timeout"   // the header of a request was not there in time, TLS included
	unaskedGone      unasked = "gone"      // the peer left before
	unaskedMalformed unasked = "malformed" // what came was not TLS, or not HTTP
	unaskedShutdown  unasked = "shutdown"  // the server stops
)

func unaskedReasons() []unasked {
	return []unasked{unaskedTimeout, unaskedGone, unaskedMalformed, unaskedShutdown}
}

// why says why no whole request came. net/http closes a connection by itself only for what it cannot read.
func (c *caller) why() unasked {
	failed := c.failed.Load()
	if failed == nil {
		return unaskedMalformed
	}
	var network net.Error
	switch err := *failed; {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return unaskedTimeout
	case errors.Is(err, net.ErrClosed):
		return unaskedShutdown
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return unaskedGone
	}
	return unaskedMalformed
}

type callerKey struct{}

// watchCallers has connections counted from which no request came, and the places of websockets given back: these are counted
// where they are served from then on. srv is to serve callers, over TLS or not.
func watchCallers(srv *http.Server, refused *prometheus.CounterVec) {
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, callerKey{}, callerOf(c))
	}
	srv.ConnState = func(at net.Conn, state http.ConnState) {
		c := callerOf(at)
		switch {
		case c == nil:
		case state == http.StateNew, state == http.StateActive: // active also when only half a header came
			c.awaited.Store(true)
		case state == http.StateIdle:
			c.failed.Store(nil) // net/http ends reads of its own by deadlines
			c.awaited.Store(false)
		case state == http.StateHijacked:
			c.leave()
		case state == http.StateClosed && c.awaited.Load():
			refused.WithLabelValues(string(c.why())).Inc()
		}
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(callerKey{}).(*caller); c != nil {
			c.awaited.Store(false)
		}
		next.ServeHTTP(w, r)
	})
}
