package server

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
)

// chainFolder keeps the chain set in force the one in a folder, as far as that one is good.
type chainFolder struct {
	dir     string
	core    *Core
	log     zerolog.Logger
	results *prometheus.CounterVec
	watch   folderWatch
	refused atomic.Pointer[admin.RefusedChains] // nil while what is in the folder is in force

	judging sync.Mutex // one reading with its verdict at a time; protects what follows
	last    reading    // that had a verdict
}

// reading is what a folder held, or why it could not be read.
type reading struct {
	files []engine.File
	err   error
}

func (r reading) same(o reading) bool {
	if r.err != nil || o.err != nil {
		return r.err != nil && o.err != nil && r.err.Error() == o.err.Error()
	}
	return slices.EqualFunc(r.files, o.files, func(a, b engine.File) bool { return a.Name == b.Name && bytes.Equal(a.Text, b.Text) })
}

func newChainFolder(core *Core, files []engine.File, results *prometheus.CounterVec, o Options) *chainFolder {
	return &chainFolder{
		dir: o.Chains, core: core, log: o.Logger, results: results, last: reading{files: files},
		watch: folderWatch{dir: o.Chains, settle: o.ChainsSettle, poll: o.ChainsPoll, log: o.Logger},
	}
}

// keep follows the folder until ctx ends.
func (f *chainFolder) keep(ctx context.Context) error {
	f.watch.run(ctx, func() { f.look(ctx) })
	return nil
}

// look reads the folder, and judges what it holds if that is not what was judged last.
func (f *chainFolder) look(ctx context.Context) {
	f.judging.Lock()
	defer f.judging.Unlock()
	if now := f.read(); !now.same(f.last) {
		_, _ = f.judge(ctx, now) // judge logs
	}
}

// reload reads and judges the folder whatever was judged last.
func (f *chainFolder) reload(ctx context.Context) (admin.Reload, error) {
	f.judging.Lock()
	defer f.judging.Unlock()
	return f.judge(ctx, f.read())
}

// rereads of a folder that changes while it is read.
const rereads = 5

// read returns what the folder holds at one moment: files of two revisions together would be a set that nobody wrote.
func (f *chainFolder) read() (r reading) {
	before := stampOf(f.dir)
	for range rereads {
		r.files, r.err = ReadChains(f.dir)
		after := stampOf(f.dir)
		if before.equal(after) {
			break
		}
		before = after
	}
	return r
}

func (f *chainFolder) judge(ctx context.Context, now reading) (r admin.Reload, err error) {
	if now.err != nil {
		revision := f.core.Engine.Chain().Revision()
		r = admin.Reload{Result: admin.ReloadRefused, Before: revision, After: revision, Findings: engine.Findings{{
			File: f.dir, Severity: engine.SeverityError, Code: "unreadable", Message: now.err.Error(),
			Hint: "put the chain files back; until then the chains in force stay",
		}}}
	} else if r, err = f.use(ctx, now.files); err != nil {
		f.log.Error().Err(err).Str("revision", r.Before).Str("event", "chains_reload_failed").Send()
		return r, err
	}
	r.From = f.dir
	f.last = now
	f.results.WithLabelValues(r.Result).Inc()
	f.tell(r)
	return r, nil
}

// use is UseChains, but for a fault in compiling, which must not end a server that meters are connected to.
func (f *chainFolder) use(ctx context.Context, files []engine.File) (r admin.Reload, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f.core.UseChains(ctx, files)
}

func (f *chainFolder) tell(r admin.Reload) {
	was := f.refused.Load()
	switch r.Result {
	case admin.ReloadRefused:
		f.refused.Store(&admin.RefusedChains{Since: f.core.now().UTC(), Findings: r.Findings})
		f.log.Error().Str("from", f.dir).Str("revision", r.After).Int("findings", len(r.Findings)).Str("event", "chains_refused").Send()
	case admin.ReloadSwapped:
		f.refused.Store(nil)
		f.log.Info().Str("from", f.dir).Str("before", r.Before).Str("revision", r.After).Int("chains", r.Chains).Str("event", "chains_swapped").Send()
	default:
		f.refused.Store(nil)
		if was == nil {
			f.log.Debug().Str("from", f.dir).Str("revision", r.After).Str("event", "chains_unchanged").Send()
			return
		}
		f.log.Info().Str("from", f.dir).Str("revision", r.After).Str("event", "chains_restored").Send()
	}
	logFindings(f.log, r.Findings)
}

// status is the set that was refused; nil while what is in the folder is in force, or if there is no folder.
func (f *chainFolder) status() *admin.RefusedChains {
	if f == nil {
		return nil
	}
	return f.refused.Load()
}

// reload is what the admin API calls.
func (s *Server) reload(ctx context.Context) (admin.Reload, error) {
	if s.chains == nil {
		return admin.Reload{}, refuse("the chains are built in: there is no folder to read again")
	}
	return s.chains.reload(ctx)
}
