package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

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

	waits  context.Context // ends when nobody is to wait for the server any more
	giveUp context.CancelFunc

	quiet  context.CancelFunc // ends the goroutine that probes
	probes sync.WaitGroup

	failOnce sync.Once
	failed   chan struct{}
	err      error // why, written before failed is closed

	closeOnce sync.Once
	closeErr  error
}

var _ store.Remote = (*Store)(nil)

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
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	if err := o.complete(config.RuntimeParams["search_path"]); err != nil {
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
	s.waits, s.giveUp = context.WithCancel(context.Background())
	if s.session, err = connect(ctx, writing); err != nil {
		s.giveUp()
		return nil, err
	}
	conn := s.session.conn
	defer func() {
		if err != nil {
			s.giveUp()
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
	probing, quiet := context.WithCancel(s.waits)
	s.quiet = quiet
	s.probes.Go(func() { s.probe(probing) })
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
		s.log.Error().Str("event", "store_failed").Err(err).Send()
	})
}

// Away tells why the server cannot be reached, nil if it answered when it was asked last: every few seconds, if nothing
// else is asked.
func (s *Store) Away() error { return s.log.why() }

// GiveUp ends all waiting for a server that is away, or will be: the store fails instead.
func (s *Store) GiveUp() { s.giveUp() }

// probeEvery is how often the server is looked at, so that it is known to be away before somebody needs it.
const probeEvery = 2 * time.Second

// probe looks at the server until ctx ends or the store has failed.
func (s *Store) probe(ctx context.Context) {
	for sleep(ctx, probeEvery) == nil && s.Err() == nil {
		_, _ = s.View(ctx, func(store.Reader) error { return nil }) // what it meets, Away tells
	}
}

// lastWait is how long a store that is being closed waits for a server that is away.
const lastWait = 5 * time.Second

// Close waits for the calls under way, not long for a server that is away, and ends the store. It must not be called
// from within a view.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		hurry := time.AfterFunc(lastWait, s.giveUp)
		defer hurry.Stop()
		s.quiet()
		s.probes.Wait()
		s.gate.Close()
		close(s.queue)
		<-s.ended
		s.readers.close()
		err := s.Err()
		if s.session != nil {
			err = errors.Join(err, s.session.close())
		}
		s.loose.Wait()
		s.giveUp()
		s.closeErr = err
	})
	return s.closeErr
}
