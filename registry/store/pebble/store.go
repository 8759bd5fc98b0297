package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/internal/single"
)

// Options say how a folder is opened. The zero value is right for a server.
type Options struct {
	// FS is the file system, nil for the operating system's. Tests give one that fails or forgets.
	FS vfs.FS

	// CacheSize is the memory in bytes that there is for blocks read from tables at any time; 0 means 32 MiB. Blocks also
	// get what the memory tables leave free of theirs.
	CacheSize int64

	// MemTableSize is the size in bytes at which rows in memory are written out as a table; 0 means 16 MiB. Up to four
	// of them are in memory at once, and opening after a crash reads as much again from the log.
	MemTableSize uint64

	// Reserve is how many bytes of the disk stay free: while there are fewer, Apply waits. 0 means 128 MiB, or a tenth
	// of the disk if that is less; negative: nothing is kept free, and a full disk fails the store.
	Reserve int64

	// Logger gets what an operator should know: failure, corruption, a slow disk, stalls. The zero value logs nothing.
	// No key or value is ever logged.
	Logger zerolog.Logger
}

// Store is an open folder.
type Store struct {
	dir    string
	log    zerolog.Logger
	often  zerolog.Logger // three lines a minute, for what Pebble tries again and again
	db     *pebble.DB
	fence  *fence
	health io.Closer // of the operating system's file system, nil for any other
	lock   *pebble.Lock
	gate   *single.Gate
	rooms  sync.Pool // for readers

	mu      sync.Mutex // one batch at a time; protects written, and the order of applied, visible and flushes
	written *single.Written
	panics  bool // Pebble panicked in a commit, perhaps with its locks held

	applied atomic.Uint64
	visible atomic.Uint64
	acks    acks

	flushes chan flush    // applied batches in order, to be taken off Pebble's hands when they are flushed
	flushed chan struct{} // closed when the goroutine that does so has ended

	failOnce sync.Once
	failed   chan struct{}
	err      error // why, written before failed is closed

	space *space // what is known of the disk while nothing has failed

	trouble   chan struct{} // holds one while Pebble cannot write tables
	closeOnce sync.Once
	closeErr  error
}

var _ store.Remote = (*Store)(nil)

// Open opens the store in the folder dir and makes it if it is not there, with permissions 0700; those of a folder
// that is there stay as they are. It errs with store.ErrLocked when the folder is open already.
func Open(dir string, o Options) (*Store, error) {
	s, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("opening store %q: %w", dir, err)
	}
	return s, nil
}

func open(dir string, o Options) (_ *Store, err error) {
	s := &Store{
		dir: dir, log: o.Logger, often: o.Logger.Sample(&zerolog.BurstSampler{Burst: 3, Period: time.Minute}),
		space:   newSpace(o),
		gate:    single.NewGate(),
		rooms:   sync.Pool{New: newRoom},
		acks:    acks{waiting: make(map[store.LSN]chan struct{})},
		flushes: make(chan flush, maxFlushes),
		flushed: make(chan struct{}),
		failed:  make(chan struct{}),
		trouble: make(chan struct{}, 1),
	}
	listener := s.events()
	fs := o.FS
	if fs == nil {
		fs, s.health = vfs.WithDiskHealthChecks(vfs.Default, 5*time.Second, nil, listener.DiskSlow)
	}
	defer func() {
		if err != nil {
			_ = s.release() // err says why
		}
	}()
	s.fence = &fence{FS: fs, fail: s.fail}
	if err := mkdir(fs, dir); err != nil {
		return nil, err
	}
	if s.lock, err = pebble.LockDirectory(dir, fs); err != nil {
		s.lock = nil
		if busy(err) {
			return nil, fmt.Errorf("%w: %w", store.ErrLocked, err)
		}
		return nil, err
	}
	if err = checkManifest(fs, dir); err != nil {
		return nil, err
	}
	if s.db, err = s.openPebble(o, listener); err != nil {
		return nil, err
	}
	s.written = single.NewWritten()
	// State 1 is what the folder holds. Pebble has flushed what it found in the log.
	s.applied.Store(1)
	s.visible.Store(1)
	s.acks.synced.Store(1)
	s.fence.up.Store(true)
	go s.acknowledge()
	if s.space.reserve >= 0 {
		s.lookForRoom()
	}
	s.watch()
	return s, nil
}

