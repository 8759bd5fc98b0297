package thingsboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/nodes"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// never is how long a test waits for what must come before it gives up.
const never = 20 * time.Second

// house is a whole server: a registry on Pebble in memory, the shipped chains, and this dialect on a TCP port.
type house struct {
	t        *testing.T
	registry *registry.Registry
	service  *devices.Service
	calls    *devices.Calls
	options  devices.Options
	dialect  *thingsboard.Dialect
	address  string
	seen     *seen
	log      *journal
	stop     func(context.Context) error // drains the engine
	skip     atomic.Int64                // the service's clock goes before the real one by so much
}

// age lets so much time pass that a profile is read again.
func (h *house) age() { h.skip.Add(int64(2 * time.Second)) }

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.skip.Load())) }

// The profile that a house begins with.
const (
	profileKey    = "K"
	profileSecret = "S"
)

// failing is a chain whose one node fails on every message: there is no outcome to report.
const failing = `{"ruleChain": {"id": "failing", "name": "Fails"}, "metadata": {"firstNode": "fail", "nodes": [
	{"id": "fail", "type": "action.report-outcome", "name": "Fail"}], "connections": []}}`

// undecided is a provision chain that makes no decision, twice one that makes two.
const (
	undecided = `{"ruleChain": {"id": "undecided", "name": "Does not decide"}, "metadata": {"firstNode": "look", "nodes": [
	{"id": "look", "type": "filter.expr", "name": "Look", "configuration": {"expr": "true"}}], "connections": []}}`
	twice = `{"ruleChain": {"id": "twice", "name": "Decides twice"}, "metadata": {"firstNode": "yes", "nodes": [
	{"id": "yes", "type": "action.provision", "name": "Yes"},
	{"id": "no", "type": "action.refuse", "name": "No"}], "connections": [{"from": "yes", "to": "no", "type": "Success"}]}}`
	refusing = `{"ruleChain": {"id": "refusing", "name": "Refuses"}, "metadata": {"firstNode": "no", "nodes": [
	{"id": "no", "type": "action.refuse", "name": "No"}], "connections": []}}`
)

func build(t *testing.T, change ...func(*devices.Options)) *house {
	t.Helper()
	ctx := context.Background()
	disk, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem(), CacheSize: 1 << 20, MemTableSize: 1 << 20})
	must(t, err)
	t.Cleanup(func() { must(t, disk.Close()) })
	log := &journal{}
	r, err := registry.Open(ctx, disk, registry.Options{ServerKey: secret.NewKey(), Logger: zerolog.New(log)})
	must(t, err)
	t.Cleanup(func() {
		for _, err := range r.Check(ctx) {
			t.Errorf("registry: %v", err)
		}
		must(t, r.Close())
	})
	h := &house{t: t, registry: r, seen: &seen{}, log: log, calls: devices.NewCalls(r)}
	e := h.engine()
	o := devices.Options{
		Registry: r, Engine: e, Intake: intake.New(intake.Options{Digest: r.KeyDigest}),
		Logger: zerolog.New(log), Now: h.now, Calls: h.calls,
	}
	for _, f := range change {
		f(&o)
	}
	h.options = o
	h.start()
	h.profile("meters", profileKey, nil)
	return h
}

// start begins to serve devices.
func (h *house) start() {
	h.service = devices.New(h.options)
	h.t.Cleanup(h.service.Close)
	h.dialect = thingsboard.New(h.service, thingsboard.Options{Logger: zerolog.New(h.log)})
	h.serve()
}

// again serves with a new service beside the old one, as after a restart.
func (h *house) again() {
	h.options.Calls = nil
	h.start()
}

// engine runs the shipped chains and those of the tests, as internal/server does.
func (h *house) engine() *engine.Engine {
	h.t.Helper()
	r, provisioner := h.registry, devices.NewProvisioner(h.registry)
	catalog, err := nodes.Standard(nodes.Services{
		Suppliers: r, Grids: r, Reader: r, Devices: r, Attacher: r, Attributes: r, Timeseries: r,
		Provisioner: provisioner, Refuser: provisioner, Calls: h.calls,
	})
	must(h.t, err)
	files := chains.Files()
	for _, text := range []string{failing, undecided, twice, refusing, replying, calling} {
		files = append(files, engine.File{Name: "test.json", Text: []byte(text)})
	}
	chain, findings := engine.Compile(files, catalog, engine.CompileOptions{Root: chains.Root, Logger: zerolog.New(h.log)})
	if findings.HasErrors() {
		h.t.Fatalf("compiling chains: %v", findings)
	}
	e := engine.New(chain, engine.Options{Begin: h.begin, Logger: zerolog.New(h.log)})
	h.stop = e.Drain
	h.t.Cleanup(func() { must(h.t, e.Drain(context.Background())) })
	return e
}

func (h *house) begin(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
	if engine.Attempt(ctx) == 1 {
		h.seen.add(m)
	}
	ctx, tx, err := h.registry.Begin(ctx, registry.TxOptions{Alone: engine.Attempt(ctx) > 3})
	return ctx, transaction{tx}, err
}

// transaction lets the engine commit to the registry.
type transaction struct{ *registry.Tx }

