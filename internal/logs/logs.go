// Package logs makes the one logger of a process: console lines for people, JSON for programs, no supply point in
// clear, and no more than ten lines a minute that one device can cause.
//
// Learn one function: [New]. Code that logs needs to do nothing about the limit but name the device: a line with the
// field "device" is counted by its event and that device.
package logs

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/supplypoint"
)

// Options of a logger.
type Options struct {
	Out     io.Writer
	Level   zerolog.Level
	Console bool             // lines for people instead of JSON
	Colour  bool             // of console lines
	Clock   func() time.Time // nil for time.Now
}

// zerolog keeps the name of this field in a global: an event name stands under "event", since "message" is the id of a
// message. Set once, before the first logger: later it would race with those that log.
var nameEvents = sync.OnceFunc(func() { zerolog.MessageFieldName = "event" })

// New returns a logger that writes to o.Out, one line at a time.
func New(o Options) zerolog.Logger {
	nameEvents()
	if o.Clock == nil {
		o.Clock = time.Now
	}
	out := o.Out
	if o.Console {
		out = zerolog.ConsoleWriter{Out: o.Out, NoColor: !o.Colour, TimeFormat: time.TimeOnly + "Z", TimeLocation: time.UTC}
	}
	l := &limiter{out: out, now: o.Clock, seen: map[source]int{}}
	return zerolog.New(l).Level(o.Level).With().Timestamp().Logger()
}

const (
	perMinute = 10     // lines of one event and device
	sources   = 10_000 // told apart in one minute; what comes beyond shares one place
)

// source is what lines are counted by.
type source struct{ event, device string }

// limiter drops lines above the limit. Debug lines pass: whoever asks for them wants every one.
type limiter struct {
	out io.Writer
	now func() time.Time

	mu     sync.Mutex // protects what follows, and lets one line at a time through
	minute time.Time
	seen   map[source]int
}

func (l *limiter) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel is what zerolog calls.
func (l *limiter) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if level > zerolog.DebugLevel && !l.passes(line) {
		return len(line), nil
	}
	// Whoever logs masks what may be a supply point; this is for what nobody thought of, such as the name of a device
	// that quotes one, or an error that does.
	text := string(line)
	if masked := supplypoint.MaskIn(text); masked != text {
		if _, err := io.WriteString(l.out, masked); err != nil {
			return 0, err
		}
		return len(line), nil
	}
	return l.out.Write(line)
}

func (l *limiter) passes(line []byte) bool {
	from := sourceOf(line)
	if from.device == "" {
		return true
	}
	if now := l.now(); now.Sub(l.minute) >= time.Minute || now.Before(l.minute) {
		l.minute = now
		clear(l.seen)
	}
	if _, known := l.seen[from]; !known && len(l.seen) >= sources {
		from = source{}
	}
	l.seen[from]++
	return l.seen[from] <= perMinute
}

// sourceOf reads event and device from the top of a line. zerolog escapes what it writes, so the line is JSON.
func sourceOf(line []byte) (s source) {
	d := jsontext.NewDecoder(bytes.NewReader(line), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return s
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return s
		}
		key := name.String()
		if d.PeekKind() != '"' || key != "event" && key != "device" {
			if d.SkipValue() != nil {
				return s
			}
			continue
		}
		value, err := d.ReadToken()
		if err != nil {
			return s
		}
		if key == "event" {
			s.event = value.String()
		} else {
			s.device = value.String()
		}
	}
	return s
}
