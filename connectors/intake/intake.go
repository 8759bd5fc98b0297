package intake

import (
	"sync"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
)

// Limits hold before any work is done. A field that is zero means the default.
type Limits struct {
	Size   int // bytes of a payload; default 65,536
	Depth  int // objects and arrays within each other; default 32
	Values int // values in a payload, objects, arrays and nulls included; default 1,000
}

func (l Limits) orDefault() Limits {
	if l.Size <= 0 {
		l.Size = 64 << 10
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Values <= 0 {
		l.Values = 1000
	}
	return l
}

// within is the lower of two limits each; what is zero in o does not count.
func (l Limits) within(o Limits) Limits {
	lower := func(a, b int) int {
		if b <= 0 {
			return a
		}
		return min(a, b)
	}
	return Limits{Size: lower(l.Size, o.Size), Depth: lower(l.Depth, o.Depth), Values: lower(l.Values, o.Values)}
}

// Options of an Intake.
type Options struct {
	// Digest is the keyed hash of a supplier key, trimmed and otherwise as the device wrote it. It is called once for
	// each place where a secret field stands, possibly concurrently. Required.
	Digest func(key string) secret.Digest
	Limits Limits
}

// Shape says how to read the payloads of one source. The zero value reads them without fields and casts nothing.
type Shape struct {
	Fields []Field

	// CastStrings makes numbers of top-level strings that look like numbers, as ThingsBoard does unless told otherwise.
	// It also decides about numbers that neither 64-bit integers nor floats can hold: strings if true, else refused.
	CastStrings bool

	// Limits of the source, where they are lower than those of the Intake.
	Limits Limits
}

// Field is something that chains know under one name and devices under several.
type Field struct {
	// Name is what chains say. It always counts as one of the aliases too, unless an object or array stands there.
	Name string

	// Aliases are names of top-level members, compared without case, or JSON pointers (RFC 6901, starting with "/") from
	// the object that holds the data, compared exactly.
	Aliases []string

	// Secret values become a digest beside the data; the text holds "***" wherever they stood.
	Secret bool
}

// Reading is one item of telemetry.
type Reading struct {
	Time time.Time // what the device said, in UTC, or the time of receipt
	Data *engine.Data
}

// Intake reads payloads. It is safe for concurrent use.
type Intake struct {
	digest  func(string) secret.Digest
	limits  Limits
	writers sync.Pool // of *writer
}

// New makes an Intake. It panics if o.Digest is nil: without it a secret could only be kept in clear or lost.
func New(o Options) *Intake {
	if o.Digest == nil {
		panic("intake: Options.Digest is nil")
	}
	return &Intake{digest: o.Digest, limits: o.Limits.orDefault()}
}

// Object reads a payload that is one object, for example attributes. Errors are of type *BadPayload.
func (in *Intake) Object(payload []byte, shape Shape) (*engine.Data, error) {
	w := in.writer(payload, shape)
	defer in.release(w)
	top, err := w.begin()
	if err != nil {
		return nil, err
	}
	if top.kind != Object {
		return nil, w.wrongType(top, "an object", `write the members in braces: {"name": "value"}`)
	}
	data, err := w.data()
	if err != nil {
		return nil, err
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	return data, nil
}

func (in *Intake) writer(payload []byte, shape Shape) *writer {
	w, ok := in.writers.Get().(*writer)
	if !ok {
		w = &writer{}
	}
	w.src, w.limits = payload, in.limits.within(shape.Limits)
	w.digest, w.shape = in.digest, shape
	return w
}

// release keeps the buffers of a writer for the next payload, but nothing of what was in this one.
func (in *Intake) release(w *writer) {
	const largest = 128 << 10 // a rare giant should not stay for ever
	if cap(w.out)+cap(w.arena) > largest {
		return
	}
	if cap(w.names) > 64 {
		w.names = nil // clearing it would burden every small payload to come
	}
	clear(w.arena)
	clear(w.names[:cap(w.names)])
	clear(w.stack[:cap(w.stack)])
	clear(w.found[:cap(w.found)])
	*w = writer{
		reader: reader{arena: w.arena[:0], names: w.names[:0], stack: w.stack[:0]},
		out:    w.out[:0], found: w.found[:0],
	}
	in.writers.Put(w)
}
