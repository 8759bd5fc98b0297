package chains_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/nodes"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/supplypoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 21, 9, 14, 3, 0, time.UTC)

// bench is the shipped chain set on an engine and a registry in memory, with supplier Alba (key "alba-key"), profile
// meters and a clock that stands still unless moved.
type bench struct {
	*registry.Registry
	t      *testing.T
	engine *engine.Engine

	mu  sync.Mutex
	now time.Time
	n   int // messages made
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: start}
	s, err := pebble.Open("registry", pebble.Options{FS: vfs.NewMem()})
	b.ok(err)
	b.Registry, err = registry.Open(t.Context(), s, registry.Options{ServerKey: secret.NewKey(), Clock: b.clock, Lazy: -1})
	b.ok(err)
	desk := desk{b.Registry}
	catalog, err := nodes.Standard(nodes.Services{
		Suppliers: b, Grids: b, Reader: b, Devices: b, Attacher: b, Attributes: b, Timeseries: b, Provisioner: desk, Refuser: desk,
	})
	b.ok(err)
	set, findings := engine.Compile(chains.Files(), catalog, engine.CompileOptions{Root: chains.Root, Required: []string{chains.Provision}, Now: b.clock})
	if len(findings) > 0 {
		t.Fatalf("the shipped chains: %v", findings)
	}
	b.engine = engine.New(set, engine.Options{Begin: b.begin, Now: b.clock})
	t.Cleanup(func() {
		b.ok(b.engine.Drain(context.Background()))
		for _, err := range b.Check(context.Background()) {
			t.Errorf("inconsistent: %v", err)
		}
		b.ok(b.Close())
		b.ok(s.Close())
	})
	_, err = b.AddProfile(t.Context(), registry.NewProfile("meters"), secret.NewText("s3cret"))
	b.ok(err)
	b.supplier(registry.Supplier{ID: "alba", Name: "Alba Energía"}, registry.SupplierKey{}, "alba-key")
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) supplier(s registry.Supplier, k registry.SupplierKey, key string) {
	b.t.Helper()
	_, err := b.AddSupplier(b.t.Context(), s)
	b.ok(err)
	k.Supplier = s.ID
	b.key(k, key)
}

func (b *bench) key(k registry.SupplierKey, key string) registry.SupplierKey {
	b.t.Helper()
	if k.Supplier == "" {
		k.Supplier = "alba"
	}
	k, _, err := b.AddKey(b.t.Context(), k, secret.NewText(key))
	b.ok(err)
	return k
}

func (b *bench) device(name string) registry.Device {
	b.t.Helper()
	p, err := b.Registry.Provision(b.t.Context(), registry.ProvisionRequest{Profile: "meters", Name: name})
	b.ok(err)
	return p.Device
}

func (b *bench) point(distributor string, n uint64) supplypoint.Point {
	return supplypoint.Synthetic(distributor, n)
}

func payload(key, cups string) string {
	return fmt.Sprintf(`{Power_supplier_secret_key: %q, CUPS: %q}`, key, cups)
}

// send is what a device does: its payload goes through intake and the whole chain set.
func (b *bench) send(d registry.Device, typ, payload string) engine.Fate {
	b.t.Helper()
	shape := intake.Shape{CastStrings: true}
	for _, f := range registry.DefaultFields() {
		shape.Fields = append(shape.Fields, intake.Field{Name: f.Name, Aliases: f.Aliases, Secret: f.Name == "supplierKey"})
	}
	data, err := intake.New(intake.Options{Digest: b.KeyDigest}).Object([]byte(payload), shape)
	b.ok(err)
	return b.submit(b.t.Context(), engine.Header{
		Type: typ, Origin: engine.Origin{Type: "DEVICE", ID: d.ID, Name: d.Name, Profile: d.Profile},
	}, data)
}

func (b *bench) submit(ctx context.Context, h engine.Header, data *engine.Data) engine.Fate {
	b.t.Helper()
	b.mu.Lock()
	b.n++
	h.ID, h.Time = fmt.Sprintf("message-%d", b.n), b.now
	b.mu.Unlock()
	fates := make(chan engine.Fate, 1)
	b.ok(b.engine.Submit(ctx, engine.NewMessage(h, data), func(f engine.Fate) { fates <- f }))
	return <-fates
}

// begin adapts the registry's transaction to the engine's.
func (b *bench) begin(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
	ctx, tx, err := b.Begin(ctx, registry.TxOptions{})
	if err != nil {
		return nil, nil, err
	}
	return ctx, transaction{tx}, nil
}

type transaction struct{ *registry.Tx }

func (t transaction) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	if f.State == engine.DeadLettered {
		return t.Tx.Commit(ctx, registry.Fate{DeadLetter: &registry.DeadLetter{Message: f.Message.ID(), Cause: f.Cause.Error()}})
	}
	return t.Tx.Commit(ctx, registry.Fate{})
}

// desk decides provisioning requests that wait in a context.
type desk struct{ registry *registry.Registry }

type requestKey struct{}

func (d desk) Provision(ctx context.Context, name string) (registry.Provisioned, error) {
	r := ctx.Value(requestKey{}).(registry.ProvisionRequest)
	r.Name = name
	return d.registry.Provision(ctx, r)
}

func (desk) Refuse(context.Context, string) error { return nil }

// way spells out the nodes that a message passed, with the relations that it left them by.
func way(f engine.Fate) string {
	var hops []string
	for _, h := range f.Path.Hops() {
		hops = append(hops, h.Chain+"/"+h.Node+" "+h.Relation)
	}
	return strings.Join(hops, ", ")
}
