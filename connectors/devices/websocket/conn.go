package websocket

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	answerTime = time.Second // for a control frame, at least
	drainBytes = 1 << 20     // read and thrown away after the last word to a client
	keptBytes  = 32 << 10    // of a frame that was written, to be used again
)

var frames = sync.Pool{New: func() any { return new([]byte) }}

// Conn is the stream of bytes in the binary messages of one client. It is a net.Conn: reading and writing may go on at the
// same time as each other, and as everything else.
type Conn struct {
	nc net.Conn

	reading sync.Mutex // protects what follows
	early   []byte     // came with the handshake
	decoder decoder
	over    error // why there is nothing more to read
	drained int

	writing sync.Mutex // held for a frame; protects what follows
	parted  bool       // the close frame was sent: nothing may follow it

	mu      sync.Mutex // protects what follows
	writeBy time.Time  // as it was set
	code    int        // to part with
	abrupt  bool       // without a word
}

func newConn(nc net.Conn, early []byte, limit int64) *Conn {
	return &Conn{nc: nc, early: early, decoder: decoder{limit: uint64(limit)}, code: CodeNormal}
}

// Read reads what is next in the stream. After a client's close frame it is io.EOF; after one that breaks the rules, an
// *Error. Neither closes anything. Once CloseWrite was called, what comes after the end is thrown away until the client hangs
// up, so that closing does not destroy what the client has not read yet.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(p) == 0 {
		return 0, c.over
	}
	for c.over == nil {
		n, err := c.fetch(p)
		kept := c.sift(p[:n])
		if kept > 0 {
			return kept, nil
		}
		if err != nil && c.over == nil {
			if errors.Is(err, io.EOF) && (c.decoder.have > 0 || c.decoder.message) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
	return 0, c.drain(p)
}

func (c *Conn) fetch(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
		return n, nil
	}
	return c.nc.Read(p)
}

// sift moves what belongs to the stream to the front of p, and obeys the control frames in between.
func (c *Conn) sift(p []byte) (kept int) {
	for rest := p; len(rest) > 0 && c.over == nil; {
		data, used, err := c.decoder.next(rest)
		kept += copy(p[kept:], data)
		rest = rest[used:]
		if err == nil && c.decoder.whole {
			c.decoder.whole = false
			err = c.obey(c.decoder.op, c.decoder.control)
		}
		if c.over = err; err != nil {
			c.partWith(err)
		}
	}
	return kept
}

// obey does what a control frame asks for.
func (c *Conn) obey(op opcode, payload []byte) error {
	switch op {
	case pingFrame:
		if err := c.answer(pongFrame, payload); err != nil {
			return fmt.Errorf("answering a ping: %v", err) //nolint:errorlint // a late write is no read that can be repeated
		}
	case closeFrame:
		code, err := partingCode(payload)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.code = code
		c.mu.Unlock()
		return io.EOF
	}
	return nil // a pong that nobody asked for (RFC 6455 section 5.5.3)
}

// partWith notes the code of an error.
func (c *Conn) partWith(err error) {
	var bad *Error
	if errors.As(err, &bad) {
		c.mu.Lock()
		c.code = bad.Code
		c.mu.Unlock()
	}
}

// drain is what Read does after the end.
func (c *Conn) drain(p []byte) error {
	var bad *Error
	if !errors.As(c.over, &bad) || !c.hasParted() {
		return c.over
	}
	for c.drained < drainBytes {
		n, err := c.nc.Read(p)
		c.drained += n
		if err != nil {
			return err
		}
	}
	return c.over
}

func (c *Conn) hasParted() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.parted
}

// Write sends p as one message. After a write that met its deadline, the connection is of no more use.
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.writeLocked(binaryFrame, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// answer sends a control frame. It has a second, if the deadline for writing has less: that may be one of long ago.
func (c *Conn) answer(op opcode, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.answerLocked(op, payload)
}

func (c *Conn) answerLocked(op opcode, payload []byte) error {
	if c.parted {
		return nil
	}
	c.mu.Lock()
	if by := time.Now().Add(answerTime); c.writeBy.Before(by) {
		_ = c.nc.SetWriteDeadline(by)
	}
	c.mu.Unlock()
	return c.writeLocked(op, payload)
}

func (c *Conn) writeLocked(op opcode, payload []byte) error {
	if c.parted {
		return net.ErrClosed
	}
	pooled := frames.Get().(*[]byte)
	defer frames.Put(pooled)
	frame := appendFrame((*pooled)[:0], op, payload)
	if cap(frame) <= keptBytes {
		*pooled = frame[:0]
	}
	_, err := c.nc.Write(frame)
	return err
}

// partLocked says the last word, once.
func (c *Conn) partLocked() error {
	c.mu.Lock()
	code := c.code
	c.mu.Unlock()
	var payload []byte
	if code != codeNone {
		payload = binary.BigEndian.AppendUint16(nil, uint16(code))
	}
	err := c.answerLocked(closeFrame, payload)
	c.parted = true
	return err
}

// CloseWrite sends the close frame: nothing more will be written.
func (c *Conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.partLocked()
}

// Close says the last word, if that is still to be said and nobody is writing, and closes the connection under the stream.
func (c *Conn) Close() error {
	c.mu.Lock()
	abrupt := c.abrupt
	c.mu.Unlock()
	if !abrupt && c.writing.TryLock() {
		_ = c.partLocked()
		c.writing.Unlock()
	}
	return c.nc.Close()
}

// SetLinger is that of the TCP connection under the stream. With 0 Close says no last word either.
func (c *Conn) SetLinger(seconds int) error {
	c.mu.Lock()
	c.abrupt = seconds == 0
	c.mu.Unlock()
	nc := c.nc
	for {
		if hard, ok := nc.(interface{ SetLinger(int) error }); ok {
			return hard.SetLinger(seconds)
		}
		under, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return errors.ErrUnsupported
		}
		nc = under.NetConn()
	}
}

// ConnectionState is that of TLS under the stream; zero without TLS.
func (c *Conn) ConnectionState() tls.ConnectionState {
	if secure, ok := c.nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return secure.ConnectionState()
	}
	return tls.ConnectionState{}
}

// LocalAddr is that of the connection under the stream.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the peer of the connection under the stream, whatever headers of the handshake said.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline ends reads that last until t; they can be repeated.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// SetWriteDeadline ends writes that last until t.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	return c.nc.SetWriteDeadline(t)
}
