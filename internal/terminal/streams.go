package terminal

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Streams is where a command reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer // the answer
	Err io.Writer // progress, warnings, logs

	// Now is the clock for "2 min ago"; nil means time.Now.
	Now func() time.Time

	// Terminal says that a person reads Out. Width is its width in characters, 0 if unknown.
	Terminal bool
	Width    int
	// ErrTerminal says that a person reads Err.
	ErrTerminal bool
	// Colour says that escape sequences are welcome on Out. It is never set off a terminal.
	Colour bool
}

// System returns the streams of this process. NO_COLOR (https://no-color.org) and TERM=dumb switch colour off.
func System() *Streams {
	s := &Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.Terminal = true
		if w, _, err := term.GetSize(fd); err == nil {
			s.Width = w
		}
	}
	s.ErrTerminal = term.IsTerminal(int(os.Stderr.Fd()))
	s.Colour = s.Terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

func (s *Streams) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Style is a way to set off text. It only ever supports what the words say.
type Style string

// The styles in use.
const (
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Paint returns text in a style where colour is welcome, else text itself.
func (s *Streams) Paint(style Style, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
