package pebble

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/redact"
	"github.com/rs/zerolog"
)

// logger hands Pebble's talk on. Its texts may quote keys, and keys may hold what must not be logged, so only the
// parts that are known to be harmless are kept. What it says in passing is left out.
type logger struct {
	often zerolog.Logger // for what may come as often as Pebble tries again
	fatal func(error)
}

var _ pebble.Logger = logger{}

func harmless(format string, args []any) string {
	return redact.Sprintf(format, args...).Redact().StripMarkers()
}

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.often.Warn().Str("cause", harmless(format, args)).Str("event", "store_trouble").Send()
}

// Fatalf fails the store and returns, where Pebble's own logger would end the process.
func (l logger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf("pebble: %s", harmless(format, args)))
}

// events picks what an operator should know, and what Close wants to know.
func (s *Store) events() *pebble.EventListener {
	return &pebble.EventListener{
		// A table could not be written, or the like; Pebble tries again.
		BackgroundError: func(err error) {
			select {
			case s.trouble <- struct{}{}:
			default:
			}
			s.often.Warn().Str("cause", harmless("%v", []any{err})).Str("event", "store_trouble").Send()
		},
		FlushEnd: func(i pebble.FlushInfo) {
			if i.Err != nil {
				return
			}
			select {
			case <-s.trouble:
			default:
			}
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.log.Error().Str("file", i.Path).Str("cause", harmless("%v", []any{i.Details})).Str("event", "store_corrupt").Send()
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			s.log.Warn().Str("file", i.Path).Dur("took", i.Duration).Str("event", "store_disk_slow").Send()
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			s.log.Warn().Str("cause", i.Reason).Str("event", "store_stalled").Send()
		},
	}
}
