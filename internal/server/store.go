package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// openStore opens what the options name, and reads the server key that belongs to it.
func openStore(ctx context.Context, f *folder.Folder, o Options) (store.Store, secret.Key, error) {
	if !o.Store.IsZero() {
		return openDatabase(ctx, f, o)
	}
	if err := f.Here(); err != nil {
		return nil, secret.Key{}, err
	}
	key, err := f.ServerKey(o.ServerKeyFile) // first: a store without its key opens never again
	if err != nil {
		return nil, secret.Key{}, err
	}
	st, err := pebble.Open(f.Store(), pebble.Options{Logger: o.Logger, FS: o.FS})
	if err != nil {
		return nil, secret.Key{}, err
	}
	if err := full(st); err != nil && f.Fresh { // there is nothing yet to serve, and nowhere to put it
		return nil, secret.Key{}, errors.Join(fmt.Errorf("making the registry: %w", err), st.Close())
	}
	if err := complete(ctx, st); err != nil {
		return nil, secret.Key{}, errors.Join(err, st.Close())
	}
	return st, key, nil
}

// openDatabase opens the store in a database, of which the folder holds the key.
func openDatabase(ctx context.Context, f *folder.Folder, o Options) (_ store.Store, _ secret.Key, err error) {
	st, err := postgres.Open(ctx, o.Store.Reveal(), postgres.Options{Logger: o.Logger})
	if err != nil {
		return nil, secret.Key{}, &DatabaseError{err}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.Close())
		}
	}()
	if err := complete(ctx, st); err != nil {
		return nil, secret.Key{}, err
	}
	if f.Fresh, err = isEmpty(ctx, st); err != nil {
		return nil, secret.Key{}, err
	}
	key, err := f.ServerKey(o.ServerKeyFile)
	if err != nil {
		return nil, secret.Key{}, err
	}
	return st, key, f.Elsewhere(settings.ShowStore(o.Store.Reveal()))
}

func isEmpty(ctx context.Context, st store.Store) (empty bool, err error) {
	_, err = st.View(ctx, func(r store.Reader) error {
		empty = true
		for _, err := range r.Scan(nil, nil) {
			empty = false
			return err
		}
		return nil
	})
	return empty, err
}

// complete errs with an UnfinishedError if the store is half a copy.
func complete(ctx context.Context, st store.Store) error {
	err := store.Complete(ctx, st)
	if errors.Is(err, store.ErrUnfinished) {
		return &UnfinishedError{err}
	}
	return err
}

// UnfinishedError is a store that is half a copy.
type UnfinishedError struct{ err error }

func (e *UnfinishedError) Error() string { return "opening the store: " + e.err.Error() }
func (e *UnfinishedError) Unwrap() error { return e.err }

// Hint is what mends it.
func (e *UnfinishedError) Hint() string {
	return "run gridtie copy once more: it clears away what is there, and begins anew"
}

// DatabaseError is a database that could not be opened.
type DatabaseError struct{ err error }

func (e *DatabaseError) Error() string { return e.err.Error() }
func (e *DatabaseError) Unwrap() error { return e.err }

// Hint is what mends it.
func (e *DatabaseError) Hint() string {
	if errors.Is(e.err, store.ErrLocked) {
		return "another gridtie has it open: one at a time"
	}
	return "gridtie config shows the address; the user needs the right to make a schema in the database, or one made for it"
}

// away is why the store takes nothing at the moment: a database that cannot be reached, a disk that is full or has
// stopped. It is nil if nothing is known against it.
func (s *Server) away() error {
	if remote, ok := s.store.(store.Remote); ok {
		return remote.Away()
	}
	return nil
}

// giveUp ends the waiting for a store that is away, so that the server can end, too.
func (s *Server) giveUp() {
	if remote, ok := s.store.(store.Remote); ok {
		remote.GiveUp()
	}
}
