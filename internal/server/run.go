package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// Run ends within 15 s of its context: listeners take up to 5 s (mqttserver.Limits.DrainTimeout), the engine the rest.
const (
	engineDrainTime = 9 * time.Second
	httpDrainTime   = 2 * time.Second // for requests under way
	housekeeping    = time.Hour
)

// Run serves until ctx ends, then drains and returns nil. It returns early, with an error, when a listener or the store
// fails. It has to be called once.
func (s *Server) Run(ctx context.Context) error {
	log := s.options.Logger
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return s.watchStore(running) })
	g.Go(func() error { return s.housekeep(running) })
	if s.chains != nil {
		watch := s.chains.begin(running) // before anybody is served
		g.Go(func() error { return s.chains.keep(running, watch) })
	}
	g.Go(func() error { return runHTTP(running, s.newHTTP(s.adminHandler()), s.socket) })
	for _, e := range s.entrances {
		g.Go(func() error { return e.serve(running) })
	}
	stopping := context.AfterFunc(running, func() { log.Info().Str("event", "server_stopping").Send() })
	err := g.Wait()
	stopping()

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineDrainTime)
	defer cancel()
	defer context.AfterFunc(ending, s.giveUp)()
	if full(s.store) != nil {
		s.giveUp() // room may be made in hours; devices repeat what was not acknowledged
	}
	err = errors.Join(err, s.close(ending))
	if cause := s.store.Err(); cause != nil {
		// Whatever ended first, this is what an operator must know: the store may fail at the very moment of a stop.
		return &StoreError{err: cause, remote: !s.options.Store.IsZero()}
	}
	if err == nil {
		log.Info().Str("event", "server_stopped").Send()
	}
	return err
}

// watchStore ends the server when the store can no longer promise anything.
func (s *Server) watchStore(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.store.Failed():
		return s.store.Err() // Run says what it means
	}
}

// StoreError is a store that failed while the server ran. Nothing was acknowledged since.
type StoreError struct {
	err    error
	remote bool
}

func (e *StoreError) Error() string {
	if e.remote {
		return fmt.Sprintf("stopping, because the database can no longer be relied upon: %v", e.err)
	}
	return fmt.Sprintf("stopping, because writes no longer reach the disk: %v", e.err)
}

func (e *StoreError) Unwrap() error { return e.err }

// Hint is what mends it.
func (e *StoreError) Hint() string {
	if e.remote {
		return "look at the database server and its log, then start the server again: what was acknowledged is there"
	}
	return "look at the disk (space, errors in the kernel's log), then start the server again: what was acknowledged is there"
}

func (s *Server) housekeep(ctx context.Context) error {
	t := time.NewTicker(housekeeping)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := s.core.Registry.Housekeep(ctx); err != nil && ctx.Err() == nil {
				s.options.Logger.Warn().Err(err).Str("event", "housekeeping_failed").Send()
			}
		}
	}
}

// close stops what Open started, backwards, as far as it came.
func (s *Server) close(ctx context.Context) error {
	errs := []error{closeAll(s.entrances)}
	if s.socket != nil {
		errs = append(errs, notClosed(s.socket.Close()))
	}
	if s.core != nil {
		if err := s.core.drain(ctx); err != nil {
			// Nothing is lost: what was abandoned was not acknowledged, so that its sender repeats it, or waits in its row.
			s.options.Logger.Warn().Err(err).Uint64("messages", s.core.Engine.Counts().Abandoned).Str("event", "messages_abandoned").Send()
		}
		err := s.core.Registry.Close()
		if errors.Is(err, pebble.ErrFull) {
			// Only what is written lazily was left, when devices were seen last.
			s.options.Logger.Warn().Err(err).Str("event", "activity_not_kept").Send()
			err = nil
		}
		errs = append(errs, err)
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.folder != nil {
		errs = append(errs, s.folder.RemoveAddresses(), s.folder.Close())
	}
	return errors.Join(errs...)
}

func (s *Server) adminHandler() http.Handler {
	return refuseWhileFull(s.store, admin.Handler(admin.Options{
		Registry: s.core.Registry, Version: s.options.Version, Data: s.options.Data, Live: s.Status, Clock: s.options.Clock,
		Try: s.core.try, Reload: s.reload, Devices: reach{s.core.Devices}, Logger: s.options.Logger,
	}))
}
