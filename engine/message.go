package engine

import (
	"slices"
	"sync/atomic"
	"time"
)

// Origin is who a message is about: the entity whose messages stay in order. In ThingsBoard's words, the originator.
type Origin struct {
	Type    string `json:"type"`              // "DEVICE", or "PROVISION" before there is a device
	ID      string `json:"id"`                // unique within Type
	Name    string `json:"name"`              // what people call it
	Profile string `json:"profile,omitempty"` // the device's profile; empty where there is none
}

// Lane names the queue in which messages of this origin wait for one another.
func (o Origin) Lane() string { return o.Type + "/" + o.ID }

// Pair is one metadata entry.
type Pair struct{ Key, Value string }

// Header is what a message is born with and never changes.
type Header struct {
	ID     string // given once by the source; a UUIDv7 where the protocol has none
	Type   string // a ThingsBoard message type, for example POST_ATTRIBUTES_REQUEST
	Origin Origin
	Time   time.Time // when the server received it
	Chain  string    // the chain that it enters; empty for the root chain
	Meta   []Pair    // never changed from here on: the messages of one session may share it
}

// Message is one event on its way through a chain. It is immutable: the With… methods return a new message that shares
// all the rest, so forks need no copies. It is safe for concurrent use.
type Message struct {
	head    *head
	data    *Data
	meta    *overlay // entries set since the message was born, the latest first
	changed *changed // nil for most
}

// changed is what few nodes change. It stands apart because every change of the metadata copies a Message.
type changed struct{ typ, outcome string }

// overlay is one metadata entry above others. A map copy for each changed entry would cost more than most nodes do.
type overlay struct {
	Pair
	under *overlay
}

// head is what all messages of a run share.
type head struct {
	Header
	pending *PendingRef // nil if it came from outside
	// room is for the messages that its nodes make by setting one metadata entry, used how much of it is taken: chains set
	// two or three, and an allocation for each costs more than finding the entry again.
	used atomic.Uint32
	room [3]laid
}

// laid is a message with an entry set above those of another one.
type laid struct {
	message Message
	own     overlay
}

// NewMessage makes a message. A nil data stands for an empty JSON object.
func NewMessage(h Header, data *Data) *Message {
	if data == nil {
		data = NewData("{}")
	}
	m := newMessage(data)
	m.head.Header = h
	return m
}

// newMessage makes a message with an empty head, to be filled in place: a head is large enough for each copy to count.
func newMessage(data *Data) *Message {
	born := &struct { // one allocation for both
		message Message
		head    head
	}{}
	born.message.head, born.message.data = &born.head, data
	return &born.message
}

// ID is the message's id, the same in every branch of a fork.
func (m *Message) ID() string { return m.head.ID }

// Type is the message type; the node transform.expr can change it.
func (m *Message) Type() string {
	if m.changed != nil {
		return m.changed.typ
	}
	return m.head.Type
}

// Origin is who the message is about.
func (m *Message) Origin() Origin { return m.head.Origin }

// Lane names the queue that keeps messages of one origin in order.
func (m *Message) Lane() string { return m.head.Origin.Lane() }

// Time is when the server received the message.
func (m *Message) Time() time.Time { return m.head.Time }

// Chain is the chain that the message enters; empty for the root chain.
func (m *Message) Chain() string { return m.head.Chain }

// Data is the payload. It is never nil.
func (m *Message) Data() *Data { return m.data }

// Outcome is the outcome code set so far, empty if none.
func (m *Message) Outcome() string {
	if m.changed != nil {
		return m.changed.outcome
	}
	return ""
}

// Meta is the metadata entry of that name.
func (m *Message) Meta(key string) (string, bool) {
	for at := m.meta; at != nil; at = at.under {
		if at.Key == key {
			return at.Value, true
		}
	}
	for i := len(m.head.Meta) - 1; i >= 0; i-- { // a later entry of one name wins
		if p := &m.head.Meta[i]; p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// AllMeta is every metadata entry, sorted by key. It allocates: for look-ups use Meta.
func (m *Message) AllMeta() []Pair {
	var all []Pair
	seen := map[string]bool{}
	add := func(p Pair) {
		if !seen[p.Key] {
			seen[p.Key] = true
			all = append(all, p)
		}
	}
	for at := m.meta; at != nil; at = at.under {
		add(at.Pair)
	}
	for _, p := range slices.Backward(m.head.Meta) {
		add(p)
	}
	slices.SortFunc(all, func(a, b Pair) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return all
}

// WithMeta is the message with these metadata entries set; a later entry of one name wins. It keeps no hold of pairs.
func (m *Message) WithMeta(pairs ...Pair) *Message {
	switch len(pairs) { // the usual numbers live in the message's own allocation
	case 0:
		return m
	case 1:
		next := m.head.another()
		next.own.Pair, next.own.under = pairs[0], m.meta
		next.message = Message{head: m.head, data: m.data, meta: &next.own, changed: m.changed}
		return &next.message
	case 2:
		next := &struct {
			message Message
			own     [2]overlay
		}{message: *m}
		next.message.lay(next.own[:], pairs)
		return &next.message
	}
	next := *m
	next.lay(make([]overlay, len(pairs)), pairs)
	return &next
}

// another is a place for one more message of the run.
func (h *head) another() *laid {
	if h.used.Load() < uint32(len(h.room)) {
		if n := h.used.Add(1); n <= uint32(len(h.room)) {
			return &h.room[n-1]
		}
	}
	return &laid{}
}

// lay puts entries above those that the message has.
func (m *Message) lay(own []overlay, pairs []Pair) {
	for i := range own {
		own[i].Pair, own[i].under = pairs[i], m.meta
		m.meta = &own[i]
	}
}

// WithData is the message with another payload. What travels beside the old one (the digest of a supplier key, field
// aliases) travels on, unless the new payload brings its own.
func (m *Message) WithData(d *Data) *Message {
	next := *m
	next.data = d.inherit(m.data)
	return &next
}

// WithType is the message with another type.
func (m *Message) WithType(typ string) *Message {
	next := *m
	next.changed = &changed{typ: typ, outcome: m.Outcome()}
	return &next
}

// WithOutcome is the message with that outcome code. The last one set is the outcome of the run.
func (m *Message) WithOutcome(code string) *Message {
	next := *m
	next.changed = &changed{typ: m.Type(), outcome: code}
	return &next
}

// withHead is the message under another head, as one that begins a run of its own.
func (m *Message) withHead(h *Header, pending *PendingRef) *Message {
	next := newMessage(m.data)
	next.head.Header, next.head.pending = *h, pending
	next.meta, next.changed = m.meta, m.changed
	return next
}

// pending is the pending step that the message is; zero if it came from outside.
func (m *Message) pending() PendingRef {
	if m.head.pending == nil {
		return PendingRef{}
	}
	return *m.head.pending
}
