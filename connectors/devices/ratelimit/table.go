package ratelimit

import (
	"sync"
	"time"
)

// Claim asks for tokens of one key.
type Claim[K comparable] struct {
	Key  K
	Set  *Set // nil: nothing is limited
	Take Costs
}

// Refusal is why claims were not granted.
type Refusal struct {
	Claim int           // which of them
	Of    Class         // which limit of its Set
	Wait  time.Duration // until it could be granted, if nobody else comes
}

// Table holds the buckets of keys.
type Table[K comparable] struct {
	half int

	mu         sync.Mutex
	young, old map[K]*entry
	turned     time.Duration // when young became old last
	longest    time.Duration // of all sets that were seen
}

// entry is what one key has used up: when each bucket of the set will be full.
type entry struct {
	set  *Set
	full []time.Duration
}

// NewTable makes a table that keeps at most so many keys: of more, those that were not heard of for longest are forgotten,
// as if they had never come.
func NewTable[K comparable](most int) *Table[K] {
	return &Table[K]{half: max(most/2, 1), young: map[K]*entry{}}
}

// Take grants claims, all or none of them. now is the time since some begin, and never goes back by much.
func (t *Table[K]) Take(now time.Duration, claims ...Claim[K]) (r Refusal, granted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turnLocked(now)
	if r, granted = t.lookLocked(now, claims); !granted {
		return r, false
	}
	for _, c := range claims {
		if c.Set == nil {
			continue
		}
		e := t.entryLocked(c.Key, c.Set)
		for i, b := range c.Set.buckets {
			if n := c.Take[b.of]; n > 0 {
				e.full[i], _ = b.after(e.full[i], now, n)
			}
		}
	}
	return Refusal{}, true
}

// Look says whether claims would be granted, and takes nothing.
func (t *Table[K]) Look(now time.Duration, claims ...Claim[K]) (r Refusal, granted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lookLocked(now, claims)
}

// Forget drops a key.
func (t *Table[K]) Forget(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.young, key)
	delete(t.old, key)
}

// Len is how many keys are kept.
func (t *Table[K]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.young) + len(t.old)
}

// lookLocked finds the first limit that does not hold; claims for one key and set must not stand twice in one list.
func (t *Table[K]) lookLocked(now time.Duration, claims []Claim[K]) (Refusal, bool) {
	for at, c := range claims {
		if c.Set == nil {
			continue
		}
		e := t.findLocked(c.Key)
		if e != nil && !e.set.same(c.Set) {
			e = nil
		}
		for i, b := range c.Set.buckets {
			n := c.Take[b.of]
			if n <= 0 {
				continue
			}
			var full time.Duration
			if e != nil {
				full = e.full[i]
			}
			if _, wait := b.after(full, now, n); wait > 0 {
				return Refusal{Claim: at, Of: b.of, Wait: wait}, false
			}
		}
	}
	return Refusal{}, true
}

func (t *Table[K]) findLocked(key K) *entry {
	if e := t.young[key]; e != nil {
		return e
	}
	return t.old[key]
}

// entryLocked is the entry of a key, which is young now. Another set begins with full buckets.
func (t *Table[K]) entryLocked(key K, s *Set) *entry {
	t.longest = max(t.longest, s.longest)
	e := t.young[key]
	if e == nil {
		if e = t.old[key]; e == nil {
			e = &entry{}
		}
		delete(t.old, key)
		if len(t.young) >= t.half {
			t.young, t.old = map[K]*entry{}, t.young
		}
		t.young[key] = e
	}
	if e.set == nil || !e.set.same(s) {
		e.full = make([]time.Duration, len(s.buckets))
	}
	e.set = s
	return e
}

// shortest is how often it is worth while to look for what can be forgotten.
const shortest = time.Minute

// turnLocked forgets what was not heard of for the longest period: its buckets are full again.
func (t *Table[K]) turnLocked(now time.Duration) {
	if now-t.turned < max(t.longest, shortest) || len(t.young)+len(t.old) == 0 {
		return
	}
	t.young, t.old, t.turned = map[K]*entry{}, t.young, now
}
