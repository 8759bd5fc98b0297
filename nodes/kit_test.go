package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/nodes"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var received = time.Date(2026, 11, 21, 9, 14, 3, 0, time.UTC)

const (
	pointOne   = "ES0021000000000001RK"
	pointTaken = "ES0022000000000001FB"
	pointFar   = "ES0031000000000001BJ"
)

// world stands in for a registry: it knows a few things and notes what is written.
type world struct {
	key    secret.Key
	broken error // every verb fails with it
	log    strings.Builder

	mu       sync.Mutex
	saved    []string
	requests []registry.AttachRequest
	decided  bool
	named    string // that Provision was last asked for
}

func newWorld() *world { return &world{key: secret.NewKey()} }

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saved = append(w.saved, fmt.Sprintf(format, args...))
}

func (w *world) SupplierByKey(_ context.Context, d secret.Digest, at time.Time) (registry.KeyMatch, error) {
	if !at.Equal(received) {
		return registry.KeyMatch{}, fmt.Errorf("judged at %v, want the time of receipt", at)
	}
	for text, code := range map[string]registry.Code{
		"alba-key-1": "", "alba-future": registry.KeyNotYetValid, "alba-old": registry.KeyExpired, "alba-lost": registry.KeyRevoked,
	} {
		if w.key.Digest(text) == d {
			return registry.KeyMatch{Supplier: "alba", Key: "k-" + text, Code: code}, w.broken
		}
	}
	if w.key.Digest("both") == d {
		return registry.KeyMatch{Code: registry.KeyAmbiguous}, w.broken
	}
	return registry.KeyMatch{Code: registry.KeyUnknown}, w.broken
}

func (w *world) Supplier(_ context.Context, id string) (registry.Supplier, error) {
	return registry.Supplier{ID: id, Name: "Alba Energía"}, w.broken
}

func (w *world) InScope(_ context.Context, _ string, p supplypoint.Point, grid string) (registry.Code, error) {
	if p.Distributor() != "0021" || grid == "elsewhere" {
		return registry.KeyOutOfScope, w.broken
	}
	return "", w.broken
}

func (w *world) GridOf(_ context.Context, p supplypoint.Point) (registry.GridMatch, error) {
	switch p.Distributor() {
	case "0021", "0022":
		return registry.GridMatch{Grid: "dso-" + p.Distributor(), Name: "Grid " + p.Distributor(), By: registry.ByDistributor}, w.broken
	case "0031":
		return registry.GridMatch{Code: registry.GridNotFound}, w.broken
	case "0026":
		return registry.GridMatch{Code: registry.GridAmbiguous}, w.broken
	}
	return registry.GridMatch{Code: registry.DistributorUnknown}, w.broken
}

func (w *world) Grid(_ context.Context, id string) (registry.Grid, error) {
	return registry.Grid{ID: id, Kind: registry.GridDistributor}, w.broken
}

func (w *world) Attributes(_ context.Context, device string, s registry.AttributeScope, keys ...string) ([]registry.Attribute, error) {
	if device == "d-1" && s == registry.ServerScope && slices.Contains(keys, "limit") {
		return []registry.Attribute{{Key: "limit", Value: json.RawMessage(`4600`)}}, w.broken
	}
	if device == "d-1" && s == registry.ClientScope && slices.Contains(keys, "firmware") {
		return []registry.Attribute{{Key: "firmware", Value: json.RawMessage(`"1.4"`)}}, w.broken
	}
	return nil, w.broken
}

func (w *world) LatestTimeseries(_ context.Context, _ string, keys ...string) ([]registry.Reading, error) {
	if slices.Contains(keys, "energy") {
		return []registry.Reading{{Key: "energy", Value: json.RawMessage(`10422.50`)}}, w.broken
	}
	return nil, w.broken
}

func (w *world) Device(_ context.Context, id string) (registry.Device, error) {
	if id != "d-1" {
		return registry.Device{}, registry.ErrNotFound
	}
	return registry.Device{ID: id, Name: "meter-1", Profile: "meters", Created: received, CredentialsType: registry.AccessToken}, w.broken
}

func (w *world) Attach(_ context.Context, r registry.AttachRequest) (registry.Attachment, registry.Code, error) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	w.mu.Unlock()
	switch r.Point.Distributor() {
	case "0022":
		return registry.Attachment{Reason: registry.CUPSTaken}, registry.Held, w.broken
	case "0031":
		return registry.Attachment{}, registry.KeyOutOfScope, w.broken
	case "0026":
		return registry.Attachment{From: received}, registry.AlreadyAttached, w.broken
	}
	return registry.Attachment{From: received}, registry.Attached, w.broken
}

func (w *world) SaveAttributes(_ context.Context, device string, s registry.AttributeScope, as []registry.Attribute) ([]registry.Attribute, error) {
	for _, a := range as {
		w.note("%s %s %s=%s", device, s, a.Key, a.Value)
	}
	return as, w.broken
}

func (w *world) SaveTimeseries(_ context.Context, device string, at time.Time, as []registry.Attribute) error {
	for _, a := range as {
		w.note("%s %s %s=%s", device, at.UTC().Format(time.RFC3339), a.Key, a.Value)
	}
	return w.broken
}

func (w *world) Provision(_ context.Context, name string) (registry.Provisioned, error) {
	d := registry.Device{ID: "d-" + name, Name: name, Profile: "meters", Created: received, CredentialsType: registry.MQTTBasic}
	c := registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("a token that nobody may see")}
	w.named = name
	switch name {
	case "taken":
		return registry.Provisioned{}, &registry.Refusal{Reason: registry.RefusedNameTaken, Existing: &d}
	case "unwanted":
		return registry.Provisioned{}, &registry.Refusal{Reason: registry.RefusedDisabled}
	case "again", "behind-again":
		return registry.Provisioned{Device: d, Credentials: c, Result: registry.Repeated}, w.broken
	}
	return registry.Provisioned{Device: d, Credentials: c, Result: registry.Created}, w.broken
}

