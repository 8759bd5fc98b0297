package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

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

// caller is a connection of a device that speaks HTTP. net/http tells nobody of those from which no request comes.
type caller struct {
	net.Conn
	awaited atomic.Bool           // a request, or the rest of its header
	failed  atomic.Pointer[error] // of the last read
}

func (c *caller) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.failed.Store(&err)
	}
	return n, err
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

// callers is a listener that knows its connections.
type callers struct{ net.Listener }

func (l callers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &caller{Conn: c}, nil
}

// watchCallers has connections counted from which no request came. The server is to serve the listener that it returns.
func watchCallers(srv *http.Server, l net.Listener, refused *prometheus.CounterVec) net.Listener {
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, callerKey{}, c) }
	srv.ConnState = func(at net.Conn, state http.ConnState) {
		c, ok := at.(*caller)
		switch {
		case !ok:
		case state == http.StateNew, state == http.StateActive: // active also when only half a header came
			c.awaited.Store(true)
		case state == http.StateIdle:
			c.failed.Store(nil) // net/http ends reads of its own by deadlines
			c.awaited.Store(false)
		case state == http.StateClosed && c.awaited.Load():
			refused.WithLabelValues(string(c.why())).Inc()
		}
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(callerKey{}).(*caller); ok {
			c.awaited.Store(false)
		}
		next.ServeHTTP(w, r)
	})
	return callers{l}
}
