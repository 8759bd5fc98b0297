package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	pebblefs "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// Local is the admin API over a registry that no server has open. No messages run.
type Local struct {
	handler http.Handler
	closers []func() error
}

// localPatience is how long a command waits for a database that went away after it was opened.
const localPatience = 30 * time.Second

// OpenLocal opens the folder o.Data, which must not be in use (folder.ErrLocked).
func OpenLocal(ctx context.Context, o Options) (_ *Local, err error) {
	l := &Local{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	f, err := folder.Open(o.Data)
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, f.Close)
	st, key, err := openStore(ctx, f, o)
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, st.Close)
	if remote, ok := st.(store.Remote); ok { // a command is for somebody who waits
		hurry := time.AfterFunc(localPatience, remote.GiveUp)
		l.closers = append(l.closers, func() error {
			hurry.Stop()
			return nil
		})
	}
	err = l.open(ctx, st, key, o)
	return l, err
}

// OpenEmpty opens an empty registry in memory, in which a message can be tried.
func OpenEmpty(ctx context.Context, o Options) (_ *Local, err error) {
	l := &Local{}
	o.Profiles = "" // so that there is one
	st, err := pebble.Open("memory", pebble.Options{FS: pebblefs.NewMem()})
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, st.Close)
	if err := l.open(ctx, st, secret.NewKey(), o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Local) open(ctx context.Context, st store.Store, key secret.Key, o Options) error {
	r, err := registry.Open(ctx, st, registry.Options{ServerKey: key, Clock: o.Clock, Logger: o.Logger})
	if err != nil {
		return err
	}
	l.closers = append(l.closers, r.Close)
	if o.Profiles == "" { // else the files say which there are, once a server reads them
		if err := makeFirstProfile(ctx, r); err != nil {
			return err
		}
	}
	c := &Core{Registry: r, Intake: intake.New(intake.Options{Digest: r.KeyDigest}), now: o.now}
	files, err := ChainSet(o.Chains)
	if err != nil {
		files = chains.Files() // what is wrong with a folder of chains is for check to say
	}
	c.set.Store(&chainSet{FileSet: FileSet{Chains: files}})
	if c.catalog, err = catalogOver(r, devices.NewCalls(r), key); err != nil {
		return err
	}
	l.handler = refuseWhileFull(st, admin.Handler(admin.Options{
		Registry: r, Version: o.Version, Data: o.Data, Clock: o.Clock, Try: c.try, Logger: o.Logger,
	}))
	return nil
}

// Handler serves the admin API.
func (l *Local) Handler() http.Handler { return l.handler }

// Close closes what was opened, backwards.
func (l *Local) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	l.closers = nil
	return errors.Join(errs...)
}