// openPebble turns into an error what Pebble panics with when it cannot read the folder, and what it would end the
// process for.
func (s *Store) openPebble(o Options, listener *pebble.EventListener) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, panicked(p)
		}
	}()
	opts := settings(o)
	opts.FS, opts.Lock, opts.EventListener = s.fence, s.lock, listener
	opts.Logger = logger{often: s.often, fatal: s.fail}
	if db, err = pebble.Open(s.dir, opts); err != nil {
		return nil, err
	}
	if err := s.Err(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// panicked makes an error of what Pebble panicked with. Mostly it is one, of the disk.
func panicked(p any) error {
	if err, ok := p.(error); ok {
		return fmt.Errorf("pebble: %w", err)
	}
	return fmt.Errorf("pebble: %v", p)
}

// memTables is how many memory tables there may be at once, the one that is being filled included.
const memTables = 4

// settings are Pebble's for many small rows: JSON of a few hundred bytes, and index rows with no value.
func settings(o Options) *pebble.Options {
	opts := &pebble.Options{
		CacheSize:                   o.CacheSize,
		MemTableSize:                o.MemTableSize,
		MemTableStopWritesThreshold: memTables,
		// Named, so that a newer Pebble does not change the format of a folder by itself.
		FormatMajorVersion: pebble.FormatValueSeparation,
	}
	if opts.CacheSize == 0 {
		opts.CacheSize = 32 << 20
	}
	if opts.MemTableSize == 0 {
		opts.MemTableSize = 16 << 20
	}
	// Pebble takes the rows in memory off the cache. While they come in faster than tables are written, there would be
	// none left, and every read would go to the disk.
	opts.CacheSize += memTables * int64(opts.MemTableSize)
	// zstd where rows come to rest, something faster above.
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 16 << 10
		// Most checks of uniqueness ask for what is not there.
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

// mkdir makes dir and the folders above it, and flushes the folder in which each was made: else a power cut could
// take the whole store with it.
func mkdir(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir && parent != "" {
		if err := mkdir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if parent == dir || parent == "" {
		return nil
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// busy tells whether a lock was refused because somebody holds it. Within a process Pebble says so in words only.
func busy(err error) bool {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return false // the lock file could not even be opened
	}
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		err.Error() == "lock held by current process"
}

// View takes the snapshot between reading the two positions; see the package comment of store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) (store.LSN, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()

	r := &reader{ctx: ctx, rooms: &s.rooms, at: store.Stamp(s.visible.Load())} // v1
	points, err := s.db.NewIterWithContext(ctx, nil)                           // v2
	rests := store.LSN(s.applied.Load())                                       // v3
	if err != nil {
		return 0, fmt.Errorf("beginning a view: %w", err)
	}
	r.points = points
	defer r.release()
	return rests, fn(r)
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

// Applied is the newest state.
func (s *Store) Applied() store.LSN { return store.LSN(s.applied.Load()) }

// Synced is the newest state known to be on disk.
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

// fail ends the store's promises. It comes before anybody could take the failure for a success (see fence), so it
// takes no lock of the store.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.err = fmt.Errorf("%w: %w", store.ErrFailed, err)
		close(s.failed)
		s.fence.tripped.Store(true)
		s.log.Error().Err(err).Str("event", "store_failed").Send()
	})
}

// Close waits for the calls under way, flushes and ends the store. It must not be called from within a view.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.GiveUp()
		s.gate.Close()
		close(s.flushes)
		<-s.flushed
		close(s.space.quit)
		s.space.group.Wait()
		if !s.emptyLog() {
			s.fence.tripped.Store(true) // what is applied is in the log; Pebble would try for ever to write its tables
		}
		s.closeErr = errors.Join(s.Err(), s.release())
	})
	return s.closeErr
}

// emptyLog writes what is in memory as a table, so that an orderly end leaves nothing to the log alone: opening is
// quicker, and a bit that flips in the last block of a log would look like the torn end of a crash. It is not needed
// for durability, and is left out while tables cannot be written, or there is too little room for them. It tells whether
// it has been done.
func (s *Store) emptyLog() bool {
	if s.Err() != nil || len(s.trouble) > 0 || s.space.short.Load() != nil {
		return false
	}
	written, err := s.db.AsyncFlush()
	if err != nil {
		return false
	}
	select {
	case <-written:
		return true
	case <-s.trouble:
	case <-s.failed:
	}
	return false
}

// release gives back what open took, as far as it came.
func (s *Store) release() error {
	var err error
	if s.db != nil && !s.panics { // after a panic in a commit Close could wait for ever
		err = errors.Join(err, s.db.Close())
	}
	if s.fence != nil {
		s.fence.tripped.Store(true)
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	if s.health != nil {
		err = errors.Join(err, s.health.Close())
	}
	return err
}
