package postgres

import (
	"sync/atomic"

	"github.com/rs/zerolog"
)

// talk tells an operator once that the database is away, and once that it is back. In between it knows why.
type talk struct {
	zerolog.Logger
	gone atomic.Pointer[error]
}

func (t *talk) away(err error) {
	if t.gone.Swap(&err) == nil {
		t.Warn().Str("event", "store_away").Err(err).Send()
	}
}

func (t *talk) back() {
	if t.gone.Load() != nil && t.gone.Swap(nil) != nil {
		t.Info().Str("event", "store_back").Send()
	}
}

// why is why the database is away, nil if it is not.
func (t *talk) why() error {
	if err := t.gone.Load(); err != nil {
		return *err
	}
	return nil
}
