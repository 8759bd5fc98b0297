package devices_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory is a registry in memory: one profile "meters" with key K and secret S, and the devices that a test puts in.
type directory struct {
	devices.Packages // what there is to load; nil unless a test puts something in

	mu         sync.Mutex
	profile    registry.Profile
	devices    map[string]registry.Device // by user name
	attributes map[registry.AttributeScope][]registry.Attribute
	asked      map[registry.AttributeScope][]string
	reads      int // of the profile
	err        error
	changed    func(registry.SharedChange)
	gone       func(string)
	revoked    func(string)
	called     func(string)
	activity   map[string]registry.Activity
	kept       []registry.Call
	saved      []string // scopes and names
}

func newDirectory() *directory {
	return &directory{
		profile: registry.NewProfile("meters"), devices: map[string]registry.Device{},
		asked: map[registry.AttributeScope][]string{},
	}
}

func (d *directory) OnSharedChange(hook func(registry.SharedChange)) { d.changed = hook }
func (d *directory) OnDeviceGone(hook func(string))                  { d.gone = hook }
func (d *directory) OnCredentialsChange(hook func(string))           { d.revoked = hook }
func (d *directory) OnCall(hook func(string))                        { d.called = hook }

func (d *directory) AuthenticateToken(ctx context.Context, token secret.Text) (registry.Device, error) {
	return d.Authenticate(ctx, registry.Login{UserName: token})
}

func (d *directory) SaveAttributes(_ context.Context, _ string, s registry.AttributeScope, as []registry.Attribute) ([]registry.Attribute, error) {
	for _, a := range as {
		d.saved = append(d.saved, string(s)+" "+a.Key)
	}
	return as, d.err
}

func (d *directory) DeleteAttributes(_ context.Context, _ string, s registry.AttributeScope, keys ...string) ([]string, error) {
	for _, key := range keys {
		d.saved = append(d.saved, "deleted "+string(s)+" "+key)
	}
	return keys, d.err
}

func (d *directory) NoteActivity(a registry.Activity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.activity == nil {
		d.activity = map[string]registry.Activity{}
	}
	known := d.activity[a.Device]
	for _, at := range []struct{ to, from *time.Time }{
		{&known.Connected, &a.Connected},
		{&known.Disconnected, &a.Disconnected},
		{&known.Active, &a.Active},
		{&known.Inactive, &a.Inactive},
	} {
		if at.from.After(*at.to) {
			*at.to = *at.from
		}
	}
	d.activity[a.Device] = known
}

func (d *directory) Activity(_ context.Context, device string) (registry.Activity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.activity[device], nil
}

func (d *directory) ActiveDevices(_ context.Context, each func(registry.Device) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.devices {
		if d.activity[known.ID].IsActive() && !each(known) {
			break
		}
	}
	return nil
}

func (d *directory) QueueCall(_ context.Context, c registry.Call) (registry.Call, error) {
	d.mu.Lock()
	c.ID, c.Status = fmt.Sprint("call-", len(d.kept)), registry.CallQueued
	d.kept = append(d.kept, c)
	d.mu.Unlock()
	d.called(c.Device)
	return c, nil
}

func (d *directory) NextCallNumber(_ context.Context, device string) (next int32, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.kept {
		if c.Device == device && c.Number != nil {
			next = max(next, *c.Number+1)
		}
	}
	return next, nil
}

func (d *directory) OpenCalls(_ context.Context, device string) (open []registry.Call, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.kept {
		if c.Device == device && c.Open() {
			open = append(open, c)
		}
	}
	return open, nil
}

func (d *directory) ReportCall(_ context.Context, c registry.Call) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	for i := range d.kept {
		if d.kept[i].ID == c.ID && d.kept[i].Open() {
			d.kept[i] = c
		}
	}
	return nil
}

// with changes it while a service may look.
func (d *directory) with(change func(d *directory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *directory) After(_ context.Context, _ string, do func()) { do() }

func (d *directory) CheckProvisioning(_ context.Context, key string, s secret.Text) (registry.Profile, error) {
	if d.err != nil {
		return registry.Profile{}, d.err
	}
	if key != "K" || s.Reveal() != "S" {
		return registry.Profile{}, registry.ErrNotFound
	}
	return d.profile, nil
}

func (d *directory) AuthorityProfile(context.Context, *x509.Certificate) (registry.Profile, error) {
	return registry.Profile{}, registry.ErrNotFound
}

func (d *directory) Authenticate(_ context.Context, l registry.Login) (registry.Device, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return registry.Device{}, d.err
	}
	found, ok := d.devices[l.UserName.Reveal()]
	if !ok {
		return registry.Device{}, registry.ErrUnauthorized
	}
	return found, nil
}

