package postgres

import (
	"sync/atomic"

	"github.com/rs/zerolog"
)

// talk tells an operator once that the database is away, and once that it is back.
type talk struct {
	zerolog.Logger
	gone atomic.Bool
}

func (t *talk) away(err error) {
	if !t.gone.Swap(true) {
		t.Warn().Err(err).Msg("store_away")
	}
}

func (t *talk) back() {
	if t.gone.Load() && t.gone.Swap(false) {
		t.Info().Msg("store_back")
	}
}
