package packet

import (
	"errors"
	"io"
	"sync"
)

const (
	idleBuffer  = 256  // what a connection holds while nothing arrives
	burstBuffer = 4096 // what it borrows while packets come faster than they are read
	emptyReads  = 100  // in a row that a source may answer with nothing, as with bufio
)

var bursts = sync.Pool{New: func() any { return new([burstBuffer]byte) }}

// Reader cuts a stream into packets. Its buffer starts small and doubles only when it is full of bytes that really
// arrived, whatever length a header announces; between packets it shrinks again. The zero value is not usable; call
// Reset. A Reader is for one goroutine.
type Reader struct {
	src     io.Reader
	limit   int
	version Version
	buf     []byte
	burst   *[burstBuffer]byte // the borrowed buffer, while there is one
	r, w    int                // unread bytes are buf[r:w]
	full    bool               // the last read filled the buffer: more is likely waiting
	idle    [idleBuffer]byte
}

// Reset makes r read from src and refuse packets of more than limit bytes, header included, with TooLarge.
func (r *Reader) Reset(src io.Reader, limit int) {
	r.Release()
	*r = Reader{src: src, limit: limit, version: V311}
	r.buf = r.idle[:]
}

// Accept sets what may follow: packets of version v of up to limit bytes.
func (r *Reader) Accept(v Version, limit int) { r.version, r.limit = v, limit }

// Release gives the borrowed buffer back. Bytes not yet read are lost; the Reader needs a Reset afterwards.
func (r *Reader) Release() {
	r.giveBack()
	r.buf, r.r, r.w = nil, 0, 0
}

// ReadHeader waits for a fixed header and checks it. An error is an *Error, io.EOF at the end of the stream between
// packets, io.ErrUnexpectedEOF inside one, or what the source returned.
func (r *Reader) ReadHeader() (Header, error) {
	for {
		h, n, err := ParseHeader(r.buf[r.r:r.w], r.version)
		if err != nil {
			return h, err
		}
		if n > 0 {
			if n+h.Length > r.limit {
				if r.version == V5 {
					return h, err5TooLarge
				}
				return h, errTooLarge
			}
			r.r += n
			return h, nil
		}
		between := r.r == r.w
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) && !between {
				err = io.ErrUnexpectedEOF
			}
			return h, err
		}
	}
}

// ReadBody waits for the body that h announced and returns it; it is valid until the next call. Errors are as with
// ReadHeader.
func (r *Reader) ReadBody(h Header) ([]byte, error) {
	for r.w-r.r < h.Length {
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	body := r.buf[r.r : r.r+h.Length : r.r+h.Length]
	r.r += h.Length
	return body, nil
}

// fill reads once, after making room for at least one byte.
func (r *Reader) fill() error {
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
		r.resize()
	case r.w == len(r.buf) && r.r > 0:
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	case r.w == len(r.buf):
		r.grow()
	}
	for range emptyReads {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		r.full = r.w == len(r.buf)
		if n > 0 {
			return nil // an error comes back with the next read
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// resize picks the buffer for the next packets, while there are no bytes to keep.
func (r *Reader) resize() {
	if !r.full {
		r.giveBack()
		r.buf = r.idle[:]
		return
	}
	r.borrow()
}

func (r *Reader) grow() {
	old := r.buf[r.r:r.w]
	if len(r.buf) < burstBuffer {
		r.borrow()
		r.w = copy(r.buf, old)
	} else {
		big := make([]byte, 2*len(r.buf))
		r.w = copy(big, old)
		r.giveBack()
		r.buf = big
	}
	r.r = 0
}

func (r *Reader) borrow() {
	if r.burst == nil {
		r.burst = bursts.Get().(*[burstBuffer]byte)
	}
	r.buf = r.burst[:]
}

func (r *Reader) giveBack() {
	if r.burst != nil {
		bursts.Put(r.burst)
		r.burst = nil
	}
}

// More reports whether the source is likely to have more to read at once: the last read filled the buffer.
func (r *Reader) More() bool { return r.full }
