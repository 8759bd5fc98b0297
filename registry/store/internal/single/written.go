package single

import (
	"hash/maphash"

	"github.com/gridtie/gridtie/registry/store"
)

// The table of last writes: 131,072 sets of one cache line each, 8 MiB, of which the untouched part costs nothing.
const (
	setBits = 17
	ways    = 4
)

// set remembers the last writes of four keys that fall into it, and for all others an upper bound.
type set struct {
	floor store.LSN // no key that is not among tags was written after it
	lsn   [ways]store.LSN
	tag   [ways]uint32
	_     uint64 // fill the cache line
}

// Written answers "has this key been written after At?" without reading it: never wrongly no, and rarely wrongly yes.
// A key is known by a 49-bit part of its hash; two keys that share it, or more than four recent keys in one set, cost
// a needless repeat. With 1,000 keys written since a read that is below one in 10^12 a check, with 100,000 one in 10^3
// (a plain table of the same size, with one LSN a slot: one in 10^3 and one in 10).
//
// It is not safe for concurrent use: the store's lock, or its one writer, protects it.
type Written struct {
	seed maphash.Seed
	sets []set
}

// NewWritten returns an empty table.
func NewWritten() *Written {
	return &Written{seed: maphash.MakeSeed(), sets: make([]set, 1<<setBits)}
}

// Hash is what the other methods know a key by.
func (w *Written) Hash(key []byte) uint64 { return maphash.Bytes(w.seed, key) }

// Last returns an LSN at or above that of the last write of the key with hash h.
func (w *Written) Last(h uint64) store.LSN {
	s, tag := &w.sets[h>>(64-setBits)], uint32(h)
	for i, t := range s.tag {
		if t == tag && s.lsn[i] > 0 {
			return s.lsn[i]
		}
	}
	return s.floor
}

// Mark notes that the key with hash h is written at lsn, which must not be below any lsn marked before.
func (w *Written) Mark(h uint64, lsn store.LSN) {
	s, tag := &w.sets[h>>(64-setBits)], uint32(h)
	oldest := 0
	for i, t := range s.tag {
		if t == tag && s.lsn[i] > 0 {
			s.lsn[i] = lsn
			return
		}
		if s.lsn[i] < s.lsn[oldest] {
			oldest = i
		}
	}
	// The displaced one is the oldest, and all displaced before were older still.
	s.floor = max(s.floor, s.lsn[oldest])
	s.tag[oldest], s.lsn[oldest] = tag, lsn
}
