package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/internal/single"
)

// Store is an open store.
type Store struct {
	opts   Options
	config *pgx.ConnConfig
	sql    *statements
	log    talk
	owner  string // of the states that this Store makes
	gate   *single.Gate

	catalog atomic.Pointer[catalog]
	readers *pool

	queue chan *request
	ended chan struct{} // closed when the goroutine that writes has ended

	// These belong to the goroutine that writes.
	session *session // nil while the server is away
	lost    *session // the one before
	recent  *single.Written
	loose   sync.WaitGroup // sessions that are being closed

	applied atomic.Uint64
	acks    acks

	failOnce sync.Once
	failed   chan struct{}
	err      error // why, written before failed is closed

	closeOnce sync.Once
	closeErr  error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the database that dsn names, a URL or a connection string as libpq takes them; what it leaves
// out comes from libpq's variables (PGPASSWORD among them) and password file. It makes the schema if it is not there,
// and errs with store.ErrLocked when another process has the store open. No error names the password.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	s, err := open(ctx, dsn, o)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", plain(err))
	}
	return s, nil
}

func open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	return openWith(ctx, config, config, o)
}

// openWith has a configuration for the connection that writes and one for those that read, which differ in tests.
func openWith(ctx context.Context, writing, reading *pgx.ConnConfig, o Options) (_ *Store, err error) {
	s := &Store{
		opts: o, config: writing, sql: newStatements(o.Schema), log: talk{Logger: o.Logger},
		owner:   rand.Text(),
		gate:    single.NewGate(),
		readers: newPool(reading, o.Readers),
		queue:   make(chan *request, maxGroup),
		ended:   make(chan struct{}),
		recent:  single.NewWritten(),
		failed:  make(chan struct{}),
	}
	if s.session, err = connect(ctx, writing); err != nil {
		return nil, err
	}
	conn := s.session.conn
	defer func() {
		if err != nil {
			err = errors.Join(err, s.session.close())
		}
	}()
	if err := s.session.lock(ctx, o.Schema); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, conn); err != nil {
		return nil, err
	}
	var lsn uint64
	if err := conn.QueryRow(ctx, s.sql.take, s.owner).Scan(&lsn); err != nil {
		return nil, fmt.Errorf("taking the store over: %w", err)
	}
	s.applied.Store(lsn)
	s.acks.raise(store.LSN(lsn))
	go s.write()
	s.readers.run()
	return s, nil
}

// enter begins a call; if it returns nil, the call ends with s.gate.Leave.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		s.gate.Leave()
		return err
	}
	return nil
}

// Sync waits until lsn is committed. Apply has done so already; only a view can rest on a commit whose answer is not
// here yet.
func (s *Store) Sync(ctx context.Context, lsn store.LSN) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	if lsn > s.Applied() {
		return fmt.Errorf("%w: waiting for state %d, which is to come", store.ErrInvalid, lsn)
	}
	for {
		turn := s.acks.wait(lsn)
		if turn == nil {
			return nil
		}
		select {
		case <-turn:
		case <-s.failed:
			return s.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Applied is the newest state, which may be about to be committed.
func (s *Store) Applied() store.LSN { return store.LSN(s.applied.Load()) }

// Synced is the newest state known to be committed.
func (s *Store) Synced() store.LSN { return store.LSN(s.acks.synced.Load()) }

// Failed is closed when the store has failed.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err tells why the store has failed, as an ErrFailed; nil while it has not.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.err = fmt.Errorf("%w: %w", store.ErrFailed, err)
		close(s.failed)
		s.log.Error().Err(err).Msg("store_failed")
	})
}

// Close waits for the calls under way and ends the store. It must not be called from within a view.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.gate.Close()
		close(s.queue)
		<-s.ended
		s.readers.close()
		err := s.Err()
		if s.session != nil {
			err = errors.Join(err, s.session.close())
		}
		s.loose.Wait()
		s.closeErr = err
	})
	return s.closeErr
}
