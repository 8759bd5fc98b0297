package server_test

import (
	"bytes"
	"context"
	"net/netip"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// storedWorld is a core over a disk in memory, with a supplier, a meter and a profile that acknowledges what is stored.
type storedWorld struct {
	*server.Core
	store   store.Store
	session *devices.Session
}

const storedKey = "a-key-that-nobody-may-see"

func openStored(t *testing.T, disk vfs.FS, key secret.Key, wrap func(engine.BeginFunc) engine.BeginFunc) *storedWorld {
	t.Helper()
	st, err := pebble.Open("registry", pebble.Options{FS: disk})
	must(t, err)
	core, err := server.NewCore(t.Context(), st, key, server.CoreOptions{Lazy: -1, Wrap: wrap})
	must(t, err)
	return &storedWorld{Core: core, store: st}
}

func (w *storedWorld) furnish(t *testing.T) {
	t.Helper()
	_, err := w.Registry.AddSupplier(t.Context(), registry.Supplier{ID: "acme", Name: "Acme"})
	must(t, err)
	_, _, err = w.Registry.AddKey(t.Context(), registry.SupplierKey{Supplier: "acme"}, secret.NewText(storedKey))
	must(t, err)
	_, err = w.Registry.ChangeProfile(t.Context(), server.FirstProfile, func(p *registry.Profile) { p.Ack = registry.AckStored })
	must(t, err)
	_, _, err = w.Registry.AddDevice(t.Context(), registry.Device{Name: "meter", Profile: server.FirstProfile},
		registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("T")})
	must(t, err)
	w.session, err = w.Devices.AuthenticateToken(t.Context(), netip.Addr{}, secret.NewText("T"))
	must(t, err)
}

// contents are all rows of the store, those of a table counted.
func (w *storedWorld) contents(t *testing.T, table string) (all []byte, rows int) {
	t.Helper()
	_, err := w.store.View(t.Context(), func(r store.Reader) error {
		for row, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			if bytes.HasPrefix(row.Key, append([]byte(table), 0)) {
				rows++
			}
			all = append(append(all, row.Key...), row.Value...)
		}
		return nil
	})
	must(t, err)
	return all, rows
}

// stuck holds back every run until the end of the process, not what is stored.
func stuck(release chan struct{}) func(engine.BeginFunc) engine.BeginFunc {
	return func(begin engine.BeginFunc) engine.BeginFunc {
		return func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			ctx, tx, err := begin(ctx, m)
			return ctx, stuckTx{tx, release}, err
		}
	}
}

type stuckTx struct {
	engine.Tx
	release chan struct{}
}

func (s stuckTx) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	if f.State != engine.Stored {
		<-s.release
		return nil, context.Canceled
	}
	return s.Tx.Commit(ctx, f)
}

