package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
)

// chainFolder keeps the chains and profiles in force those in folders, as far as these are good.
type chainFolder struct {
	folders Folders
	core    *Core
	log     zerolog.Logger
	results *prometheus.CounterVec
	watch   folderWatch
	refused atomic.Pointer[admin.RefusedChains] // nil while what is in the folders is in force

	judging sync.Mutex // one reading with its verdict at a time; protects what follows
	last    reading    // that had a verdict
}

// reading is what the folders held, or why they could not be read.
type reading struct {
	set FileSet
	err error
}

func (r reading) same(o reading) bool {
	if r.err != nil || o.err != nil {
		return r.err != nil && o.err != nil && r.err.Error() == o.err.Error()
	}
	return r.set.same(o.set)
}

func newChainFolder(core *Core, set FileSet, results *prometheus.CounterVec, o Options) *chainFolder {
	folders := o.folders()
	return &chainFolder{
		folders: folders, core: core, log: o.Logger, results: results, last: reading{set: set},
		watch: folderWatch{folders: folders.watched(), settle: o.ChainsSettle, poll: o.ChainsPoll, log: o.Logger},
	}
}

// begin watches the folders and looks at them, since they may have changed while the server was opened.
func (f *chainFolder) begin(ctx context.Context) *attached {
	return f.watch.begin(func() { f.look(ctx) })
}

// keep follows the folders until ctx ends.
func (f *chainFolder) keep(ctx context.Context, at *attached) error {
	f.watch.run(ctx, at, func() { f.look(ctx) })
	return nil
}

// look reads the folders, and judges what it holds if that is not what was judged last.
func (f *chainFolder) look(ctx context.Context) {
	f.judging.Lock()
	defer f.judging.Unlock()
	if now := f.read(); !now.same(f.last) {
		_, _ = f.judge(ctx, now) // judge logs
	}
}

// reload reads and judges the folders whatever was judged last.
func (f *chainFolder) reload(ctx context.Context) (admin.Reload, error) {
	f.judging.Lock()
	defer f.judging.Unlock()
	return f.judge(ctx, f.read())
}

// rereads of a folder that changes while it is read.
const rereads = 5

// read returns what the folders hold at one moment: files of two revisions together would be a set that nobody wrote.
func (f *chainFolder) read() (r reading) {
	before := stampOf(f.watch.folders)
	for range rereads {
		r.set, r.err = f.folders.Read()
		after := stampOf(f.watch.folders)
		if before.equal(after) {
			break
		}
		before = after
	}
	return r
}

func (f *chainFolder) judge(ctx context.Context, now reading) (r admin.Reload, err error) {
	if now.err != nil {
		r = f.unreadable(now.err)
	} else if r, err = f.use(ctx, now.set); err != nil {
		f.log.Error().Err(err).Str("revision", r.Before).Str("event", "chains_reload_failed").Send()
		return r, err
	}
	r.From = f.from()
	f.last = now
	f.results.WithLabelValues(r.Result).Inc()
	f.tell(r)
	return r, nil
}

func (f *chainFolder) unreadable(err error) admin.Reload {
	revision := f.core.Engine.Chain().Revision()
	finding := engine.Finding{
		File: f.folders.Chains, Severity: engine.SeverityError, Code: "unreadable", Message: err.Error(),
		Hint: "put the chain files back; until then the chains in force stay",
	}
	var folder *FolderError
	if errors.As(err, &folder) && folder.Folder != f.folders.Chains {
		finding.File, finding.Hint = folder.Folder, "put the folder back; until then the profiles in force stay"
	}
	return admin.Reload{Result: admin.ReloadRefused, Before: revision, After: revision, Findings: engine.Findings{finding}}
}

// from is where the chains come from.
func (f *chainFolder) from() string { return cmp.Or(f.folders.Chains, builtIn) }

// use is Core.Use, but for a fault in compiling, which must not end a server that meters are connected to.
func (f *chainFolder) use(ctx context.Context, set FileSet) (r admin.Reload, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f.core.Use(ctx, set)
}

func (f *chainFolder) tell(r admin.Reload) {
	was := f.refused.Load()
	from := f.from()
	line := func(e *zerolog.Event) *zerolog.Event {
		if f.folders.Profiles == "" {
			return e.Str("from", from)
		}
		return e.Str("from", from).Str("profiles", f.folders.Profiles)
	}
	switch r.Result {
	case admin.ReloadRefused:
		f.refused.Store(&admin.RefusedChains{Since: f.core.now().UTC(), Findings: r.Findings})
		line(f.log.Error()).Str("revision", r.After).Int("findings", len(r.Findings)).Str("event", "chains_refused").Send()
	case admin.ReloadSwapped:
		f.refused.Store(nil)
		line(f.log.Info()).Str("before", r.Before).Str("revision", r.After).Int("chains", r.Chains).Str("event", "chains_swapped").Send()
	default:
		f.refused.Store(nil)
		if was == nil {
			line(f.log.Debug()).Str("revision", r.After).Str("event", "chains_unchanged").Send()
			return
		}
		line(f.log.Info()).Str("revision", r.After).Str("event", "chains_restored").Send()
	}
	logFindings(f.log, r.Findings)
}

// status is the set that was refused; nil while what is in the folders is in force, or if there is no folder.
func (f *chainFolder) status() *admin.RefusedChains {
	if f == nil {
		return nil
	}
	return f.refused.Load()
}

// reload is what the admin API calls.
func (s *Server) reload(ctx context.Context) (admin.Reload, error) {
	if s.chains == nil {
		return admin.Reload{}, refuse("the chains are built in, and no folder holds profiles: there is nothing to read again")
	}
	return s.chains.reload(ctx)
}
