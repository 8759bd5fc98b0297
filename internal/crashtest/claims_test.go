package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
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

// TestAttachAtOnce goes past the engine and its lanes. All have decided before the first is applied, so that all but one
// are certain to meet a conflict.
func TestAttachAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		devices int
		each    int // attachments of a device
		want    map[registry.Code]int
	}{
		{"one meter, many times", 1, crowd, map[registry.Code]int{registry.Attached: 1, registry.AlreadyAttached: crowd - 1}},
		{"two meters, one supply point", 2, 1, map[registry.Code]int{registry.Attached: 1, registry.Held: 1}},
		{"many meters, one supply point", crowd, 1, map[registry.Code]int{registry.Attached: 1, registry.Held: crowd - 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			core, _, w := bare(t, nil)
			r := core.Registry
			keys, err := r.Keys(t.Context(), "alba")
			must(t, err)
			var all, decided sync.WaitGroup
			decided.Add(c.devices * c.each)
			var names []string
			for i := range c.devices {
				_, err := w.Join(t.Context(), core.Devices, i)
				must(t, err)
				names = append(names, fmt.Sprintf("meter-%05d", i))
				id := device(t, r, names[i]).ID
				for n := range c.each {
					all.Go(func() {
						if err := attach(t.Context(), r, id, keys[0].ID, n, &decided); err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			wantCodes(t, codes(t, r, names...), c.want)
			for _, err := range r.Check(t.Context()) {
				t.Errorf("inconsistent: %v", err)
			}
		})
	}
}

// attach is what a run does: an attachment and its outcome in one transaction, repeated when it meets another. The first
// attempt waits until all others have decided, too.
func attach(ctx context.Context, r *registry.Registry, device, key string, n int, decided *sync.WaitGroup) error {
	for attempt := 1; ; attempt++ {
		in, tx, err := r.Begin(ctx, registry.TxOptions{Alone: attempt > 3})
		if err != nil {
			return err
		}
		_, code, err := r.Attach(in, registry.AttachRequest{
			Device: device, Point: supplypoint.Synthetic("0021", 1), Supplier: "alba", Key: key, Grid: "0021",
		})
		if attempt == 1 {
			decided.Done()
			decided.Wait()
		}
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
