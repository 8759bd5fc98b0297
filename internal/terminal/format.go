package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Clean returns text with control and other unprintable characters replaced by their escapes, so that a device's name
// cannot move the cursor, recolour the screen or break a row.
func Clean(text string) string {
	if strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// Time is a moment in UTC: "2026-11-21 09:14:03Z" for people, RFC 3339 for programs, "-" for the zero time.
func (s *Streams) Time(t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case s.Terminal:
		return t.UTC().Format("2006-01-02 15:04:05Z")
	}
	return t.UTC().Format(time.RFC3339)
}

// Ago is how long ago t was, for people; off a terminal it is Time.
func (s *Streams) Ago(t time.Time) string {
	if !s.Terminal || t.IsZero() {
		return s.Time(t)
	}
	switch d := s.now().Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// Took is a duration: "14 ms" for people, seconds for programs.
func (s *Streams) Took(d time.Duration) string {
	if !s.Terminal {
		return strconv.FormatFloat(d.Seconds(), 'g', -1, 64)
	}
	return Human(d)
}

// Human is a duration rounded to what a person takes in: "41 µs", "14 ms", "2.4 s", "3 min".
func Human(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
}

// Count is a whole number, with thousands separators on a terminal.
func (s *Streams) Count(n int) string {
	text := strconv.Itoa(n)
	if !s.Terminal {
		return text
	}
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}
