package ratelimit

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/gridtie/gridtie/registry/rate"
)

// Class numbers what a Set counts, from 0.
type Class uint8

// MaxClasses is how many classes a Set may have.
const MaxClasses = 3

// Costs are how many tokens are taken of each Class.
type Costs [MaxClasses]int64

// Set is what may be counted of one key: for each Class a limit. The nil Set limits nothing.
type Set struct {
	limits  []rate.Limit
	buckets []bucket // of all classes, one class after another
	longest time.Duration
}

// bucket is a Bandwidth of a class.
type bucket struct {
	of Class
	rate.Bandwidth
}

// NewSet reads limits, one for each Class. It returns nil if none of them limits anything.
func NewSet(limits ...rate.Limit) (*Set, error) {
	if len(limits) > MaxClasses {
		return nil, fmt.Errorf("%d classes, at most %d can be counted", len(limits), MaxClasses)
	}
	s := &Set{limits: limits}
	for class, limit := range limits {
		all, err := limit.Bandwidths()
		if err != nil {
			return nil, err
		}
		for _, b := range all {
			s.buckets = append(s.buckets, bucket{Class(class), b})
			s.longest = max(s.longest, b.Period)
		}
	}
	if len(s.buckets) == 0 {
		return nil, nil
	}
	return s, nil
}

// same tells whether two sets count alike, so that what one has counted goes on with the other.
func (s *Set) same(o *Set) bool {
	if s == o {
		return true
	}
	if len(s.limits) != len(o.limits) {
		return false
	}
	for i := range s.limits {
		if s.limits[i] != o.limits[i] {
			return false
		}
	}
	return true
}

// after is when the bucket will be full if n are taken from it now, and how long to wait until so many are there; 0 if they
// are. What a bucket never holds is never granted: the wait is as long as the bucket takes to fill.
func (b bucket) after(full, now time.Duration, n int64) (then, wait time.Duration) {
	if full < now || full > now+b.Period { // the latter is a clock that was set back, and would be a lock-out for good
		full = now
	}
	if n > b.Capacity {
		return full, b.Period
	}
	then = full + b.worth(n)
	return then, max(then-now-b.Period, 0)
}

// worth is how long the bucket takes to make n tokens, which are no more than it holds.
func (b bucket) worth(n int64) time.Duration {
	high, low := bits.Mul64(uint64(b.Period), uint64(max(n, 0)))
	quotient, _ := bits.Div64(high, low, uint64(b.Capacity))
	return time.Duration(quotient)
}
