package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// Options of a demonstration. The zero value of every field but Meters works.
type Options struct {
	Meters int    // from 1
	Seed   uint64 // of the plan

	// Data is the folder to use: a new or an empty one, which is kept. If it is empty, a temporary folder is made, and
	// removed at the end unless Keep is set.
	Data string
	Keep bool

	// Store is the address of a PostgreSQL database; empty for a store in Data. A schema is made there, and dropped at the
	// end unless Data or Keep is set: what the database holds is not touched.
	Store secret.Text

	// Connections is how many meters are connected at once, from 1 to MaxConnections; 0 for the default.
	Connections int

	Version string
	Logger  zerolog.Logger
	// Step is told that a meter has ended a phase: one call at a time, from any goroutine. It must return soon.
	Step func(p Phase, done, total int)
}

const (
	// DefaultMeters is the size of a fleet that takes seconds.
	DefaultMeters = 1000
	// MaxMeters is how many meters have a name and a supply point of their own.
	MaxMeters = 1_000_000
	// MaxConnections keeps well below the limit of open files.
	MaxConnections = 256

	// DefaultConnections keeps the disk busy, and the waiting of one meter for another short.
	DefaultConnections = 32
)

// Suppliers is how many suppliers the meters belong to.
func Suppliers() int { return len(suppliers()) }

// Grids is how many grids the meters belong to.
func Grids() int {
	seen := map[string]bool{}
	for _, m := range markets() {
		seen[m.grid] = true
	}
	return len(seen)
}

// Check says which option cannot be used.
func (o Options) Check() error {
	if o.Meters < 1 || o.Meters > MaxMeters {
		return fmt.Errorf("%d meters are not possible: give 1 to %d", o.Meters, MaxMeters)
	}
	if o.Connections < 0 || o.Connections > MaxConnections {
		return fmt.Errorf("%d connections are not possible: give 1 to %d", o.Connections, MaxConnections)
	}
	return nil
}

// Run demonstrates: it starts a server, lets the fleet live, and compares. An error means that there is no report.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	data, remove, err := folderOf(o)
	if err != nil {
		return nil, err
	}
	report := &Report{Meters: o.Meters, Seed: o.Seed, Attached: []Share{}, Differences: []Difference{}}
	defer func() { err = errors.Join(err, remove()) }()
	kept := o.Keep || o.Data != ""
	if kept {
		report.Data = data
	}
	at, drop, err := ownSchema(o.Store)
	if err != nil {
		return nil, err
	}
	if kept {
		report.Store = settings.ShowStore(at.Reveal())
	} else {
		defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx))) }()
	}
	o.Store = at
	if err := o.serve(ctx, data, report); err != nil {
		return nil, err
	}
	return report, nil
}

// ownSchema is the address of a schema in a database that nobody else has, and how to be rid of it.
func ownSchema(database secret.Text) (_ secret.Text, drop func(context.Context) error, err error) {
	if database.IsZero() {
		return database, func(context.Context) error { return nil }, nil
	}
	u, err := url.Parse(database.Reveal())
	if err != nil {
		return secret.Text{}, nil, errors.New("the address of the database cannot be read") // the error would quote it
	}
	query := u.Query()
	query.Set("search_path", "gridtie_demo_"+strings.ToLower(rand.Text()[:10]))
	u.RawQuery = query.Encode()
	at := secret.NewText(u.String())
	return at, func(ctx context.Context) error { return postgres.Drop(ctx, at.Reveal(), postgres.Options{}) }, nil
}

// folderOf finds the data folder, and how to be rid of it.
func folderOf(o Options) (string, func() error, error) {
	stay := func() error { return nil }
	if o.Data != "" {
		entries, err := os.ReadDir(o.Data)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", nil, fmt.Errorf("opening the data folder: %w", err)
		}
		if len(entries) > 0 {
			return "", nil, fmt.Errorf("the folder %q is not empty: a demonstration fills one of its own", o.Data)
		}
		return o.Data, stay, nil
	}
	data, err := os.MkdirTemp("", "gridtie-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("making a temporary data folder: %w", err)
	}
	if o.Keep {
		return data, stay, nil
	}
	return data, func() error { return os.RemoveAll(data) }, nil
}

// serve runs the server around the fleet. If the server ends first, that is the error.
func (o Options) serve(ctx context.Context, data string, report *Report) error {
	srv, err := server.Open(ctx, server.Options{
		Data: data, Store: o.Store, MQTT: "127.0.0.1:0", Version: o.Version, Logger: o.Logger,
	})
	if err != nil {
		return err
	}
	// The server outlives the fleet, also when ctx ends, so that no meter sees it go.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	live, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	ended := make(chan error, 1)
	go func() {
		err := srv.Run(serving)
		cut(fmt.Errorf("the server ended: %w", cmp.Or(err, errors.New("nobody told it to"))))
		ended <- err
	}()
	err = o.live(live, srv, newPlan(o.Meters, o.Seed), report)
	if err != nil && ctx.Err() == nil && live.Err() != nil {
		err = context.Cause(live)
	}
	stop()
	return errors.Join(err, <-ended)
}

func (o Options) live(ctx context.Context, srv *server.Server, p *plan, report *Report) error {
	if err := setUp(ctx, srv.Registry(), p); err != nil {
		return fmt.Errorf("making suppliers and grids: %w", err)
	}
	key, secret, err := srv.Registry().RevealProfile(ctx, server.FirstProfile)
	if err != nil {
		return err
	}
	from := sources()
	f := &fleet{
		plan: p, server: srv.Addresses()["mqtt"], sources: from, step: o.Step,
		workers: min(cmp.Or(o.Connections, DefaultConnections), o.Meters, len(from)*connectionsPerSource),
		key:     key.Reveal(), secret: secret.Reveal(),
	}
	if f.step == nil {
		f.step = func(Phase, int, int) {}
	}
	if report.Provision, err = f.phase(ctx, Provision, f.provision, p.meters); err != nil {
		return err
	}
	var first, late []*meter
	for _, m := range p.meters {
		if m.late() {
			late = append(late, m)
		} else {
			first = append(first, m)
		}
	}
	if report.Attach, err = f.phase(ctx, Attach, f.attach, first, late); err != nil {
		return err
	}
	report.Suppliers, report.Grids = Suppliers(), Grids()
	return verify(ctx, srv.Registry(), p, report)
}

// phase sends the groups of meters through a part of their life, one group after another.
func (f *fleet) phase(ctx context.Context, phase Phase, live liveFunc, groups ...[]*meter) (Timing, error) {
	total := 0
	for _, meters := range groups {
		total += len(meters)
	}
	count := newCounter(total)
	for _, meters := range groups {
		if err := f.run(ctx, phase, meters, count, live); err != nil {
			return Timing{}, err
		}
	}
	count.ended = time.Now()
	return count.timing(), nil
}
