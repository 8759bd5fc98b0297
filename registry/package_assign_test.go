package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

// told is what a device has been told of packages: "fw 1 sw 2".
func (b *bench) told(tb testing.TB, device string) string {
	tb.Helper()
	got := map[string]string{}
	for _, a := range must[[]registry.Attribute](tb)(b.Attributes(tb.Context(), device, registry.SharedScope)) {
		got[a.Key] = strings.Trim(string(a.Value), `"`)
	}
	var all []string
	for _, kind := range []struct {
		prefix string
		is     registry.PackageKind
	}{{"fw", registry.Firmware}, {"sw", registry.Software}} {
		v, there := got[kind.prefix+"_version"]
		if !there {
			continue
		}
		p := must[registry.Package](tb)(b.Package(tb.Context(), kind.is, version(v)))
		if got[kind.prefix+"_title"] != "meter" || got[kind.prefix+"_size"] != fmt.Sprint(p.Size) ||
			got[kind.prefix+"_checksum"] != p.Checksum || got[kind.prefix+"_checksum_algorithm"] != "SHA256" {
			tb.Errorf("attributes: got %v", got)
		}
		all = append(all, kind.prefix+" "+v)
		for key := range got {
			if strings.HasPrefix(key, kind.prefix+"_") {
				delete(got, key)
			}
		}
	}
	if len(got) > 0 {
		tb.Errorf("attributes of no package: %v", got)
	}
	return strings.Join(all, " ")
}

