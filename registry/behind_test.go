package registry_test

import (
	"errors"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

func TestProvisionBehind(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	p := registry.NewProfile("meters")
	p.Strategy = registry.ProvisionDisabled // it is not asked
	must[registry.Profile](t)(b.AddProfile(ctx, p, text("secret")))
	add := func(name string, gateway bool) registry.Device {
		d, _, err := b.AddDevice(ctx, registry.Device{Name: name, Profile: "meters", Gateway: gateway}, registry.Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	gateway, other := add("gateway", true), add("other", true)
	plain, _ := add("plain", false), add("added", false)
	direct, active := add("direct", false), add("active", false)
	login(t, b, registry.Provisioned{Credentials: must[registry.Credentials](t)(b.RevealCredentials(ctx, direct.ID))})
	b.NoteActivity(registry.Activity{Device: active.ID, Active: start})
	for _, tt := range []struct {
		name          string
		gateway       string
		device, under string
		result        registry.ProvisionResult
		via           string
		refused       registry.RefusalReason
	}{
		{"a new device", gateway.ID, " A ", "meters", registry.Created, gateway.ID, ""},
		{"the same again", gateway.ID, "A", "meters", registry.Repeated, gateway.ID, ""},
		{"from another gateway", other.ID, "A", "nowhere", registry.Repeated, gateway.ID, ""},
		{"one that was added before", other.ID, "added", "meters", registry.Claimed, other.ID, ""},
		{"one that logs in itself", gateway.ID, "direct", "meters", "", "", registry.RefusedOwnConnection},
		{"one that was heard of", gateway.ID, "active", "meters", "", "", registry.RefusedOwnConnection},
		{"a gateway", gateway.ID, "other", "meters", "", "", registry.RefusedOwnConnection},
		{"by no gateway", plain.ID, "B", "meters", "", "", registry.RefusedNoGateway},
		{"by nobody", "none", "B", "meters", "", "", registry.RefusedNoGateway},
		{"without a name", gateway.ID, "", "meters", "", "", registry.RefusedName},
		{"a blank name", gateway.ID, " ", "meters", "", "", registry.RefusedName},
	} {
		got, err := b.ProvisionBehind(ctx, registry.BehindRequest{Gateway: tt.gateway, Profile: tt.under, Name: tt.device})
		if got.Result != tt.result || got.Device.Via != tt.via || reasonOf(err) != tt.refused || (err != nil) != (tt.refused != "") {
			t.Errorf("%s: got %q via %q, %v, want %q via %q, %q", tt.name, got.Result, got.Device.Via, err, tt.result, tt.via, tt.refused)
		}
	}
	if _, err := b.ProvisionBehind(ctx, registry.BehindRequest{Gateway: gateway.ID, Profile: "nowhere", Name: "B"}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("an unknown profile: got %v, want ErrNotFound", err)
	}
	// Whoever logs in by itself later does not stand behind a gateway any more.
	d := must[registry.Device](t)(b.DeviceByName(ctx, "A"))
	if !d.IsBehind() {
		t.Error("the device does not stand behind its gateway")
	}
	login(t, b, registry.Provisioned{Credentials: must[registry.Credentials](t)(b.RevealCredentials(ctx, d.ID))})
	if d = must[registry.Device](t)(b.DeviceByName(ctx, "A")); d.IsBehind() {
		t.Error("the device logged in and stands behind its gateway still")
	}
}
