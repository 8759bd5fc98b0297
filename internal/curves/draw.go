package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// picture is one or two panels side by side.
type picture struct {
	title  string
	panels []panel
}

// panel is a diagram with a logarithmic x axis, and a y axis from zero or logarithmic too.
type panel struct {
	x, y   string // what the axes show, with the unit
	logY   bool
	lines  []line
	budget *budget
}

type line struct {
	name string
	at   []point
}

type point struct{ x, y float64 }

// budget is a line that should not be crossed, or a band to stay in.
type budget struct {
	from, to float64 // equal for a line
	name     string
}

const (
	panelWidth, height          = 440, 330
	left, right, top, bottom    = 86, 26, 84, 58
	plotWidth, plotHeight       = panelWidth - left - right, height - top - bottom
	lineColours, roomAbove, eps = 3, 1.18, 1e-9
)

// style is readable on light and on dark pages: the picture follows what the reader's browser prefers.
const style = `<style>
svg{--paper:#ffffff;--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;--one:#0a5fb4;--two:#b8500a;--three:#1a7f4b;--band:#1a7f4b}
@media (prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--soft:#9aa4ae;--grid:#30363d;--one:#6cb6ff;--two:#f0994a;--three:#57c785;--band:#57c785}}
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-size:13px;fill:var(--ink)}
.title{font-size:16px;font-weight:600}.tick,.axis{fill:var(--soft);font-size:12px}.paper{fill:var(--paper)}
.grid{stroke:var(--grid);stroke-width:1}.base{stroke:var(--soft);stroke-width:1}
.budget{stroke:var(--band);stroke-width:1.5;stroke-dasharray:6 4}.band{fill:var(--band);opacity:.13}.goal{fill:var(--band);font-size:12px}
.l0{stroke:var(--one)}.l1{stroke:var(--two)}.l2{stroke:var(--three)}.line{fill:none;stroke-width:2.5;stroke-linejoin:round}
.d0{fill:var(--one)}.d1{fill:var(--two)}.d2{fill:var(--three)}.t0{fill:var(--one)}.t1{fill:var(--two)}.t2{fill:var(--three)}
.name{font-weight:600}
</style>`

func (p *picture) svg() []byte {
	var b bytes.Buffer
	width := panelWidth * len(p.panels)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n%s\n", html.EscapeString(p.title), style)
	fmt.Fprintf(&b, `<rect class="paper" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text class="title" x="20" y="30">%s</text>`+"\n", html.EscapeString(p.title))
	for i := range p.panels {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)">`+"\n", i*panelWidth)
		p.panels[i].draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// scale maps values to pixels.
type scale struct {
	log       bool
	low, high float64 // of the values
	from, to  float64 // in pixels
	ticks     []float64
}

func (s *scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log10(max(v, eps)), math.Log10(low), math.Log10(high)
	}
	return s.from + (v-low)/(high-low)*(s.to-s.from)
}

func logScale(low, high, from, to float64) *scale {
	s := &scale{log: true, low: low, high: high, from: from, to: to}
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		if v := math.Pow(10, e); v >= low*(1-eps) && v <= high*(1+eps) {
			s.ticks = append(s.ticks, v)
		}
	}
	return s
}

func linearScale(high, from, to float64) *scale {
	step := math.Pow(10, math.Floor(math.Log10(high/2)))
	for high/step > 6 {
		if high/(2*step) <= 6 {
			step *= 2
			break
		}
		step *= 5
	}
	s := &scale{low: 0, high: high, from: from, to: to}
	for v := 0.0; v <= high*(1+eps); v += step {
		s.ticks = append(s.ticks, v)
	}
	return s
}

func (p *panel) scales() (x, y *scale) {
	lowX, highX, lowY, highY := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, l := range p.lines {
		for _, at := range l.at {
			lowX, highX = min(lowX, at.x), max(highX, at.x)
			lowY, highY = min(lowY, at.y), max(highY, at.y)
		}
	}
	if p.budget != nil {
		highY = max(highY, p.budget.to)
	}
	x = logScale(lowX, highX, left, left+plotWidth)
	if p.logY {
		return x, logScale(math.Pow(10, math.Floor(math.Log10(lowY))), math.Pow(10, math.Ceil(math.Log10(highY))), top+plotHeight, top)
	}
	return x, linearScale(highY*roomAbove, top+plotHeight, top)
}

func (p *panel) draw(b *bytes.Buffer) {
	x, y := p.scales()
	for _, v := range y.ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, left+plotWidth, y.at(v), y.at(v))
		fmt.Fprintf(b, `<text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`+"\n", left-8, y.at(v)+4, number(v))
	}
	for _, v := range x.ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x.at(v), x.at(v), top, top+plotHeight)
		fmt.Fprintf(b, `<text class="tick" text-anchor="middle" x="%.1f" y="%d">%s</text>`+"\n", x.at(v), top+plotHeight+18, number(v))
	}
	fmt.Fprintf(b, `<line class="base" x1="%d" x2="%d" y1="%d" y2="%d"/>`+"\n", left, left+plotWidth, top+plotHeight, top+plotHeight)
	fmt.Fprintf(b, `<text class="axis" text-anchor="middle" x="%d" y="%d">%s</text>`+"\n", left+plotWidth/2, height-14, html.EscapeString(p.x))
	fmt.Fprintf(b, `<text class="axis" text-anchor="middle" transform="translate(16 %d) rotate(-90)">%s</text>`+"\n",
		top+plotHeight/2, html.EscapeString(p.y))
	if g := p.budget; g != nil {
		if g.from != g.to {
			fmt.Fprintf(b, `<rect class="band" x="%d" width="%d" y="%.1f" height="%.1f"/>`, left, plotWidth, y.at(g.to), y.at(g.from)-y.at(g.to))
		}
		fmt.Fprintf(b, `<line class="budget" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, left+plotWidth, y.at(g.from), y.at(g.from))
		fmt.Fprintf(b, `<text class="goal" text-anchor="end" x="%d" y="%.1f">%s</text>`+"\n", left+plotWidth-4, y.at(g.from)+15, html.EscapeString(g.name))
	}
	legend := left
	for i, l := range p.lines {
		colour := i % lineColours
		var path []string
		for _, at := range l.at {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x.at(at.x), y.at(at.y)))
		}
		fmt.Fprintf(b, `<polyline class="line l%d" points="%s"/>`, colour, strings.Join(path, " "))
		for _, at := range l.at {
			fmt.Fprintf(b, `<circle class="d%d" r="3.5" cx="%.1f" cy="%.1f"/>`, colour, x.at(at.x), y.at(at.y))
		}
		fmt.Fprintf(b, `<circle class="d%d" r="5" cx="%d" cy="58"/><text class="name t%d" x="%d" y="62">%s</text>`+"\n",
			colour, legend+5, colour, legend+16, html.EscapeString(l.name))
		legend += 34 + 7*len(l.name)
	}
}

// number writes 10,000 and 0.25 as a person would.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if v < 1000 {
		return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
