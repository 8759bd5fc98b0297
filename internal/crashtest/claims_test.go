package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/supplypoint"
)

// crowd is how many want the same at the same moment.
const crowd = 100

// house is a server on a data folder, with sockets and the shipped chains.
type house struct {
	t *testing.T
	*server.Server
	crashtest.World
	address string
}

func serve(t *testing.T) *house {
	t.Helper()
	s, err := server.Open(t.Context(), server.Options{Data: t.TempDir(), MQTT: "127.0.0.1:0", Logger: zerolog.Nop()})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		for _, err := range s.Registry().Check(context.Background()) {
			t.Errorf("inconsistent: %v", err)
		}
		stop()
		must(t, <-ran)
	})
	w, err := crashtest.Furnish(t.Context(), s.Registry())
	must(t, err)
	return &house{t: t, Server: s, World: w, address: s.Addresses()["mqtt"]}
}

// meter provisions a device over a socket and connects it.
func (h *house) meter(name string) *crashtest.Client {
	h.t.Helper()
	given, err := h.Provision(h.address, name, registry.Credentials{})
	must(h.t, err)
	c, err := crashtest.Dial(h.address, registry.Login{UserName: given.Token, HasUserName: true})
	must(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func claim(key string, n int) []byte {
	return fmt.Appendf(nil, `{supplierKey: %s, CUPS: %s}`, key, supplypoint.Synthetic("0021", uint64(n)).ID())
}

// codes counts the outcomes of devices by code, as `gridtie outcomes list` shows them.
func codes(t *testing.T, r *registry.Registry, devices ...string) map[registry.Code]int {
	t.Helper()
	counts := map[registry.Code]int{}
	for _, name := range devices {
		d, err := r.DeviceByName(t.Context(), name)
		must(t, err)
		list, _, err := r.Outcomes(t.Context(), registry.OutcomeFilter{Device: d.ID}, registry.Page{Limit: 1000})
		must(t, err)
		for _, o := range list {
			counts[o.Code]++
		}
	}
	return counts
}

func wantCodes(t *testing.T, got, want map[registry.Code]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("outcomes: got %v, want %v", got, want)
	}
}

func TestOneSessionSendsManyAtOnce(t *testing.T) {
	t.Parallel()
	h := serve(t)
	var payloads [][]byte
	for range crowd {
		payloads = append(payloads, claim("alba-key", 1))
	}
	acked := 0
	must(t, h.meter("meter-1").Post(payloads, func(int) { acked++ }))
	if acked != crowd {
		t.Errorf("%d messages were acknowledged, want %d", acked, crowd)
	}
	wantCodes(t, codes(t, h.Registry(), "meter-1"), map[registry.Code]int{registry.Attached: 1, registry.AlreadyAttached: crowd - 1})
}

func TestTwoDevicesClaimOnePointAtOnce(t *testing.T) {
	t.Parallel()
	h := serve(t)
	for pair := range 20 {
		a, b := fmt.Sprintf("a-%d", pair), fmt.Sprintf("b-%d", pair)
		start := make(chan struct{})
		var both sync.WaitGroup
		for _, name := range []string{a, b} {
			c := h.meter(name)
			both.Go(func() {
				<-start
				if err := c.Post([][]byte{claim("alba-key", pair)}, func(int) {}); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		both.Wait()
		wantCodes(t, codes(t, h.Registry(), a, b), map[registry.Code]int{registry.Attached: 1, registry.Held: 1})
	}
}

func TestKeyPastItsEnd(t *testing.T) {
	t.Parallel()
	h := serve(t)
	now := time.Now()
	for _, k := range []struct {
		text     string
		from, to time.Time
	}{
		{"past", now.AddDate(-1, 0, 0), now.Add(-time.Millisecond)},
		{"lasting", now.AddDate(-1, 0, 0), now.Add(time.Hour)},
	} {
		_, _, err := h.Registry().AddKey(t.Context(),
			registry.SupplierKey{Supplier: "alba", NotBefore: k.from, NotAfter: k.to}, secret.NewText(k.text))
		must(t, err)
	}
	c := h.meter("meter-1")
	must(t, c.Post([][]byte{claim("past", 1)}, func(int) {}))
	wantCodes(t, codes(t, h.Registry(), "meter-1"), map[registry.Code]int{registry.KeyExpired: 1})
	must(t, c.Post([][]byte{claim("lasting", 1)}, func(int) {}))
	wantCodes(t, codes(t, h.Registry(), "meter-1"), map[registry.Code]int{registry.KeyExpired: 1, registry.Attached: 1})
}

// TestManyAttachOneMeterAtOnce goes past the engine and its lanes, so that all of them really meet.
func TestManyAttachOneMeterAtOnce(t *testing.T) {
	t.Parallel()
	st, err := pebble.Open("registry", pebble.Options{FS: vfs.NewMem()})
	must(t, err)
	r, err := registry.Open(t.Context(), st, registry.Options{ServerKey: secret.NewKey(), Lazy: -1})
	must(t, err)
	t.Cleanup(func() {
		for _, err := range r.Check(context.Background()) {
			t.Errorf("inconsistent: %v", err)
		}
		must(t, errors.Join(r.Close(), st.Close()))
	})
	_, err = r.AddProfile(t.Context(), registry.NewProfile("meters"), secret.Text{})
	must(t, err)
	d, _, err := r.AddDevice(t.Context(), registry.Device{Name: "meter-1", Profile: "meters"}, registry.Credentials{})
	must(t, err)
	_, err = r.AddSupplier(t.Context(), registry.Supplier{ID: "alba", Name: "Alba"})
	must(t, err)
	key, _, err := r.AddKey(t.Context(), registry.SupplierKey{Supplier: "alba"}, secret.NewText("alba-key"))
	must(t, err)

	start := make(chan struct{})
	var all sync.WaitGroup
	for n := range crowd {
		all.Go(func() {
			<-start
			if err := attach(t.Context(), r, d.ID, key.ID, n); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	all.Wait()
	wantCodes(t, codes(t, r, "meter-1"), map[registry.Code]int{registry.Attached: 1, registry.AlreadyAttached: crowd - 1})
}

// attach is what a run does: an attachment and its outcome in one transaction, repeated when it meets another.
func attach(ctx context.Context, r *registry.Registry, device, key string, n int) error {
	for attempt := 1; ; attempt++ {
		in, tx, err := r.Begin(ctx, registry.TxOptions{Alone: attempt > 3})
		if err != nil {
			return err
		}
		_, code, err := r.Attach(in, registry.AttachRequest{
			Device: device, Point: supplypoint.Synthetic("0021", 1), Supplier: "alba", Key: key, Grid: "0021",
		})
		if err != nil {
			tx.Discard()
			return err
		}
		synced, err := tx.Commit(in, registry.Fate{
			Outcome: &registry.Outcome{Device: device, Code: code, Message: fmt.Sprint("message-", n)},
		})
		switch {
		case errors.Is(err, registry.ErrConflict):
			continue
		case err != nil:
			return err
		}
		return synced(ctx)
	}
}
