package coapserver

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// upload is a payload of which blocks are missing.
type upload struct {
	endpoint *endpoint
	key      string
	payload  []byte
	timer    *time.Timer
}

// body is a payload of which the peer has not had all blocks.
type body struct {
	key      string
	response Response
	until    time.Duration
}

const (
	// bodiesPeer is how many bodies are kept for one peer, and bodyLifetime how long.
	bodiesPeer   = 4
	bodyLifetime = time.Minute
	// maxBlock is the highest number of a block, which has 20 bits.
	maxBlock = 1<<20 - 1
)

// key says which resource a request means, and which representation (RFC 7959 sections 2.4 and 2.5).
func (r *Request) key() string {
	var b strings.Builder
	b.WriteByte(byte(r.Method))
	b.WriteString(strconv.Itoa(r.Accept))
	for _, all := range [2][]string{r.Path, r.Queries} {
		b.WriteByte(0xff) // in no text
		for _, s := range all {
			b.WriteString(strconv.Itoa(len(s)))
			b.WriteByte(':')
			b.WriteString(s)
		}
	}
	return b.String()
}

// blocksLocked puts the payload of a request together, and hands the request over when it is whole (RFC 7959).
func (e *endpoint) blocksLocked(x *exchange, m *message.Message) {
	b1, has1, sound1 := m.Options.Block(message.Block1)
	b2, has2, sound2 := m.Options.Block(message.Block2)
	if !sound1 || !sound2 || has1 && b1.More && len(m.Payload) != b1.Size.Bytes() {
		x.refuseLocked(RefusedBlock, message.BadRequest)
		return
	}
	if has2 {
		x.block2 = &b2
	}
	if has2 && b2.Number > 0 && !has1 {
		if r, ok := e.bodyLocked(x.request.key()); ok {
			x.answerLocked(r)
			return
		}
		if m.Code != message.GET {
			x.refuseLocked(RefusedIncomplete, message.Incomplete)
			return
		}
	}
	if !has1 {
		e.handOverLocked(x)
		return
	}
	x.block1 = &b1
	if size, ok := m.Options.Uint(message.Size1); ok && int64(size) > int64(e.server.limits.BodyBytes) {
		x.tooLargeLocked()
		return
	}
	e.receiveLocked(x, b1)
}

// receiveLocked takes one block of a payload.
func (e *endpoint) receiveLocked(x *exchange, b message.Block) {
	key, payload := x.request.key(), x.request.Payload
	u := e.uploads[key]
	switch {
	case b.Number == 0 && !b.More:
		e.handOverLocked(x)
	case b.Number == 0:
		// An address that nobody is at must not take the room of others.
		e.proveLocked(func() { e.beginUploadLocked(x, key, payload) })
		return
	case u == nil:
		x.refuseLocked(RefusedIncomplete, message.Incomplete)
		return
	case b.Offset() == len(u.payload) && len(u.payload)+len(payload) > e.server.limits.BodyBytes:
		x.tooLargeLocked()
	case b.Offset() == len(u.payload) && b.More:
		u.payload = append(u.payload, payload...)
		u.timer.Reset(e.server.limits.UploadTimeout)
		e.chargeLocked(len(payload))
		x.answerLocked(Response{Code: message.Continue, Format: NoFormat})
		return
	case b.Offset() == len(u.payload):
		x.request.Payload = append(u.payload, payload...)
		e.handOverLocked(x)
	case b.More && b.Offset()+len(payload) == len(u.payload) && bytes.HasSuffix(u.payload, payload):
		// The block before, in a new message: the peer did not hear of the last answer.
		x.answerLocked(Response{Code: message.Continue, Format: NoFormat})
		return
	default:
		x.refuseLocked(RefusedIncomplete, message.Incomplete)
	}
	if u != nil {
		e.dropUploadLocked(u)
	}
}

func (e *endpoint) beginUploadLocked(x *exchange, key string, payload []byte) {
	if e.dead {
		return
	}
	if u := e.uploads[key]; u != nil {
		e.dropUploadLocked(u)
	}
	if !e.server.table.upload(e.proved) {
		x.refuseLocked(RefusedUploads, message.ServiceUnavailable)
		return
	}
	if e.uploads == nil {
		e.uploads = map[string]*upload{}
	}
	u := &upload{endpoint: e, key: key, payload: payload}
	e.uploads[key] = u
	e.chargeLocked(len(payload) + len(key))
	u.timer = time.AfterFunc(e.server.limits.UploadTimeout, u.overdue)
	x.answerLocked(Response{Code: message.Continue, Format: NoFormat})
}

