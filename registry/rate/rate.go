// Package rate is how a rate limit is written: in ThingsBoard's syntax, "20:1,600:60" for 20 in a second and 600 in a minute.
//
// Learn one type: a [Limit] is such a text. What it holds at which speed is package ratelimit's matter.
package rate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is how often something may happen: "CAPACITY:SECONDS", or several of them with commas between, all of which must
// hold. Empty: as often as it likes. Each is a bucket of CAPACITY tokens that fills evenly, as a whole within SECONDS.
type Limit string

// Bandwidth is one part of a Limit.
type Bandwidth struct {
	Capacity int64 // 1 to MaxCapacity
	Period   time.Duration
}

// Bounds of a Limit.
const (
	MaxCapacity   = 1_000_000_000
	MaxSeconds    = 31 * 24 * 60 * 60 // a month
	MaxBandwidths = 5
)

// Example is a hint for who has written something else.
const Example = `for example "20:1,600:60": 20 in a second, and 600 in a minute`

// Bandwidths reads the limit. Errors name what is wrong and quote it.
func (l Limit) Bandwidths() ([]Bandwidth, error) {
	if l == "" {
		return nil, nil
	}
	parts := strings.Split(string(l), ",")
	if len(parts) > MaxBandwidths {
		return nil, fmt.Errorf("rate limit %q has more than %d parts", cut(string(l)), MaxBandwidths)
	}
	all := make([]Bandwidth, 0, len(parts))
	for _, part := range parts {
		capacity, seconds, ok := strings.Cut(part, ":")
		if !ok {
			return nil, fmt.Errorf("rate limit %q is not CAPACITY:SECONDS", cut(part))
		}
		c, err := number(capacity, MaxCapacity)
		if err != nil {
			return nil, fmt.Errorf("rate limit %q: the capacity %w", cut(part), err)
		}
		s, err := number(seconds, MaxSeconds)
		if err != nil {
			return nil, fmt.Errorf("rate limit %q: the seconds %w", cut(part), err)
		}
		all = append(all, Bandwidth{Capacity: c, Period: time.Duration(s) * time.Second})
	}
	return all, nil
}

// Check says what is wrong with the limit, nil if nothing is.
func (l Limit) Check() error {
	_, err := l.Bandwidths()
	return err
}

// number reads digits and nothing else: what looks like a number to some readers only is none.
func number(text string, most int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most || text[0] == '+' {
		return 0, fmt.Errorf("must be a whole number from 1 to %d", most)
	}
	return n, nil
}

// cut keeps a message short, whatever was written.
func cut(text string) string {
	const most = 64
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
