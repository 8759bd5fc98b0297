package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

// watched tells when a key with that beginning is written.
type watched struct {
	store.Store
	prefix string
	seen   chan struct{}
}

func (w watched) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	lsn, err := w.Store.Apply(ctx, b)
	for _, put := range b.Puts {
		if err == nil && bytes.HasPrefix(put.Key, []byte(w.prefix)) {
			select {
			case w.seen <- struct{}{}:
			default:
			}
		}
	}
	return lsn, err
}

func TestActivityIsWrittenByItself(t *testing.T) {
	t.Parallel()
	s := openStore(t, vfs.NewMem())
	w := watched{s, "activity", make(chan struct{}, 1)}
	r, err := registry.Open(t.Context(), w, registry.Options{ServerKey: secret.NewKey(), Lazy: time.Millisecond})
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	login(t, b, must[registry.Provisioned](t)(r.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters"})))
	<-w.seen
	consistent(t, r)
	ok(t, r.Close())
	ok(t, r.Close())
	ok(t, s.Close())
}

func TestCloseWritesWhatWaits(t *testing.T) {
	t.Parallel()
	fs, o := vfs.NewMem(), registry.Options{ServerKey: secret.NewKey(), Clock: newClock().Now, Lazy: -1}
	s := openStore(t, fs)
	r, err := registry.Open(t.Context(), s, o)
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	login(t, b, must[registry.Provisioned](t)(r.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters", Name: "m"})))
	for _, f := range []registry.Fate{
		{Emit: []registry.PendingRow{row(1, "1"), row(2, "2")}}, {Consumed: registry.Consumed{Sequence: 1, Last: true}},
	} {
		ctx, tx := begin(t, b, registry.TxOptions{})
		commit(t, ctx, tx, f)
	}
	ok(t, r.Close())
	ok(t, s.Close())

	s = openStore(t, fs)
	r, err = registry.Open(t.Context(), s, o)
	ok(t, err)
	if d := must[registry.Device](t)(r.DeviceByName(t.Context(), "m")); !d.LastUsed.Equal(start) {
		t.Errorf("last used: got %v, want %v", d.LastUsed, start)
	}
	if rows := must[[]registry.PendingRow](t)(r.Pending(t.Context())); len(rows) != 1 || rows[0].Sequence != 2 {
		t.Errorf("pending: got %+v, want row 2", rows)
	}
	consistent(t, r)
	ok(t, r.Close())
	ok(t, s.Close())
}

// TestHooksKeepTheOrder lets several goroutines change one attribute: who listens must end with what is stored.
func TestHooksKeepTheOrder(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	const writers, writes = 4, 50
	heard := make(chan string, writers*writes)
	b.OnSharedChange(func(c registry.SharedChange) { heard <- string(c.Updated[0].Value) })
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range writes {
				_, err := b.SaveAttributes(t.Context(), d.ID, registry.SharedScope, []registry.Attribute{
					{Key: "k", Value: json.RawMessage(fmt.Sprint(w*writes + n))},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	last := ""
	for range writers * writes {
		last = <-heard
	}
	stored := must[[]registry.Attribute](t)(b.Attributes(t.Context(), d.ID, registry.SharedScope, "k"))
	if len(stored) != 1 || string(stored[0].Value) != last {
		t.Errorf("heard %s last, stored is %v", last, stored)
	}
}
