package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gridtie/gridtie/internal/terminal"
)

// bars shows how far something long has come, on a terminal only. step is called by one goroutine at a time, and not after
// the end; title and end before and after it.
type bars struct {
	app     *app
	phase   string
	started time.Time
	drawn   time.Time
	open    bool // a line stands there without its end
}

func newBars(a *app) *bars { return &bars{app: a} }

func (b *bars) title(text string) {
	if b.app.ErrTerminal {
		b.app.talk("%s", text)
	}
}

// drawEvery keeps the terminal from being what takes the time.
const drawEvery = 50 * time.Millisecond

func (b *bars) step(p string, done, total int) {
	if !b.app.ErrTerminal {
		return
	}
	now := time.Now()
	if p != b.phase {
		b.end()
		b.phase, b.started = p, now
	}
	if done < total && now.Sub(b.drawn) < drawEvery {
		return
	}
	b.drawn = now
	b.draw(done, total, now.Sub(b.started))
	if done == total {
		b.end()
	}
}

const barWidth = 32

func (b *bars) draw(done, total int, took time.Duration) {
	full := barWidth * done / max(total, 1)
	bar := strings.Repeat("━", full)
	rest := strings.Repeat("━", barWidth-full)
	if b.app.Colour {
		bar, rest = b.app.Paint(terminal.Green, bar), b.app.Paint(terminal.Faint, rest)
	} else {
		rest = strings.Repeat(" ", barWidth-full)
	}
	rate := float64(done) / max(took.Seconds(), 0.001)
	_, _ = fmt.Fprintf(b.app.Err, "\r  %-9s %s%s %s/%s  %s/s ", b.phase, bar, rest,
		b.app.Count(done), b.app.Count(total), b.app.Count(int(rate)))
	b.open = true
}

// end ends the line.
func (b *bars) end() {
	if b.open {
		_, _ = fmt.Fprintln(b.app.Err)
		b.open = false
	}
}