func (t transaction) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	fate := registry.Fate{Consumed: registry.Consumed(f.Consumed)}
	if f.State == engine.DeadLettered {
		fate.DeadLetter = &registry.DeadLetter{
			Message: f.Message.ID(), Type: f.Message.Type(), Data: f.Message.Data().Text(), Cause: f.Cause.Error(),
		}
	} else {
		fate.Outcome = &registry.Outcome{Code: registry.Code(f.Outcome), Message: f.Message.ID()}
	}
	for _, p := range f.Emitted {
		row := registry.PendingRow{Sequence: p.Sequence, Lane: p.Lane}
		for _, step := range p.Steps {
			text, err := json.Marshal(step)
			if err != nil {
				return nil, err
			}
			row.Steps = append(row.Steps, text)
		}
		fate.Emit = append(fate.Emit, row)
	}
	synced, err := t.Tx.Commit(ctx, fate)
	if errors.Is(err, registry.ErrConflict) {
		err = engine.ErrConflict
	}
	return synced, err
}

func (t transaction) Flush(ctx context.Context) error {
	err := t.Tx.Flush(ctx)
	if errors.Is(err, registry.ErrConflict) {
		return engine.ErrConflict
	}
	return err
}

// serve listens on a free port.
func (h *house) serve() {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	h.address = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := mqttserver.New(mqttserver.Options{Logger: zerolog.New(h.log)}, h.dialect)
	go func() { served <- server.Serve(ctx, l) }()
	h.t.Cleanup(func() {
		stop()
		must(h.t, <-served)
	})
}

// profile adds a profile with the secret S.
func (h *house) profile(name, key string, change func(*registry.Profile)) {
	h.t.Helper()
	p := registry.NewProfile(name)
	p.ProvisionKey = key
	if change != nil {
		change(&p)
	}
	_, err := h.registry.AddProfile(context.Background(), p, secret.NewText(profileSecret))
	must(h.t, err)
}

// device adds a device as an operator does.
func (h *house) device(profile, name string, c registry.Credentials) registry.Device {
	h.t.Helper()
	d, _, err := h.registry.AddDevice(context.Background(), registry.Device{Name: name, Profile: profile}, c)
	must(h.t, err)
	return d
}

// meter is a device with the token T, and its connection.
func (h *house) meter() (registry.Device, *client) {
	h.t.Helper()
	d := h.device("meters", "meter-1", token("T"))
	return d, h.connect(login{client: "any", user: "T"})
}

func (h *house) save(d registry.Device, scope registry.AttributeScope, pairs ...string) {
	h.t.Helper()
	var as []registry.Attribute
	for i := 0; i < len(pairs); i += 2 {
		as = append(as, registry.Attribute{Key: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	_, err := h.registry.SaveAttributes(context.Background(), d.ID, scope, as)
	must(h.t, err)
}

// attributes spells a scope out as one object.
func (h *house) attributes(d registry.Device, scope registry.AttributeScope) string {
	h.t.Helper()
	as, err := h.registry.Attributes(context.Background(), d.ID, scope)
	must(h.t, err)
	return object(as)
}

func object(as []registry.Attribute) string {
	slices.SortFunc(as, func(a, b registry.Attribute) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	text := "{"
	for i, a := range as {
		if i > 0 {
			text += ","
		}
		text += `"` + a.Key + `":` + string(a.Value)
	}
	return text + "}"
}

func token(t string) registry.Credentials {
	return registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(t)}
}

func basic(client, user, password string) registry.Credentials {
	return registry.Credentials{
		Type: registry.MQTTBasic, ClientID: secret.NewText(client), UserName: secret.NewText(user),
		Password: secret.NewText(password),
	}
}

// journal is the log of a whole server, at its most talkative.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) holds(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Contains(j.text.Bytes(), []byte(text))
}

// wantNone needs the log to hold none of these.
func (j *journal) wantNone(t *testing.T, secrets ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.text.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, s := range secrets {
		if bytes.Contains(j.text.Bytes(), []byte(s)) {
			t.Errorf("the log holds %q:\n%s", s, j.text.String())
		}
	}
}

// seen is every message that came into the engine, in the order in which their runs began: those of devices, and apart from
// them the events that tell of devices.
type seen struct {
	mu     sync.Mutex
	all    []*engine.Message
	events []*engine.Message
	more   chan struct{}
}

func (s *seen) add(m *engine.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if typ := m.Type(); strings.HasSuffix(typ, "_EVENT") || strings.HasPrefix(typ, "RPC_") {
		s.events = append(s.events, m)
	} else {
		s.all = append(s.all, m)
	}
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
}

// want waits until so many messages have come, and returns them.
func (s *seen) want(t *testing.T, n int) []*engine.Message {
	t.Helper()
	return s.wait(t, n, func() []*engine.Message { return s.all })
}

// wantEvents does the same for events.
func (s *seen) wantEvents(t *testing.T, n int) []*engine.Message {
	t.Helper()
	return s.wait(t, n, func() []*engine.Message { return s.events })
}

func (s *seen) wait(t *testing.T, n int, which func() []*engine.Message) []*engine.Message {
	t.Helper()
	limit := time.After(never)
	for {
		s.mu.Lock()
		all, more := slices.Clone(which()), s.more
		if more == nil {
			more = make(chan struct{})
			s.more = more
		}
		s.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("messages in the engine: got %d, want %d", len(all), n)
		}
	}
}

// types lists the messages so far by type.
func (s *seen) types() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	types := make([]string, len(s.all))
	for i, m := range s.all {
		types[i] = m.Type()
	}
	return types
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
