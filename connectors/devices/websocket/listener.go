package websocket

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options of a Listener. The zero value works.
type Options struct {
	// MessageBytes is how large a message may be, however many frames it comes in. It is read as it comes and kept
	// nowhere, so it may hold many packets. Default 1,048,576.
	MessageBytes int64
	// Observe is told the status of every answer, one of Statuses; nil for nobody.
	Observe func(status int)
}

// Statuses are those that the answer to a handshake may have.
func Statuses() []int {
	return []int{
		http.StatusSwitchingProtocols, http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed,
		http.StatusUpgradeRequired, http.StatusServiceUnavailable,
	}
}

// handshakeTime is how long a client may take to take the answer.
const handshakeTime = 5 * time.Second

// Listener answers handshakes as an http.Handler, and hands out the connections as a net.Listener. It is safe for concurrent
// use. Connections outlive it: they are up to who accepted them.
type Listener struct {
	options Options
	at      net.Addr
	conns   chan *Conn
	closed  chan struct{}
	once    sync.Once
}

// Listen makes a Listener; at is the address of the HTTP server that calls it.
func Listen(at net.Addr, o Options) *Listener {
	o.MessageBytes = cmp.Or(o.MessageBytes, 1<<20)
	if o.Observe == nil {
		o.Observe = func(int) {}
	}
	return &Listener{options: o, at: at, conns: make(chan *Conn), closed: make(chan struct{})}
}

// Accept waits for the next connection. After Close it returns net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends accepting; handshakes are answered with 503 then.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the address that was given to Listen.
func (l *Listener) Addr() net.Addr { return l.at }

// ServeHTTP answers a handshake. It returns once the connection is handed over, which takes no longer than accepting does.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protocol, accept, no := agree(r)
	select {
	case <-l.closed:
		no = &refusal{status: http.StatusServiceUnavailable, text: "the server stops"}
	default:
	}
	if no != nil {
		l.refuse(w, no)
		return
	}
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, which the servers that call this do not speak
		l.refuse(w, &refusal{status: http.StatusUpgradeRequired, text: "websockets need HTTP/1.1"})
		return
	}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	c := newConn(nc, slices.Clone(early), l.options.MessageBytes)
	l.options.Observe(http.StatusSwitchingProtocols)
	_ = nc.SetDeadline(time.Now().Add(handshakeTime)) // and no more that of the HTTP server
	_, err = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+accept+"\r\nSec-WebSocket-Protocol: "+protocol+"\r\n\r\n")
	if err != nil {
		_ = nc.Close()
		return
	}
	_ = nc.SetDeadline(time.Time{})
	select {
	case l.conns <- c:
	case <-l.closed:
		_ = c.Close()
	}
}

func (l *Listener) refuse(w http.ResponseWriter, no *refusal) {
	if name := no.header[0]; name != "" {
		w.Header().Set(name, no.header[1])
	}
	if no.status == http.StatusUpgradeRequired {
		w.Header().Set("Connection", "Upgrade") // RFC 9110 section 7.8
		w.Header().Set("Upgrade", "websocket")
	}
	l.options.Observe(no.status)
	http.Error(w, no.text, no.status)
}
