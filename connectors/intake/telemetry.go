package intake

import (
	"strconv"
	"time"
)

// Telemetry reads readings in the forms that ThingsBoard's JsonConverter takes: an object of values, which get the time
// now; {"ts": milliseconds, "values": {…}}, whose other members are dropped; or an array of both. An object with only
// one of ts and values is of the first form. An empty array gives no readings. Errors are of type *BadPayload, and then
// there are no readings at all.
func (in *Intake) Telemetry(payload []byte, shape Shape, now time.Time) ([]Reading, error) {
	w := in.writer(payload, shape)
	defer in.release(w)
	top, err := w.begin()
	if err != nil {
		return nil, err
	}
	readings, err := w.readings(top, now.UTC())
	if err != nil {
		return nil, err
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	return readings, nil
}

func (w *writer) readings(top token, now time.Time) ([]Reading, error) {
	if top.kind == Object {
		reading, err := w.reading(now)
		if err != nil {
			return nil, err
		}
		return []Reading{reading}, nil
	}
	if top.kind != Array {
		return nil, w.wrongType(top, "an object or an array", `write the values in braces: {"name": value}`)
	}
	var all []Reading
	for {
		more, err := w.more()
		if err != nil || !more {
			return all, err
		}
		t, err := w.value()
		if err != nil {
			return nil, err
		}
		if t.kind != Object {
			return nil, w.wrongType(t, "an object", "write each item in braces")
		}
		reading, err := w.reading(now)
		if err != nil {
			return nil, err
		}
		all = append(all, reading)
	}
}

// mark is the begin of an object, to which a reader can go back once it has read it.
type mark struct {
	pos, values int
	frame       frame
}

func (w *writer) mark() mark { return mark{w.pos, w.values, w.stack[len(w.stack)-1]} }

// reopen goes back to the begin of an object; the one that was innermost when the mark was set must be so again.
func (w *writer) reopen(m mark) {
	w.pos, w.values = m.pos, m.values
	m.frame.names = len(w.names)
	w.stack = append(w.stack, m.frame)
}

// reading reads the object that was just opened. Which form it has shows at its end only, so it is read twice.
func (w *writer) reading(now time.Time) (Reading, error) {
	outer := w.mark()
	s, err := w.survey()
	if err != nil {
		return Reading{}, err
	}
	end, count := w.pos, w.values
	w.reopen(outer)
	if !s.hasTime || !s.hasValues {
		data, err := w.data()
		return Reading{now, data}, err
	}
	member := &w.stack[len(w.stack)-1].name // for the pointer in errors
	*member = []byte("ts")
	at, ok := milliseconds(s.time)
	if !ok {
		return Reading{}, w.fail(BadTime, s.time.start, s.time.kind.String()+" that is not a time",
			"write milliseconds since 1970, before the year 10000")
	}
	if *member = []byte("values"); s.values.kind != Object {
		return Reading{}, w.wrongType(s.values, "an object", `write "values": {"name": value}`)
	}
	w.reopen(s.inner)
	data, err := w.data()
	if err != nil {
		return Reading{}, err
	}
	w.pos, w.values, w.stack = end, count, w.stack[:len(w.stack)-1]
	return Reading{at, data}, nil
}

// survey is what shows at the end of an object.
type survey struct {
	time, values       token
	hasTime, hasValues bool
	inner              mark // of values, if it is an object
}

// survey goes through an object, checks it, and remembers its members ts and values.
func (w *writer) survey() (survey, error) {
	var s survey
	for {
		more, err := w.more()
		if err != nil || !more {
			return s, err
		}
		member := w.stack[len(w.stack)-1].name
		t, err := w.value()
		if err != nil {
			return s, err
		}
		switch string(member) {
		case "ts":
			s.time, s.hasTime = t, true
		case "values":
			s.values, s.hasValues = t, true
			if t.kind == Object {
				s.inner = w.mark()
			}
		}
		if err := w.skip(t); err != nil {
			return s, err
		}
	}
}

// skip goes to the end of a value and checks it, too.
func (w *writer) skip(t token) error {
	if t.kind != Object && t.kind != Array {
		return nil
	}
	for {
		more, err := w.more()
		if err != nil || !more {
			return err
		}
		t, err := w.value()
		if err != nil {
			return err
		}
		if err := w.skip(t); err != nil {
			return err
		}
	}
}

// firstMillisecond and lastMillisecond bound the years 1 to 9999, beyond which a time has no form in RFC 3339.
const (
	firstMillisecond = -62135596800000
	lastMillisecond  = 253402300799999
)

// milliseconds reads a time as a number, of which a fraction is cut off, or as a string that is an integer.
func milliseconds(t token) (time.Time, bool) {
	var ms int64
	switch t.kind {
	case Number:
		f, err := strconv.ParseFloat(string(t.text), 64)
		if err != nil || f < firstMillisecond || f > lastMillisecond {
			return time.Time{}, false
		}
		ms = int64(f) // below 2^53, so that a float is exact
	case String:
		var err error
		if ms, err = strconv.ParseInt(string(t.text), 10, 64); err != nil {
			return time.Time{}, false
		}
	}
	if t.kind != Number && t.kind != String || ms < firstMillisecond || ms > lastMillisecond {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}
