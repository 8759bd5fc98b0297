package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// Place is where a store is: in a data folder or in a database.
type Place struct {
	Folder string
	Store  secret.Text // address of a PostgreSQL database; empty for the store in Folder
}

// String is the place without its password.
func (p Place) String() string {
	if p.Store.IsZero() {
		return p.Folder
	}
	return settings.ShowStore(p.Store.Reveal())
}

// CopyOptions of Copy. From and To are mandatory.
type CopyOptions struct {
	From, To Place
	Logger   zerolog.Logger
	Step     func(done, total int) // see store.CopyOptions
}

// CopyReport is what a copy did.
type CopyReport struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Rows    int     `json:"rows"`
	Bytes   int64   `json:"bytes"` // of keys and values
	Seconds float64 `json:"seconds"`
	Again   bool    `json:"again"` // an unfinished copy was cleared away first
}

// copyPatience is how long a copy waits for a database that is away.
const copyPatience = time.Minute

// Copy copies what one store knows into another, empty one; neither may be in use. Server keys stay where they are: the
// copy opens with that of the source.
func Copy(ctx context.Context, o CopyOptions) (r CopyReport, err error) {
	r.From, r.To = o.From.String(), o.To.String()
	if r.From == r.To {
		return r, fmt.Errorf("copying %s: it cannot be copied into itself", r.From)
	}
	from, err := openPlace(ctx, o.From, true, o.Logger)
	if err != nil {
		return r, fmt.Errorf("opening the source: %w", err)
	}
	defer func() { err = errors.Join(err, from.close()) }()
	to, err := openPlace(ctx, o.To, false, o.Logger)
	if err != nil {
		return r, fmt.Errorf("opening the target: %w", err)
	}
	defer func() { err = errors.Join(err, to.close()) }()
	if empty, err := isEmpty(ctx, from.store); err != nil {
		return r, err
	} else if empty {
		return r, fmt.Errorf("copying %s: there is nothing in it", r.From)
	}
	began := time.Now()
	copied, err := store.Copy(ctx, from.store, to.store, store.CopyOptions{Step: o.Step})
	r.Rows, r.Bytes, r.Again, r.Seconds = copied.Rows, copied.Bytes, copied.Again, time.Since(began).Seconds()
	switch {
	case errors.Is(err, store.ErrNotEmpty):
		return r, fmt.Errorf("copying to %s: %w", r.To, store.ErrNotEmpty)
	case err != nil:
		return r, err
	case to.folder != nil:
		return r, to.folder.Home()
	}
	return r, nil
}

// opened is an open place.
type opened struct {
	folder *folder.Folder // nil for a database
	store  store.Store
}

func openPlace(ctx context.Context, p Place, source bool, log zerolog.Logger) (_ *opened, err error) {
	if !p.Store.IsZero() {
		st, err := postgres.Open(ctx, p.Store.Reveal(), postgres.Options{Patience: copyPatience, Logger: log})
		if err != nil {
			return nil, &DatabaseError{err}
		}
		return &opened{store: st}, nil
	}
	if source && !folder.Exists(p.Folder) {
		return nil, fmt.Errorf("there is no data folder %q", p.Folder)
	}
	o := &opened{}
	if o.folder, err = folder.Open(p.Folder); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.folder.Close())
		}
	}()
	if source {
		if err := o.folder.Here(); err != nil {
			return nil, err
		}
		if o.folder.Fresh {
			return nil, fmt.Errorf("there is no store in the data folder %q", p.Folder)
		}
	}
	if o.store, err = pebble.Open(o.folder.Store(), pebble.Options{Logger: log}); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *opened) close() error {
	err := o.store.Close()
	if o.folder != nil {
		err = errors.Join(err, o.folder.Close())
	}
	return err
}
