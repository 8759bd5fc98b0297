package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/nodes"
	"github.com/gridtie/gridtie/nodes/action"
	"github.com/gridtie/gridtie/nodes/enrich"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/rate"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/supplypoint"
)

// What the nodes need, the registry has.
var (
	_ match.Suppliers        = (*registry.Registry)(nil)
	_ nodes.Grids            = (*registry.Registry)(nil)
	_ enrich.Reader          = (*registry.Registry)(nil)
	_ enrich.Devices         = (*registry.Registry)(nil)
	_ action.Attacher        = (*registry.Registry)(nil)
	_ action.AttributeSaver  = (*registry.Registry)(nil)
	_ action.TimeseriesSaver = (*registry.Registry)(nil)
	_ devices.Registry       = (*registry.Registry)(nil)
	_ devices.Engine         = chainsInTurn{}
	_ action.Calls           = (*devices.Calls)(nil)
)

// CoreOptions of a Core. The zero value works: the shipped chains, no log, the real clock.
type CoreOptions struct {
	Chains   []engine.File    // nil for the shipped set
	From     string           // what the chains are called in errors; empty for the shipped set
	Profiles *profilefile.Set // from files; nil for none
	Clock    func() time.Time
	Logger   zerolog.Logger
	Observer devices.Observer
	Engine   engine.Options // limits only: Begin, Logger, Now and Redact are set here
	// Lazy is how often activity is written; 0 for the registry's default, negative for never by itself.
	Lazy        time.Duration
	MaxDevices  int        // that there may be; 0 for any number
	AddressRate rate.Limit // of messages from one address; empty for any number
	// Wrap stands around each transaction, for tests that watch or disturb; nil for none.
	Wrap func(engine.BeginFunc) engine.BeginFunc
}

// Core is registry, engine and devices over a store: everything but folder and sockets.
type Core struct {
	Registry *registry.Registry
	Engine   *engine.Engine
	Devices  *devices.Service
	Intake   *intake.Intake
	catalog  *engine.Catalog
	now      func() time.Time
	log      zerolog.Logger
	set      atomic.Pointer[chainSet] // in force

	swapping sync.Mutex // one change of the chain set at a time; protects what follows
	ended    bool       // the engine drains, and takes no other set
}

// NewCore opens the registry in st, compiles the chains, takes the profiles of files, makes the first profile if no files
// are to say which there are and there is none, and queues what a former process left undone. The store stays the caller's to
// close, after Close.
func NewCore(ctx context.Context, st store.Store, key secret.Key, o CoreOptions) (*Core, error) {
	if o.Chains == nil {
		o.Chains, o.From = chains.Files(), builtIn
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	r, err := registry.Open(ctx, st, registry.Options{
		ServerKey: key, Clock: o.Clock, Logger: o.Logger, Lazy: o.Lazy, Devices: o.MaxDevices,
	})
	if err != nil {
		return nil, err
	}
	c := &Core{Registry: r, Intake: intake.New(intake.Options{Digest: r.KeyDigest}), now: o.Clock, log: o.Logger}
	if err := c.assemble(ctx, key, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return c, nil
}

// makeFirstProfile makes one where there is none.
func makeFirstProfile(ctx context.Context, r *registry.Registry) error {
	profiles, err := r.Profiles(ctx)
	if err == nil && len(profiles) == 0 {
		_, err = r.AddProfile(ctx, registry.NewProfile(FirstProfile), secret.Text{})
	}
	if err != nil {
		return fmt.Errorf("making the first profile: %w", err)
	}
	return nil
}

func (c *Core) assemble(ctx context.Context, key secret.Key, o CoreOptions) error {
	var err error
	calls := devices.NewCalls(c.Registry)
	if c.catalog, err = catalogOver(c.Registry, calls, key); err != nil {
		return err
	}
	set := FileSet{Chains: o.Chains, Profiles: o.Profiles}
	chain, findings, err := c.compile(ctx, set)
	if err != nil {
		return err
	}
	now := o.Clock()
	c.set.Store(&chainSet{FileSet: set, since: now, profilesSince: now})
	_, findings, err = c.put(ctx, set, chain, findings, func(bool) error { return nil })
	if err != nil {
		return err
	}
	if findings.HasErrors() {
		wrong := &ChainsError{From: o.From, Findings: findings}
		if o.Profiles != nil {
			wrong.Profiles = o.Profiles.Folder
		}
		return wrong
	}
	logFindings(o.Logger, findings)
	if o.Profiles == nil {
		if err := makeFirstProfile(ctx, c.Registry); err != nil {
			return errors.Join(err, chain.Close())
		}
	}
	rows, err := c.pending(ctx)
	if err != nil {
		return errors.Join(err, chain.Close())
	}
	opts := o.Engine
	opts.Begin, opts.Logger, opts.Now, opts.Redact = begin(c.Registry, o.Clock), o.Logger, o.Clock, supplypoint.MaskIn
	if o.Wrap != nil {
		opts.Begin = o.Wrap(opts.Begin)
	}
	c.Engine = engine.New(chain, opts)
	c.Devices = devices.New(devices.Options{
		Registry: c.Registry, Engine: chainsInTurn{c}, Intake: c.Intake, Now: o.Clock, Logger: o.Logger, Observer: o.Observer,
		Calls: calls, Limits: devices.Limits{ProvisionChain: chains.Provision, AddressRate: o.AddressRate},
	})
	c.Engine.Resume(rows)
	c.Devices.Resume()
	return nil
}

// catalogOver is the standard catalog with the registry behind it. The key is the server's: what is derived from it
// stays the same as long as the installation does.
func catalogOver(r *registry.Registry, calls action.Calls, key secret.Key) (*engine.Catalog, error) {
	provisioner := devices.NewProvisioner(r)
	return nodes.Standard(nodes.Services{
		Suppliers: r, Grids: r, Reader: r, Devices: r, Attacher: r, Attributes: r, Timeseries: r,
		Provisioner: provisioner, Refuser: provisioner, Calls: calls, FingerprintKey: key.Derive("supply point fingerprint"),
	})
}

func (c *Core) pending(ctx context.Context) ([]engine.Pending, error) {
	rows, err := c.Registry.Pending(ctx)
	if err != nil {
		return nil, err
	}
	pending := make([]engine.Pending, len(rows))
	for i, row := range rows {
		if pending[i], err = pendingOf(row); err != nil {
			return nil, err
		}
	}
	return pending, nil
}

// Close lets the messages inside end, until ctx does, writes what was to be written lazily, and closes the registry. It
// errs if messages were still under way when ctx ended: those were abandoned, unacknowledged.
func (c *Core) Close(ctx context.Context) error {
	return errors.Join(c.drain(ctx), c.Registry.Close())
}

// drain lets the messages inside end, on the chain sets that they are on, and then what is on its way to devices.
func (c *Core) drain(ctx context.Context) error {
	c.swapping.Lock()
	c.ended = true
	c.swapping.Unlock()
	err := c.Engine.Drain(ctx)
	c.Devices.Close()
	return err
}
