package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// Moment is when the plug was pulled: a closed set.
type Moment string

const (
	BeforeFlush   Moment = "before a flush"
	AfterFlush    Moment = "after a flush"
	BeforeEvents  Moment = "between a provision and its events" // acknowledged, and neither of them run
	BetweenEvents Moment = "between two events"
	AfterStoring  Moment = "between a stored message and its run"
	AtRandom      Moment = "at random"
	AtTheEnd      Moment = "when all had ended"
)

// Crash is what a power cut has left, and what clients knew of it.
type Crash struct {
	Moment Moment
	Disk   *crashdisk.Disk
	Meters []Meter
}

// Options of Crashes.
type Options struct {
	Seed    uint64
	Meters  int
	Workers int
	Random  int // at most so many crashes at random moments

	// Stored makes the profile acknowledge a message when it is stored, before it is run.
	Stored bool

	// FailAt is the flush that fails, and all after it do, too, from 1; 0 for none.
	FailAt int

	// These two break the build on purpose.
	NoFlush bool                          // nothing that is logged is flushed
	Store   func(store.Store) store.Store // what stands between the registry and the disk
}

// storeFolder is the store's on a disk in memory.
const storeFolder = "registry"

// storeOptions are small, so that tables are written too.
func storeOptions(fs vfs.FS) pebble.Options {
	return pebble.Options{FS: fs, CacheSize: 1 << 20, MemTableSize: 64 << 10}
}

// laboratory runs the product on a disk whose plug it pulls now and then.
type laboratory struct {
	disk *crashdisk.Disk
	log  Log

	mu      sync.Mutex // protects what follows
	rng     *rand.Rand
	random  int // crashes at random moments still to come
	flushes int
	broke   context.CancelFunc // nobody waits for what a broken disk keeps from coming
	crashes []Crash
}

// Crashes lets meters provision and attach themselves through the chains, and returns what a power cut would have left
// at many moments, from the making of the store to its orderly end, each time with another share of what was not
// flushed. The key is that of the server.
func Crashes(ctx context.Context, key secret.Key, o Options) ([]Crash, error) {
	l := newLaboratory(crashdisk.New(), o)
	err := l.run(ctx, key, o, l.load(ctx, o))
	return l.crashes, err
}

// OnFailingDisk does the same on a disk whose flushes fail from o.FailAt on, and returns what a power cut would leave at
// the end, and the error with which all ended.
func OnFailingDisk(ctx context.Context, key secret.Key, o Options) (Crash, error) {
	l := newLaboratory(crashdisk.New(), o)
	err := l.run(ctx, key, o, l.load(ctx, o))
	c := Crash{Moment: AtTheEnd}
	c.Meters = l.log.Snapshot(func() { c.Disk = l.disk.Cut(vfs.CrashCloneCfg{}) })
	return c, err
}

func newLaboratory(disk *crashdisk.Disk, o Options) *laboratory {
	return &laboratory{disk: disk, random: o.Random, rng: rand.New(rand.NewPCG(o.Seed, 1))}
}

func (l *laboratory) load(ctx context.Context, o Options) func(*server.Core) error {
	return func(core *server.Core) error {
		ctx, broke := context.WithCancel(ctx)
		defer broke()
		l.mu.Lock()
		l.broke = broke
		l.mu.Unlock()
		w, err := Furnish(ctx, core.Registry)
		if err != nil {
			return err
		}
		if o.Stored {
			if err := AcknowledgeStored(ctx, core.Registry); err != nil {
				return err
			}
		}
		return w.Work(ctx, core.Devices, &l.log, o.Meters, o.Workers)
	}
}

// Again restarts the product on what a crash has left, and returns what a second one would leave while it takes up what
// was left undone. Of o, Seed and Random count.
func (c *Crash) Again(ctx context.Context, key secret.Key, o Options) ([]Crash, error) {
	disk := c.Disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: 0}) // the first crash can be examined still
	l := newLaboratory(disk, o)
	for _, m := range c.Meters {
		l.log.recall(m)
	}
	err := l.run(ctx, key, Options{}, func(core *server.Core) error { return core.Engine.Drain(ctx) })
	return l.crashes, err
}