func (d *directory) Device(_ context.Context, id string) (registry.Device, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, found := range d.devices {
		if found.ID == id {
			return found, d.err
		}
	}
	return registry.Device{}, registry.ErrNotFound
}

func (d *directory) Profile(context.Context, string) (registry.Profile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	return d.profile, d.err
}

func (d *directory) Attributes(_ context.Context, _ string, s registry.AttributeScope, keys ...string) ([]registry.Attribute, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == registry.ServerScope {
		return d.attributes[s], nil // the service's own
	}
	d.asked[s] = append([]string{}, keys...)
	return d.attributes[s], d.err
}

// submitter keeps what is submitted, with its done functions, until the test decides.
type submitter struct {
	mu       sync.Mutex
	messages []*engine.Message // without events
	events   []*engine.Message
	stored   [][]*engine.Message // by call
	done     []func(engine.Fate)
	contexts []context.Context
	refuseAt int // 1-based; 0: never
	holding  bool
	held     []func(engine.Fate) // of what became of calls, while holding
}

func (s *submitter) Submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if typ := m.Type(); strings.HasSuffix(typ, "_EVENT") || strings.HasPrefix(typ, "RPC_") || strings.HasPrefix(typ, "ATTRIBUTES_") {
		s.events = append(s.events, m)
		if s.holding && strings.HasPrefix(typ, "RPC_") {
			s.held = append(s.held, done)
			return nil
		}
		done(engine.Fate{State: engine.Done})
		return nil
	}
	if s.refuseAt == len(s.messages)+1 {
		return engine.ErrDraining
	}
	s.messages, s.done, s.contexts = append(s.messages, m), append(s.done, done), append(s.contexts, ctx)
	return nil
}

func (s *submitter) Store(_ context.Context, ms []*engine.Message, done func(engine.Fate)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuseAt > 0 {
		return engine.ErrDraining
	}
	s.stored, s.done = append(s.stored, ms), append(s.done, done)
	return nil
}

type counts struct {
	mu  sync.Mutex
	all map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]int{}
	}
	c.all[what]++
}

func (c *counts) LoggedIn(l devices.Login)        { c.add("login " + string(l)) }
func (c *counts) Provisioned(s devices.Status)    { c.add("provision " + string(s)) }
func (c *counts) BadPayload(reason intake.Reason) { c.add("payload " + string(reason)) }
func (c *counts) Ended(r devices.Reason)          { c.add("ended " + string(r)) }
func (c *counts) TurnedAway(r devices.Turned)     { c.add("turned " + string(r)) }
func (c *counts) Limited(l devices.Limited)       { c.add("limited " + string(l)) }
func (c *counts) OverQuota(q devices.Quota)       { c.add("quota " + string(q)) }

// bench is a service on doubles.
type bench struct {
	*devices.Service
	directory *directory
	submitter *submitter
	counts    *counts
	now       time.Time
}

func newBench() *bench {
	b := &bench{directory: newDirectory(), submitter: &submitter{}, counts: &counts{}, now: time.UnixMilli(1_000_000)}
	b.Service = devices.New(devices.Options{
		Registry: b.directory, Engine: b.submitter, Observer: b.counts, Now: func() time.Time { return b.now },
		Intake: intake.New(intake.Options{Digest: secret.NewKey().Digest}),
	})
	return b
}

// session logs a device in whose id and name are its user name.
func (b *bench) session(t *testing.T, name string) *devices.Session {
	t.Helper()
	b.directory.devices[name] = registry.Device{ID: name, Name: name, Profile: "meters"}
	s, err := b.Authenticate(t.Context(), registry.Login{UserName: secret.NewText(name)})
	if err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return s
}

func (b *bench) wantCounts(t *testing.T, want map[string]int) {
	t.Helper()
	for what, n := range want {
		if got := b.counts.all[what]; got != n {
			t.Errorf("count of %q: got %d, want %d", what, got, n)
		}
	}
	if len(b.counts.all) != len(want) {
		t.Errorf("counts: got %v, want %v", b.counts.all, want)
	}
}

func (d *directory) DeviceByName(_ context.Context, name string) (registry.Device, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.devices {
		if known.Name == name {
			return known, d.err
		}
	}
	return registry.Device{}, registry.ErrNotFound
}