// TestPackageAssigned takes one assignment after another, and asks two devices what they know: one of the profile, and one
// that may have its own.
func TestPackageAssigned(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	b.profile(t, "others")
	one, own := b.device(t, "one"), b.device(t, "own")
	stranger := must[registry.Provisioned](t)(b.Provision(t.Context(), registry.ProvisionRequest{Profile: "others", Name: "stranger"})).Device
	for _, v := range []string{"1", "2", "3"} {
		b.pkg(t, registry.Firmware, v, []byte("firmware "+v))
		b.pkg(t, registry.Software, v, []byte("software "+v))
	}
	assign := func(k registry.PackageKind, v string, to registry.Assignees) func() (int, error) {
		return func() (int, error) { return b.AssignPackage(t.Context(), k, version(v), to) }
	}
	unassign := func(k registry.PackageKind, from registry.Assignees) func() (int, error) {
		return func() (int, error) { return b.UnassignPackage(t.Context(), k, from) }
	}
	meters, itself := registry.Assignees{Profile: "meters"}, registry.Assignees{Device: own.ID}
	for _, step := range []struct {
		name     string
		do       func() (int, error)
		told     int
		one, own string
	}{
		{"nothing to take back", unassign(registry.Firmware, meters), 0, "", ""},
		{"profile", assign(registry.Firmware, "1", meters), 2, "fw 1", "fw 1"},
		{"the same again", assign(registry.Firmware, "1", meters), 0, "fw 1", "fw 1"},
		{"device", assign(registry.Firmware, "2", itself), 1, "fw 1", "fw 2"},
		{"the same again", assign(registry.Firmware, "2", itself), 0, "fw 1", "fw 2"},
		{"another for the profile", assign(registry.Firmware, "3", meters), 1, "fw 3", "fw 2"},
		{"software, too", assign(registry.Software, "1", meters), 2, "fw 3 sw 1", "fw 2 sw 1"},
		{"the profile's again", unassign(registry.Firmware, itself), 1, "fw 3 sw 1", "fw 3 sw 1"},
		{"its own, and what the profile has", assign(registry.Software, "1", itself), 0, "fw 3 sw 1", "fw 3 sw 1"},
		{"none but its own", unassign(registry.Software, meters), 1, "fw 3", "fw 3 sw 1"},
		{"none", unassign(registry.Software, itself), 1, "fw 3", "fw 3"},
		{"nothing", unassign(registry.Firmware, meters), 2, "", ""},
	} {
		told, err := step.do()
		if err != nil || told != step.told {
			t.Errorf("%s: told %d, %v; want %d", step.name, told, err, step.told)
		}
		for _, of := range []struct {
			device registry.Device
			want   string
		}{{one, step.one}, {own, step.own}, {stranger, ""}} {
			if got := b.told(t, of.device.ID); got != of.want {
				t.Errorf("%s: %s knows %q, want %q", step.name, of.device.Name, got, of.want)
			}
		}
		want, _, _ := strings.Cut(strings.TrimPrefix(step.own, "fw "), " ")
		p, err := b.PackageOf(t.Context(), own.ID, registry.Firmware)
		if (want == "") != errors.Is(err, registry.ErrNotFound) || p.Version != want {
			t.Errorf("%s: its firmware is %q, %v; want %q", step.name, p.Version, err, want)
		}
	}
	for name, err := range map[string]error{
		"no such package": second(assign(registry.Firmware, "9", meters)()),
		"no such profile": second(assign(registry.Firmware, "1", registry.Assignees{Profile: "none"})()),
		"no such device":  second(assign(registry.Firmware, "1", registry.Assignees{Device: "none"})()),
	} {
		if !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"both":    second(assign(registry.Firmware, "1", registry.Assignees{Profile: "meters", Device: one.ID})()),
		"neither": second(assign(registry.Firmware, "1", registry.Assignees{})()),
		"no kind": second(assign("hardware", "1", meters)()),
	} {
		if !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestPackageOfNewDevices makes devices after the assignment, in every way in which they are made.
func TestPackageOfNewDevices(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	b.pkg(t, registry.Firmware, "1", contentOf(9))
	ok(t, second(b.AssignPackage(t.Context(), registry.Firmware, version("1"), registry.Assignees{Profile: "meters"})))
	provisioned := b.device(t, "provisioned")
	added, _, err := b.AddDevice(t.Context(), registry.Device{Name: "added", Profile: "meters", Gateway: true}, registry.Credentials{})
	ok(t, err)
	behind := must[registry.Provisioned](t)(b.ProvisionBehind(t.Context(), registry.BehindRequest{Gateway: added.ID, Profile: "meters", Name: "behind"}))
	for _, d := range []registry.Device{provisioned, added, behind.Device} {
		if got := b.told(t, d.ID); got != "fw 1" {
			t.Errorf("%s knows %q", d.Name, got)
		}
	}
	// A package of its own goes with the device.
	b.pkg(t, registry.Firmware, "2", contentOf(9))
	ok(t, second(b.AssignPackage(t.Context(), registry.Firmware, version("2"), registry.Assignees{Device: added.ID})))
	list, _, err := b.Packages(t.Context(), registry.Page{})
	if err != nil || len(list) != 2 || fmt.Sprint(list[0].Profiles, list[0].Devices, list[1].Profiles, list[1].Devices) != "[meters] 0 [] 1" {
		t.Errorf("got %+v, %v", list, err)
	}
	ok(t, b.DeleteDevice(t.Context(), added.ID))
	ok(t, b.DeletePackage(t.Context(), registry.Firmware, version("2")))
}

// TestPackageOfProfilesChanged sees that nothing else that happens to a profile takes its packages away.
func TestPackageOfProfilesChanged(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	b.pkg(t, registry.Firmware, "1", contentOf(9))
	ok(t, second(b.AssignPackage(t.Context(), registry.Firmware, version("1"), registry.Assignees{Profile: "meters"})))
	file := fromFile("meters", "k")
	for name, change := range map[string]func() error{
		"changed": func() error {
			return second(b.ChangeProfile(t.Context(), "meters", func(p *registry.Profile) { p.Chain = "c" }))
		},
		"replaced":    func() error { return second(b.UpdateProfile(t.Context(), registry.NewProfile("meters"))) },
		"handed over": func() error { return second(b.HandOverProfile(t.Context(), "meters", false)) },
		"from a file": func() error {
			ok(t, second(b.HandOverProfile(t.Context(), "meters", false)))
			_, faults, err := b.UseFileProfiles(t.Context(), []registry.FileProfile{file})
			if len(faults) > 0 {
				t.Errorf("faults %v", faults)
			}
			if changed, _, err := b.UseFileProfiles(t.Context(), []registry.FileProfile{file}); err != nil || changed {
				t.Errorf("the same file: changed %t, %v", changed, err)
			}
			return errors.Join(err, second(b.HandOverProfile(t.Context(), "meters", true)))
		},
	} {
		ok(t, change())
		if p := must[registry.Profile](t)(b.Profile(t.Context(), "meters")); p.Firmware != version("1") {
			t.Errorf("%s: the firmware is %v", name, p.Firmware)
		}
		ok(t, second(b.HandOverProfile(t.Context(), "meters", true)))
	}
}

// unplugged lets some batches through and cancels a context then.
type unplugged struct {
	store.Store
	mu     sync.Mutex
	left   int
	cancel context.CancelFunc
}

func (u *unplugged) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	u.mu.Lock()
	u.left--
	stop := u.left == 0
	u.mu.Unlock()
	lsn, err := u.Store.Apply(ctx, b)
	if stop {
		u.cancel()
	}
	return lsn, err
}

// TestRolloutBrokenOff breaks an assignment to a profile with many devices off after its second batch. It goes on where it
// stopped, in a process that comes later, and tells nobody twice.
func TestRolloutBrokenOff(t *testing.T) {
	t.Parallel()
	const fleet = 350
	s := &unplugged{Store: openStore(t, vfs.NewMem())}
	o := registry.Options{ServerKey: secret.NewKey(), Clock: newClock().Now, Lazy: -1}
	r, err := registry.Open(t.Context(), s, o)
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	for n := range fleet {
		b.device(t, meterName(n))
	}
	b.pkg(t, registry.Firmware, "1", contentOf(9))

	heard := map[string]int{}
	hear := func(c registry.SharedChange) { heard[c.Device]++ } // by one goroutine, which Close waits for
	r.OnSharedChange(hear)
	ctx, cancel := context.WithCancel(t.Context())
	s.mu.Lock()
	s.left, s.cancel = 2, cancel
	s.mu.Unlock()
	if _, err := r.AssignPackage(ctx, registry.Firmware, version("1"), registry.Assignees{Profile: "meters"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it broken off", err)
	}
	consistent(t, r)
	ok(t, r.Close())
	if n := len(heard); n == 0 || n > 100 {
		t.Errorf("one batch told %d devices", n)
	}

	r, err = registry.Open(t.Context(), s, o)
	ok(t, err)
	r.OnSharedChange(hear)
	b.Registry = r
	late := b.device(t, "late")
	ok(t, r.Housekeep(t.Context()))
	ok(t, r.Housekeep(t.Context()))
	for n := range fleet {
		d := must[registry.Device](t)(r.DeviceByName(t.Context(), meterName(n)))
		if got := b.told(t, d.ID); got != "fw 1" {
			t.Fatalf("%s knows %q", d.Name, got)
		}
	}
	consistent(t, r)
	ok(t, r.Close())
	if len(heard) != fleet || heard[late.ID] != 0 {
		t.Errorf("%d devices heard of it, want %d", len(heard), fleet)
	}
	for device, n := range heard {
		if n != 1 {
			t.Errorf("device %q heard of it %d times", device, n)
		}
	}
	ok(t, s.Close())
}

// TestAssignedInATransaction: it holds when the transaction is on disk, and then the devices are told.
func TestAssignedInATransaction(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	b.pkg(t, registry.Firmware, "1", contentOf(9))
	inOne(t, b.Registry, func(ctx context.Context) error {
		return second(b.AssignPackage(ctx, registry.Firmware, version("1"), registry.Assignees{Profile: "meters"}))
	})
	ok(t, b.Housekeep(t.Context()))
	if got := b.told(t, d.ID); got != "fw 1" {
		t.Errorf("it knows %q", got)
	}
	if text, err := json.Marshal(must[registry.Profile](t)(b.Profile(t.Context(), "meters"))); err != nil || !strings.Contains(string(text), `"firmware":{"title":"meter","version":"1"}`) {
		t.Errorf("got %s, %v", text, err)
	}
}
