package crashtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// WriteChains writes Chains into a folder, for a process.
func WriteChains(dir string) error {
	for _, f := range Chains() {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Name)), f.Text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// InFolder opens a data folder in which no process runs.
func InFolder(path string, use func(store.Store, secret.Key) error) (err error) {
	return InDatabase(path, "", use)
}

// InDatabase opens a store in a database and the data folder that belongs to it; without an address, the store in the
// folder.
func InDatabase(path, address string, use func(store.Store, secret.Key) error) (err error) {
	f, err := folder.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	key, err := f.ServerKey("")
	if err != nil {
		return err
	}
	st, err := openStore(f, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return use(st, key)
}

func openStore(f *folder.Folder, address string) (store.Store, error) {
	if address == "" {
		return pebble.Open(f.Store(), pebble.Options{})
	}
	return postgres.Open(context.Background(), address, postgres.Options{})
}

// FurnishStore makes and furnishes the registry in an empty store; stored makes the meters' messages acknowledged when they are
// stored.
func FurnishStore(ctx context.Context, st store.Store, key secret.Key, stored bool) (w World, err error) {
	core, err := server.NewCore(ctx, st, key, server.CoreOptions{})
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, core.Close(ctx)) }()
	if stored {
		if err := AcknowledgeStored(ctx, core.Registry); err != nil {
			return w, err
		}
	}
	return Furnish(ctx, core.Registry)
}
