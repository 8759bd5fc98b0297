package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/supplypoint"
)

const (
	suppliers = 10
	inBatch   = 100 // devices
	fillers   = 4
)

// profile is the one that a new server makes by itself.
const profile = "meters"

// distributors have the supply points in turn; the directory that comes with the product knows them.
func distributors() []string { return []string{"0021", "0022", "0026", "0027", "0031"} }

// supplierKey is the key of a supplier in a folder that nobody but this program uses.
func supplierKey(i int) string { return fmt.Sprintf("made-up-key-%04d", i) }

// filler makes devices.
type filler struct {
	r    *registry.Registry
	keys []string // ids
	next atomic.Int64
}

// fill makes a data folder with n devices, and brings its tables to where they come to rest. It returns the bytes that
// the store then takes on disk.
func fill(ctx context.Context, dir string, n int) (bytes int64, err error) {
	f, err := folder.Open(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	key, err := f.ServerKey("")
	if err != nil {
		return 0, err
	}
	s, err := pebble.Open(f.Store(), pebble.Options{MemTableSize: 128 << 20}) // fewer tables to merge on the way
	if err != nil {
		return 0, err
	}
	if err := errors.Join(fillStore(ctx, s, key, n), s.Close()); err != nil {
		return 0, err
	}
	return onDisk(f.Store())
}

func fillStore(ctx context.Context, s *pebble.Store, key secret.Key, n int) (err error) {
	r, err := registry.Open(ctx, s, registry.Options{ServerKey: key})
	if err != nil {
		return err
	}
	w := &filler{r: r}
	err = w.found(ctx)
	if err == nil {
		err = w.devices(ctx, n)
	}
	// Closing writes the last activity, which belongs to what is compacted.
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	return s.Compact(ctx)
}

// found makes profile and suppliers.
func (w *filler) found(ctx context.Context) error {
	if _, err := w.r.AddProfile(ctx, registry.NewProfile(profile), secret.Text{}); err != nil {
		return err
	}
	for i := range suppliers {
		id := fmt.Sprintf("supplier-%d", i+1)
		if _, err := w.r.AddSupplier(ctx, registry.Supplier{ID: id, Name: "Supplier " + strconv.Itoa(i+1)}); err != nil {
			return err
		}
		k, _, err := w.r.AddKey(ctx, registry.SupplierKey{Supplier: id}, secret.NewText(supplierKey(i)))
		if err != nil {
			return err
		}
		w.keys = append(w.keys, k.ID)
	}
	return nil
}

// devices makes devices 0 to n-1.
func (w *filler) devices(ctx context.Context, n int) error {
	errs := make([]error, fillers)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			for errs[i] == nil {
				from := int(w.next.Add(inBatch)) - inBatch
				if from >= n {
					return
				}
				errs[i] = w.batch(ctx, from, min(from+inBatch, n))
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// batch makes devices from to to-1, and lets them log in once they are there.
func (w *filler) batch(ctx context.Context, from, to int) error {
	in, tx, err := w.r.Begin(ctx, registry.TxOptions{})
	if err != nil {
		return err
	}
	defer tx.Discard()
	tokens := make([]secret.Text, 0, to-from)
	for i := from; i < to; i++ {
		token, err := w.device(in, i)
		if err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
		tokens = append(tokens, token)
	}
	// Nobody waits for the disk here: closing does.
	if _, err := tx.Commit(ctx, registry.Fate{}); err != nil {
		return err
	}
	for _, token := range tokens {
		if _, err := w.r.Authenticate(ctx, registry.Login{UserName: token}); err != nil {
			return err
		}
	}
	return nil
}

// device is the life of one meter, as the shipped chains lead it.
func (w *filler) device(ctx context.Context, i int) (secret.Text, error) {
	p, err := w.r.Provision(ctx, registry.ProvisionRequest{Profile: profile, Name: "meter-" + strconv.Itoa(i)})
	if err != nil {
		return secret.Text{}, err
	}
	at := distributors()
	point := supplypoint.Synthetic(at[i%len(at)], uint64(i))
	supplier := i % suppliers
	now, id := time.Now(), message()
	grid, err := w.r.GridOf(ctx, point)
	if err != nil {
		return secret.Text{}, err
	}
	reported, err := json.Marshal(point.ID())
	if err != nil {
		return secret.Text{}, err
	}
	if err := w.save(ctx, p.Device.ID, registry.ClientScope, "cups", reported); err != nil {
		return secret.Text{}, err
	}
	a, code, err := w.r.Attach(ctx, registry.AttachRequest{
		Device: p.Device.ID, Point: point, Key: w.keys[supplier], Grid: grid.Grid, GridBy: grid.By,
		Evidence: registry.Evidence{
			Message: id, Chain: "attach", Node: "attach", Revision: "6e9e7258fc50", MessageTime: now, ReceivedAt: now,
		},
	})
	if err != nil {
		return secret.Text{}, err
	}
	if code != registry.Attached {
		return secret.Text{}, fmt.Errorf("it was not attached: %s", code)
	}
	told, err := json.Marshal(map[string]string{
		"outcome": string(code), "supplier": fmt.Sprintf("Supplier %d", supplier+1), "grid": grid.Name,
		"since": a.From.Format(time.RFC3339), "message": id,
	})
	if err != nil {
		return secret.Text{}, err
	}
	return p.Credentials.Token, w.save(ctx, p.Device.ID, registry.SharedScope, "attachment", told)
}

func (w *filler) save(ctx context.Context, device string, s registry.AttributeScope, key string, value []byte) error {
	_, err := w.r.SaveAttributes(ctx, device, s, []registry.Attribute{{Key: key, Value: value}})
	return err
}

// message is an id such as intake gives.
func message() string { return uuid.Must(uuid.NewV7()).String() }

// onDisk returns what the tables in a folder take, in whole blocks, as du counts it. The log is not counted: it is empty
// after an orderly end, though its files are still there with what was reserved for them.
func onDisk(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(d.Name()) == ".log" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			bytes += st.Blocks * 512
		}
		return nil
	})
	return bytes, err
}