func (l *laboratory) run(ctx context.Context, key secret.Key, o Options, use func(*server.Core) error) (err error) {
	inner, err := pebble.Open(storeFolder, storeOptions(&plug{
		FS:     l.disk,
		lazy:   o.NoFlush,
		broken: func() error { return l.flush(o.FailAt) },
		before: func() { l.pull(BeforeFlush) },
		after:  func() { l.pull(AfterFlush) },
		wrote:  func() { l.pull(AtRandom) },
	}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inner.Close()) }()
	var st store.Store = inner
	if o.Store != nil {
		st = o.Store(inner)
	}
	co := server.CoreOptions{Chains: Chains(), From: "the test's chains", Lazy: -1}
	if o.FailAt == 0 { // else an event could wait for an answer that never comes
		co.Wrap = l.around
	}
	core, err := server.NewCore(ctx, st, key, co)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close(ctx)) }()
	return use(core)
}

// ErrBroken is that of a flush that was to fail.
var ErrBroken = errors.New("the disk is broken")

func (l *laboratory) flush(failAt int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushes++
	if failAt > 0 && l.flushes >= failAt {
		if l.broke != nil {
			l.broke()
		}
		return ErrBroken
	}
	return nil
}

// pull makes a crash of this moment; of the random ones, as many as are asked for.
func (l *laboratory) pull(at Moment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at == AtRandom {
		if l.random == 0 || l.rng.IntN(3) != 0 {
			return
		}
		l.random--
	}
	percent := []int{0, 0, 10, 50, 90, 100}[l.rng.IntN(6)]
	if at == BeforeEvents || at == AfterStoring {
		percent = 0 // what was acknowledged has to do without luck
	}
	c := Crash{Moment: at}
	c.Meters = l.log.Snapshot(func() {
		c.Disk = l.disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: l.rng})
	})
	l.crashes = append(l.crashes, c)
}

// around pulls the plug between transactions. An event of provisioning is held back until its device has the answer, so
// that there is a moment at which the one is on disk and acknowledged and the other has not begun.
func (l *laboratory) around(begin engine.BeginFunc) engine.BeginFunc {
	return func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
		switch {
		case engine.Attempt(ctx) > 1:
		case m.Type() == "ENTITY_CREATED":
			if l.answered(ctx, m.Origin().Name) {
				l.pull(BeforeEvents)
			}
		case m.Type() == "PROVISION_SUCCESS":
			l.pull(BetweenEvents)
		}
		l.pull(AtRandom)
		ctx, tx, err := begin(ctx, m)
		return ctx, &watched{Tx: tx, lab: l}, err
	}
}

// answered waits until a device has its credentials. One that was cut off before it had them does not get them now.
func (l *laboratory) answered(ctx context.Context, device string) bool {
	var n int
	if _, err := fmt.Sscanf(device, nameFormat, &n); err != nil {
		return false
	}
	if l.log.cutOff(n) {
		return false
	}
	select {
	case <-l.log.Answered(n):
		return true
	case <-ctx.Done(): // of the run: the answer never came
		return false
	}
}

// watched is a transaction after which the plug may be pulled: applied, but perhaps not yet on disk.
type watched struct {
	engine.Tx
	lab *laboratory
}

func (w *watched) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	w.lab.pull(AtRandom)
	synced, err := w.Tx.Commit(ctx, f)
	w.lab.pull(AtRandom)
	if f.State != engine.Stored || err != nil {
		return synced, err
	}
	return func(ctx context.Context) error {
		err := synced(ctx)
		w.lab.pull(AfterStoring)
		return err
	}, nil
}

// Examine starts the product on what a crash has left, lets it run what was left undone, and checks it. resumed is how
// many messages were.
func (c *Crash) Examine(ctx context.Context, key secret.Key) (found Findings, resumed uint64, err error) {
	st, err := pebble.Open(storeFolder, storeOptions(c.Disk))
	if err != nil {
		return nil, 0, fmt.Errorf("after a crash %s: %w", c.Moment, err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return Restart(ctx, st, key, c.Meters)
}

// Restart starts the product on a store, lets it run what was left undone, and checks it.
func Restart(ctx context.Context, st store.Store, key secret.Key, meters []Meter) (found Findings, resumed uint64, err error) {
	core, err := server.NewCore(ctx, st, key, server.CoreOptions{Chains: Chains(), From: "the test's chains", Lazy: -1})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, core.Close(ctx)) }()
	resumed = core.Engine.Counts().In
	if err := core.Engine.Drain(ctx); err != nil {
		return nil, resumed, err
	}
	found, err = Check(ctx, core.Registry, meters)
	return found, resumed, err
}
