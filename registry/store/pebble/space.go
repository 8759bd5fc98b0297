package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull: the disk has less room than is kept in reserve, and the caller would not wait for more. Nothing was applied.
var ErrFull = errors.New("disk has too little room")

const (
	// lookEvery is how often the disk is looked at. What is written in between must fit into the reserve.
	lookEvery = 250 * time.Millisecond

	// maxReserve is twice what the rows in memory may need as tables, which merging doubles for a moment.
	maxReserve = 128 << 20

	// stoppedAfter is how long no flush may end, with batches that wait for one, before the disk counts as stopped.
	stoppedAfter = 3 * time.Second
)

// space keeps batches waiting while the disk is nearly full. Pebble cannot go on behind a log that met the end of the
// disk: that fails the store, and ends the process. So the end is not to be met, and work is refused while there still
// is room for what Pebble does by itself.
type space struct {
	reserve int64 // as in Options
	short   atomic.Pointer[shortage]
	stalled atomic.Pointer[stall]

	giveUp sync.Once
	gaveUp chan struct{} // closed when nobody waits any more
	quit   chan struct{} // ends the two goroutines that look
	group  sync.WaitGroup
}

// shortage is one time of too little room, from its beginning to its end.
type shortage struct {
	err  error         // what Away tells
	over chan struct{} // closed at its end
}

// stall is one time in which no flush ended.
type stall struct {
	synced uint64
	since  time.Time
	told   bool
}

func newSpace(o Options) *space {
	return &space{reserve: o.Reserve, gaveUp: make(chan struct{}), quit: make(chan struct{})}
}

// watch looks at the disk until the store is closed. The two looks do not wait for each other: on a disk that has
// stopped, asking for its room may not return.
func (s *Store) watch() {
	every := func(look func(now time.Time)) {
		s.space.group.Go(func() {
			t := time.NewTicker(lookEvery)
			defer t.Stop()
			for {
				select {
				case <-s.space.quit:
					return
				case now := <-t.C:
					look(now)
				}
			}
		})
	}
	if s.space.reserve >= 0 {
		every(func(time.Time) { s.lookForRoom() })
	}
	every(s.lookForFlush)
}

// Away tells why batches wait at the moment: the disk has too little room (ErrFull), or has not ended a flush for a
// while. It is nil if nothing is known against the disk.
func (s *Store) Away() error {
	if short := s.space.short.Load(); short != nil {
		return short.err
	}
	if st := s.space.stalled.Load(); st != nil && st.told {
		return fmt.Errorf("the disk has not ended a flush since %s", st.since.UTC().Format(time.RFC3339))
	}
	return nil
}

// GiveUp ends all waiting for room, now and later: while there is none, Apply errs with ErrFull.
func (s *Store) GiveUp() { s.space.giveUp.Do(func() { close(s.space.gaveUp) }) }

// awaitRoom waits while the disk is nearly full, as long as ctx lives and nobody gives up.
func (s *Store) awaitRoom(ctx context.Context) error {
	for {
		short := s.space.short.Load()
		if short == nil {
			return nil
		}
		select {
		case <-short.over:
		case <-s.failed:
			return s.err
		case <-s.space.gaveUp:
			return short.err
		case <-ctx.Done():
			return errors.Join(ctx.Err(), short.err)
		}
	}
}

// lookForRoom compares the room on the disk with the reserve. It takes a quarter more to begin again than it took to
// stop, so that a disk at the limit does not flap.
func (s *Store) lookForRoom() {
	use, err := s.fence.GetDiskUsage(s.dir)
	if err != nil {
		return // nothing is known; a file system in memory, for one, does not tell
	}
	reserve := reserveOf(s.space.reserve, use)
	short := s.space.short.Load()
	switch {
	case short == nil && use.AvailBytes < reserve:
		s.space.short.Store(&shortage{over: make(chan struct{}), err: fmt.Errorf(
			"%w: %s free, and writes wait below %s; free some, and they go on", ErrFull, mebibytes(use.AvailBytes), mebibytes(reserve))})
		s.log.Error().Uint64("free", use.AvailBytes).Uint64("reserve", reserve).Str("event", "store_full").Send()
	case short != nil && use.AvailBytes >= reserve+reserve/4:
		s.space.short.Store(nil)
		close(short.over)
		s.log.Info().Uint64("free", use.AvailBytes).Str("event", "store_has_room").Send()
	}
}

// reserveOf is how much stays free: what was asked for, or else maxReserve, but of a small disk no more than a tenth.
func reserveOf(asked int64, use vfs.DiskUsage) uint64 {
	if asked > 0 {
		return uint64(asked)
	}
	return min(maxReserve, use.TotalBytes/10)
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// lookForFlush notes since when no flush has ended although batches wait for one.
func (s *Store) lookForFlush(now time.Time) {
	synced, applied := s.acks.synced.Load(), s.applied.Load()
	st := s.space.stalled.Load()
	switch {
	case s.Err() != nil: // there will be no flush any more, and whoever asks is told why
	case synced == applied || st == nil || st.synced != synced:
		s.space.stalled.Store(&stall{synced: synced, since: now})
		if st != nil && st.told {
			s.log.Info().Dur("took", now.Sub(st.since)).Str("event", "store_disk_back").Send()
		}
	case !st.told && now.Sub(st.since) >= stoppedAfter:
		s.space.stalled.Store(&stall{synced: synced, since: st.since, told: true})
		s.log.Error().Dur("took", now.Sub(st.since)).Uint64("batches", applied-synced).Str("event", "store_disk_stopped").Send()
	}
}
