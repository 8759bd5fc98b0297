package devices_test

import (
	"context"
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
	mu         sync.Mutex
	profile    registry.Profile
	devices    map[string]registry.Device // by user name
	attributes map[registry.AttributeScope][]registry.Attribute
	asked      map[registry.AttributeScope][]string
	reads      int // of the profile
	err        error
	changed    func(registry.SharedChange)
	gone       func(string)
}

func newDirectory() *directory {
	return &directory{
		profile: registry.NewProfile("meters"), devices: map[string]registry.Device{},
		asked: map[registry.AttributeScope][]string{},
	}
}

func (d *directory) OnSharedChange(hook func(registry.SharedChange)) { d.changed = hook }
func (d *directory) OnDeviceGone(hook func(string))                  { d.gone = hook }

func (d *directory) CheckProvisioning(_ context.Context, key string, s secret.Text) (registry.Profile, error) {
	if d.err != nil {
		return registry.Profile{}, d.err
	}
	if key != "K" || s.Reveal() != "S" {
		return registry.Profile{}, registry.ErrNotFound
	}
	return d.profile, nil
}

func (d *directory) Authenticate(_ context.Context, l registry.Login) (registry.Device, error) {
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
	d.asked[s] = append([]string{}, keys...)
	return d.attributes[s], d.err
}

// submitter keeps what is submitted, with its done functions, until the test decides.
type submitter struct {
	messages []*engine.Message
	done     []func(engine.Fate)
	contexts []context.Context
	refuseAt int // 1-based; 0: never
}

func (s *submitter) Submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error {
	if s.refuseAt == len(s.messages)+1 {
		return engine.ErrDraining
	}
	s.messages, s.done, s.contexts = append(s.messages, m), append(s.done, done), append(s.contexts, ctx)
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
