package coapserver

import "github.com/gridtie/gridtie/connectors/devices/coapserver/message"

// Part says that the payload of a response is only a part of the body, so that nobody has to hold the whole: the part that
// Request.Block asks for. Each block is asked for by a request of its own, and nothing is kept between them.
type Part struct {
	Offset int // of the payload in the body: that of Request.Block
	Total  int // bytes of the body
	// Tag tells bodies apart: 1 to 8 bytes, the same for all parts of one (the ETag, RFC 7959 section 2.4).
	Tag []byte
}

// Block is the part of the answer's body that the request asks for: at most size bytes from offset on.
func (r *Request) Block() (offset, size int) {
	if b := r.exchange.block2; b != nil {
		return b.Offset(), b.Size.Bytes()
	}
	return 0, message.Largest.Bytes()
}

// extent is how large the body of the response is, and where in it the payload begins.
func (r *Response) extent() (total, at int) {
	if r.Part != nil {
		return r.Part.Total, r.Part.Offset
	}
	return len(r.Payload), 0
}

func (r *Response) etag() []byte {
	if r.Part != nil {
		return r.Part.Tag
	}
	return etag(r.Payload)
}
