package engine

import (
	"slices"
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
	Meta   []Pair    // the message owns it from here on
}

// Message is one event on its way through a chain. It is immutable: the With… methods return a new message that shares
// all the rest, so forks need no copies. It is safe for concurrent use.
type Message struct {
	head    *Header
	typ     string
	data    *Data
	outcome string

	// Metadata is a chain of small overlays: a map copy for each changed entry would cost more than most nodes do.
	under *Message // the next holder of metadata below this one
	own   [3]Pair
	more  []Pair
	owned int8

	pending PendingRef
}

// NewMessage makes a message. A nil data stands for an empty JSON object.
func NewMessage(h Header, data *Data) *Message {
	if data == nil {
		data = NewData("{}")
	}
	born := &struct { // one allocation for both
		message Message
		head    Header
	}{head: h}
	born.message = Message{head: &born.head, typ: h.Type, data: data}
	return &born.message
}

// ID is the message's id, the same in every branch of a fork.
func (m *Message) ID() string { return m.head.ID }

// Type is the message type; the node transform.expr can change it.
func (m *Message) Type() string { return m.typ }

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
func (m *Message) Outcome() string { return m.outcome }

// Meta is the metadata entry of that name.
func (m *Message) Meta(key string) (string, bool) {
	for at := m; at != nil; at = at.under {
		for i := int(at.owned) - 1; i >= 0; i-- {
			if at.own[i].Key == key {
				return at.own[i].Value, true
			}
		}
		for i := len(at.more) - 1; i >= 0; i-- {
			if at.more[i].Key == key {
				return at.more[i].Value, true
			}
		}
	}
	for i := len(m.head.Meta) - 1; i >= 0; i-- {
		if m.head.Meta[i].Key == key {
			return m.head.Meta[i].Value, true
		}
	}
	return "", false
}

// AllMeta is every metadata entry, sorted by key. It allocates: for look-ups use Meta.
func (m *Message) AllMeta() []Pair {
	var all []Pair
	seen := map[string]bool{}
	add := func(pairs []Pair) {
		for _, p := range slices.Backward(pairs) {
			if !seen[p.Key] {
				seen[p.Key] = true
				all = append(all, p)
			}
		}
	}
	for at := m; at != nil; at = at.under {
		add(at.own[:at.owned])
		add(at.more)
	}
	add(m.head.Meta)
	slices.SortFunc(all, func(a, b Pair) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return all
}

// WithMeta is the message with these metadata entries set; a later entry of one name wins.
func (m *Message) WithMeta(pairs ...Pair) *Message {
	next := m.child()
	next.under = m
	if m.owned == 0 && m.more == nil {
		next.under = m.under
	}
	if len(pairs) <= len(next.own) {
		next.owned = int8(copy(next.own[:], pairs))
	} else {
		next.more = slices.Clone(pairs)
	}
	return next
}

// WithData is the message with another payload. What travels beside the old one (the digest of a supplier key, field
// aliases) travels on, unless the new payload brings its own.
func (m *Message) WithData(d *Data) *Message {
	next := m.bare()
	next.data = d.inherit(m.data)
	return next
}

// WithType is the message with another type.
func (m *Message) WithType(typ string) *Message {
	next := m.bare()
	next.typ = typ
	return next
}

// WithOutcome is the message with that outcome code. The last one set is the outcome of the run.
func (m *Message) WithOutcome(code string) *Message {
	next := m.bare()
	next.outcome = code
	return next
}

// child shares everything but the metadata overlay.
func (m *Message) child() *Message {
	return &Message{head: m.head, typ: m.typ, data: m.data, outcome: m.outcome, pending: m.pending}
}

// bare is a child that holds no metadata of its own.
func (m *Message) bare() *Message {
	next := m.child()
	next.under = m
	if m.owned == 0 && m.more == nil {
		next.under = m.under
	}
	return next
}