func (u *upload) overdue() {
	u.endpoint.lock()
	defer u.endpoint.unlock()
	if u.endpoint.uploads[u.key] == u {
		u.endpoint.dropUploadLocked(u)
	}
}

func (e *endpoint) dropUploadLocked(u *upload) {
	delete(e.uploads, u.key)
	u.timer.Stop()
	e.server.table.uploaded()
	e.chargeLocked(-len(u.payload) - len(u.key))
}

func (x *exchange) tooLargeLocked() {
	x.endpoint.server.observer.Refused(RefusedTooLarge)
	x.answerLocked(Response{
		Code: message.EntityTooLarge, Format: NoFormat, most: uint32(x.endpoint.server.limits.BodyBytes),
	})
}

// keepLocked keeps a body of which the peer was sent the first block.
func (e *endpoint) keepLocked(key string, r Response) {
	if e.dead {
		return
	}
	for i, b := range e.bodies {
		if b.key == key {
			e.bodies = append(e.bodies[:i], e.bodies[i+1:]...)
			e.chargeLocked(-len(b.response.Payload) - len(key))
			break
		}
	}
	if len(e.bodies) >= bodiesPeer {
		e.dropBodyLocked()
	}
	e.bodies = append(e.bodies, &body{key: key, response: r, until: e.server.now() + bodyLifetime})
	e.chargeLocked(len(r.Payload) + len(key))
}

// dropBodyLocked drops the oldest.
func (e *endpoint) dropBodyLocked() {
	b := e.bodies[0]
	e.bodies = e.bodies[1:]
	e.chargeLocked(-len(b.response.Payload) - len(b.key))
}

func (e *endpoint) bodyLocked(key string) (Response, bool) {
	for _, b := range e.bodies {
		if b.key == key && e.server.now() < b.until {
			return b.response, true
		}
	}
	return Response{}, false
}

// composeLocked makes the message that answers the request, with blocks of at most such a size.
func (x *exchange) composeLocked(r Response, largest message.Size) message.Message {
	var order *uint32
	if x.observation != nil {
		order = &x.observation.order
	}
	total, at := r.extent()
	offset, asked := 0, x.block2 != nil && total > 0
	if asked {
		largest, offset = min(largest, x.block2.Size), x.block2.Offset()
	}
	switch {
	case r.Part != nil && at != offset: // not what was asked for
		r, offset, asked = Response{Code: message.InternalServerError, Format: NoFormat}, 0, false
	case offset > 0 && offset >= total, offset/largest.Bytes() > maxBlock:
		r, offset, asked = Response{Code: message.BadRequest, Format: NoFormat}, 0, false
	}
	return compose(x.token, r, order, x.block1, asked, offset, largest)
}

// compose makes a response. If its payload does not fit into one block, or if blocks are asked for, it holds the block of
// the payload that begins at offset.
func compose(
	token []byte, r Response, order *uint32, block1 *message.Block, asked bool, offset int, largest message.Size,
) message.Message {
	m := message.Message{Code: r.Code, Token: token, Payload: r.Payload}
	total, at := r.extent()
	blockwise := asked || total > largest.Bytes()
	var b message.Block
	if blockwise {
		end := min(offset+largest.Bytes(), at+len(r.Payload))
		m.Payload = r.Payload[offset-at : end-at]
		b = message.Block{Number: uint32(offset / largest.Bytes()), More: end < total, Size: largest}
		if b.More || b.Number > 0 {
			m.Options = m.Options.Add(message.ETag, r.etag())
		}
	}
	if order != nil {
		m.Options = m.Options.AddUint(message.Observe, *order)
	}
	if r.Format >= 0 && len(r.Payload) > 0 {
		m.Options = m.Options.AddUint(message.ContentFormat, uint32(r.Format))
	}
	if r.MaxAge > 0 {
		m.Options = m.Options.AddUint(message.MaxAge, r.MaxAge)
	}
	if blockwise {
		m.Options = m.Options.AddBlock(message.Block2, b)
	}
	if block1 != nil {
		m.Options = m.Options.AddBlock(message.Block1, *block1)
	}
	if r.most > 0 {
		m.Options = m.Options.AddUint(message.Size1, r.most)
	}
	return m
}

// etag lets the peer see whether two blocks belong to the same body (RFC 7959 section 2.4).
func etag(payload []byte) []byte {
	h := fnv.New64a()
	_, _ = h.Write(payload)
	return binary.BigEndian.AppendUint64(nil, h.Sum64())
}
