package expression

import "time"

// Scope is the message that an expression looks at. A program reads only what its source names, each time it needs it,
// so these methods should be cheap; what they return is never changed by an expression.
type Scope interface {
	// Field returns a top-level field of the payload: nil, bool, int64, float64, string, []any, map[string]any, or a
	// secret.Digest for supplierKey. False and nil mean the same: the field is missing. The names supplierKey and cups
	// also reach the fields that the profile declares as such.
	Field(name string) (any, bool)
	// FieldText returns the same field if it is a string, and false if it is anything else or missing. It spares putting
	// the text into an interface, which most readers of a field would only take out again.
	FieldText(name string) (string, bool)
	// Payload returns the whole payload. It is asked for only if the source uses msg as a whole.
	Payload() any
	// Meta returns one metadata entry.
	Meta(key string) (string, bool)
	// Type returns the message type.
	Type() string
	// Origin tells what the message is about.
	Origin() Origin
	// Time returns the server's receive time.
	Time() time.Time
}

// Origin is what a message is about: a device, in most cases.
type Origin struct {
	Type string // kind of entity, such as DEVICE
	ID   string
	Name string
}

// The field of msg that holds a digest instead of a value: its clear text exists nowhere behind intake.
const keyField = "supplierKey"

// A slot is one thing that an expression reads from its Scope.
type slot struct {
	kind slotKind
	key  string // of msg and meta
}

type slotKind uint8

const (
	slotField slotKind = iota
	slotPayload
	slotMeta
	slotType
	slotDevice
	slotOriginType
	slotOriginID
	slotTime
)

// name returns how the source writes the slot; it is also its name in the virtual machine's environment.
func (s slot) name() string {
	switch s.kind {
	case slotField:
		return "msg." + s.key
	case slotPayload:
		return "msg"
	case slotMeta:
		return "meta." + s.key
	case slotType:
		return "type"
	case slotDevice:
		return "device"
	case slotOriginType:
		return "origin.type"
	case slotOriginID:
		return "origin.id"
	default:
		return "time"
	}
}

// read returns the slot's value, nil if it is missing.
func (s slot) read(from Scope) any {
	switch s.kind {
	case slotField:
		v, _ := from.Field(s.key)
		return v
	case slotPayload:
		return from.Payload()
	case slotTime:
		return from.Time()
	default:
		if text, ok := s.text(from); ok {
			return text
		}
		return nil
	}
}

// text reads a slot that holds text; ok is false if it is missing. Reading it so saves putting it into an interface.
func (s slot) text(from Scope) (text string, ok bool) {
	switch s.kind {
	case slotMeta:
		return from.Meta(s.key)
	case slotType:
		return from.Type(), true
	case slotDevice:
		return from.Origin().Name, true
	case slotOriginType:
		return from.Origin().Type, true
	default:
		return from.Origin().ID, true
	}
}

func (s slot) isText() bool {
	return s.kind != slotField && s.kind != slotPayload && s.kind != slotTime
}