// TestStoredIsAcknowledgedAndRunLater: a message of a profile with "ack": "stored" is acknowledged when it is a row, an array
// of telemetry when it is one row; the supplier's key is in none; the next start runs them in their order.
func TestStoredIsAcknowledgedAndRunLater(t *testing.T) {
	t.Parallel()
	disk, key, release := vfs.NewMem(), secret.NewKey(), make(chan struct{})
	w := openStored(t, disk, key, stuck(release))
	w.furnish(t)
	_, before := w.contents(t, "pending")
	fates := make(chan engine.Fate, 3)
	tell := func(f engine.Fate) { fates <- f }
	must(t, w.session.PostAttributes(t.Context(), []byte(`{"supplierKey":"`+storedKey+`","CUPS":"ES0021000000000001RK"}`), tell))
	must(t, w.session.PostTelemetry(t.Context(), []byte(`[{"ts":1,"values":{"v":1}},{"ts":2,"values":{"v":2}},{"ts":3,"values":{"v":3}}]`), tell))
	must(t, w.session.PostAttributes(t.Context(), []byte(`{"supplierKey":"wrong","CUPS":"ES0021000000000001RK"}`), tell))
	for range 3 {
		if f := <-fates; f.State != engine.Stored {
			t.Fatalf("got %s, %v; want it stored", f.State, f.Cause)
		}
	}
	all, rows := w.contents(t, "pending")
	if rows-before != 3 {
		t.Errorf("got %d rows, want one for each post", rows-before)
	}
	if bytes.Contains(all, []byte(storedKey)) {
		t.Error("the supplier's key is in the store")
	}
	if outcomes, _, err := w.Registry.Outcomes(t.Context(), registry.OutcomeFilter{Code: registry.Attached}, registry.Page{Limit: 10}); err != nil || len(outcomes) > 0 {
		t.Errorf("before the run: got %d outcomes, %v", len(outcomes), err)
	}
	close(release) // the process dies: nothing that was run comes to be
	must(t, w.Close(t.Context()))
	must(t, w.store.Close())

	w = openStored(t, disk, key, nil)
	if n := w.Engine.Counts().In; n < 5 {
		t.Errorf("%d messages were taken up, want 5", n)
	}
	must(t, w.Engine.Drain(t.Context()))
	outcomes, _, err := w.Registry.Outcomes(t.Context(), registry.OutcomeFilter{}, registry.Page{Limit: 10})
	must(t, err)
	var codes []registry.Code
	for _, o := range outcomes {
		codes = append([]registry.Code{o.Code}, codes...)
	}
	if len(codes) != 2 || codes[0] != registry.Attached || codes[1] != registry.KeyUnknown {
		t.Errorf("outcomes: got %v, want %s, then %s", codes, registry.Attached, registry.KeyUnknown)
	}
	if _, rows := w.contents(t, "pending"); rows != 0 {
		t.Logf("%d rows wait for the next batch to be deleted", rows)
	}
	must(t, w.Close(t.Context()))
	must(t, w.store.Close())
}

// TestStoringOnAFullDisk: nothing is acknowledged while there is no room; then it is, or the server stops without it.
func TestStoringOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, room := range []bool{true, false} {
		disk := newSized()
		s := start(t, server.Options{FS: disk})
		disk.free.Store(10 << 20)
		eventually(t, "it is not ready", func() bool { return !s.Status().Ready })
		fates := make(chan engine.Fate, 1)
		must(t, s.Engine().Store(t.Context(), []*engine.Message{attributes("m1", "nobody")}, func(f engine.Fate) { fates <- f }))
		want := engine.Abandoned
		if room {
			disk.free.Store(500 << 20)
			want = engine.Stored
		} else {
			must(t, s.stop())
		}
		if f := <-fates; f.State != want {
			t.Errorf("room %t: got %s, %v; want it %s", room, f.State, f.Cause, want)
		}
		must(t, s.stop())
	}
}

// BenchmarkAck compares what a meter waits for: the fate of its message, or the message on the disk.
func BenchmarkAck(b *testing.B) {
	for _, ack := range []string{registry.AckDone, registry.AckStored} {
		b.Run(ack, func(b *testing.B) {
			st, err := pebble.Open(b.TempDir(), pebble.Options{})
			if err != nil {
				b.Fatal(err)
			}
			core, err := server.NewCore(b.Context(), st, secret.NewKey(), server.CoreOptions{Lazy: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = core.Close(context.Background()); _ = st.Close() }()
			if _, err := core.Registry.ChangeProfile(b.Context(), server.FirstProfile, func(p *registry.Profile) { p.Ack = ack }); err != nil {
				b.Fatal(err)
			}
			if _, _, err := core.Registry.AddDevice(b.Context(), registry.Device{Name: "meter", Profile: server.FirstProfile},
				registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("T")}); err != nil {
				b.Fatal(err)
			}
			session, err := core.Devices.AuthenticateToken(b.Context(), netip.Addr{}, secret.NewText("T"))
			if err != nil {
				b.Fatal(err)
			}
			told := make(chan engine.Fate, 1)
			for b.Loop() { // one after another: the time of one acknowledgement
				if err := session.PostAttributes(b.Context(), []byte(`{"supplierKey":"x","CUPS":"ES0021000000000001RK"}`), func(f engine.Fate) { told <- f }); err != nil {
					b.Fatal(err)
				}
				if f := <-told; f.State == engine.Abandoned {
					b.Fatal(f.Cause)
				}
			}
		})
	}
}