func (w *world) Behind(context.Context) (gateway, chain string, ok bool) {
	return "g-1", "own", strings.HasPrefix(w.named, "behind")
}

func (w *world) Refuse(_ context.Context, reason string) error {
	if w.decided {
		return fmt.Errorf("the request has been decided")
	}
	w.decided = true
	w.note("refused: %s", reason)
	return w.broken
}

func (w *world) Send(_ context.Context, c registry.Call, keep bool) error {
	w.note("call %s %s %s oneWay=%v keep=%v retries=%d until %s", c.Device, c.Method, c.Params, c.OneWay, keep, c.Retries,
		c.Expires.UTC().Format(time.RFC3339))
	return w.broken
}

func (w *world) Reply(_ context.Context, device, session, request string, body []byte) error {
	w.note("reply %s %s %s %s", device, session, request, body)
	return w.broken
}

// standard is the whole catalog over the world, and a kind that lets a test look at the message that reaches it.
func (w *world) standard(t testing.TB, seen func(*engine.Message)) *engine.Catalog {
	t.Helper()
	c, err := nodes.Standard(nodes.Services{
		Suppliers: w, Grids: w, Reader: w, Devices: w, Attacher: w, Attributes: w, Timeseries: w,
		Provisioner: w, Refuser: w, Calls: w, FingerprintKey: w.key,
	})
	if err != nil {
		t.Fatal(err)
	}
	probe := engine.Kind{
		Name: "test.probe", Summary: "Show the message to a test",
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				seen(m)
				return engine.Return("end", m), nil
			}), nil
		},
	}
	all, err := engine.NewCatalog(c.Language(), append(c.Kinds(), probe)...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// message reads a payload as intake does for a profile with the default fields.
func (w *world) message(t testing.TB, typ, payload string, meta ...engine.Pair) *engine.Message {
	t.Helper()
	shape := intake.Shape{}
	for _, f := range registry.DefaultFields() {
		shape.Fields = append(shape.Fields, intake.Field{Name: f.Name, Aliases: f.Aliases, Secret: f.Name == "supplierKey"})
	}
	data, err := intake.New(intake.Options{Digest: w.key.Digest}).Object([]byte(payload), shape)
	if err != nil {
		t.Fatal(err)
	}
	origin := engine.Origin{Type: "DEVICE", ID: "d-1", Name: "meter-1", Profile: "meters"}
	if typ == "PROVISION_REQUEST" {
		name, _ := data.Field("deviceName")
		origin = engine.Origin{Type: "PROVISION", ID: fmt.Sprintf("meters/%v", name), Name: fmt.Sprint(name), Profile: "meters"}
	}
	return engine.NewMessage(engine.Header{ID: "0199-1", Type: typ, Origin: origin, Time: received, Chain: "main", Meta: meta}, data)
}

// passed is a message that has gone through one node.
type passed struct {
	relation string
	message  *engine.Message // behind the node
	fate     engine.Fate
}

func (p passed) meta(key string) string {
	v, _ := p.message.Meta(key)
	return v
}

func (p passed) failure() string { return p.meta(engine.MetaError) }

// run sends a message through one node in a compiled chain. Every relation of the kind, Failure and those given lead on.
func (w *world) run(t testing.TB, kind, config string, m *engine.Message, relations ...string) passed {
	t.Helper()
	var p passed
	catalog := w.standard(t, func(m *engine.Message) { p.message = m })
	k, ok := catalog.Kind(kind)
	if !ok {
		t.Fatalf("there is no kind %q", kind)
	}
	var edges []string
	for _, r := range slices.Concat(k.Relations, relations, []string{engine.RelationFailure}) {
		edges = append(edges, fmt.Sprintf(`{"from": "x", "to": "probe", "type": %q}`, r))
	}
	file := engine.File{Name: "x.json", Text: fmt.Appendf(nil, `{"ruleChain": {"id": "main"}, "metadata": {"firstNode": "x",
		"nodes": [{"id": "x", "type": %q, "configuration": %s}, {"id": "probe", "type": "test.probe"}], "connections": [%s]}}`,
		kind, config, strings.Join(edges, ","))}
	p.fate = w.send(t, catalog, m, file)
	if hops := p.fate.Path.Hops(); len(hops) > 0 {
		p.relation = hops[0].Relation
	}
	if p.message == nil {
		t.Fatalf("the message did not come behind the node: %+v", p.fate)
	}
	return p
}

// root is the chain that emitted messages enter.
var root = single("root", "filter.type", `{"types": []}`)

// send runs one message through a chain set, from the chain main on.
func (w *world) send(t testing.TB, catalog *engine.Catalog, m *engine.Message, files ...engine.File) engine.Fate {
	t.Helper()
	chain, findings := engine.Compile(append(files, root), catalog, engine.CompileOptions{
		Root: "root", Logger: zerolog.New(&w.log).With().Logger(), Now: func() time.Time { return received },
	})
	if findings.HasErrors() {
		t.Fatalf("compiling: %v", findings)
	}
	e := engine.New(chain, engine.Options{
		Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			return ctx, nil, nil
		},
	})
	fates := make(chan engine.Fate, 1)
	if err := e.Submit(context.Background(), m, func(f engine.Fate) { fates <- f }); err != nil {
		t.Fatal(err)
	}
	f := <-fates
	if err := e.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	return f
}
