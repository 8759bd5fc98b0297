package registry_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// The cases named P… are acceptance cases of ThingsBoard's own provisioning tests, told for this package.

func reasonOf(err error) registry.RefusalReason {
	var refusal *registry.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

func TestProvisionCreates(t *testing.T) {
	t.Parallel()
	token := regexp.MustCompile(`^[0-9A-Za-z]{20}$`)
	tests := []struct {
		name    string
		ask     registry.ProvisionRequest
		refused registry.RefusalReason
		want    func(t *testing.T, p registry.Provisioned)
	}{
		{name: "P01 a token is made", ask: registry.ProvisionRequest{Name: "m"}, want: func(t *testing.T, p registry.Provisioned) {
			if got := p.Credentials.Token.Reveal(); p.Credentials.Type != registry.AccessToken || !token.MatchString(got) {
				t.Errorf("got %s with a token of %d characters, want ACCESS_TOKEN with 20 letters and digits", p.Credentials.Type, len(got))
			}
		}},
		{name: "P02 a token is given", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.AccessToken, Token: text("test_token"),
		}}, want: func(t *testing.T, p registry.Provisioned) {
			if got := p.Credentials.Token.Reveal(); got != "test_token" {
				t.Errorf("token: got %q, want %q", got, "test_token")
			}
		}},
		{name: "P03 MQTT basic", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.MQTTBasic, ClientID: text("c"), UserName: text("u"), Password: text("p"),
		}}, want: func(t *testing.T, p registry.Provisioned) {
			c := p.Credentials
			if got := c.ClientID.Reveal() + c.UserName.Reveal() + c.Password.Reveal(); got != "cup" || c.Type != registry.MQTTBasic {
				t.Errorf("got %s %q, want MQTT_BASIC with all three parts", c.Type, got)
			}
		}},
		{name: "P04 X.509", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.X509Certificate, Certificate: text("-----BEGIN CERTIFICATE-----\r\ntest\nHash\n-----END CERTIFICATE-----\n"),
		}}, want: func(t *testing.T, p registry.Provisioned) {
			if got := p.Credentials.Certificate.Reveal(); got != "testHash" {
				t.Errorf("certificate: got %q, want one line", got)
			}
		}},
		{name: "P05 gateway", ask: registry.ProvisionRequest{Name: "m", Gateway: true}, want: func(t *testing.T, p registry.Provisioned) {
			if !p.Device.Gateway {
				t.Error("the device is no gateway")
			}
		}},
		{name: "P13 a name is made", ask: registry.ProvisionRequest{}, want: func(t *testing.T, p registry.Provisioned) {
			if !token.MatchString(p.Device.Name) {
				t.Errorf("name: got %q, want 20 letters and digits", p.Device.Name)
			}
		}},
		{name: "P14 blank name", ask: registry.ProvisionRequest{Name: "   "}, refused: registry.RefusedName},
		{name: "P15 name is trimmed", ask: registry.ProvisionRequest{Name: "  meter-1 "}, want: func(t *testing.T, p registry.Provisioned) {
			if p.Device.Name != "meter-1" {
				t.Errorf("name: got %q, want meter-1", p.Device.Name)
			}
		}},
		{name: "P16 type without credentials", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.MQTTBasic,
		}}, want: func(t *testing.T, p registry.Provisioned) {
			if p.Credentials.Type != registry.AccessToken {
				t.Errorf("type: got %s, want ACCESS_TOKEN", p.Credentials.Type)
			}
		}},
		{name: "P18 client id and password", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.MQTTBasic, ClientID: text("c"), Password: text("p"),
		}}, refused: registry.RefusedCredentials},
		{name: "P19 user name alone", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.MQTTBasic, UserName: text("u"),
		}}, want: func(t *testing.T, p registry.Provisioned) {
			c := p.Credentials
			if c.UserName.Reveal() != "u" || !c.ClientID.IsZero() || !c.Password.IsZero() {
				t.Error("got other parts than the user name")
			}
		}},
		{name: "token type without token", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.AccessToken, UserName: text("u"),
		}}, refused: registry.RefusedCredentials},
		{name: "LwM2M", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: "LWM2M_CREDENTIALS", Token: text("t"),
		}}, refused: registry.RefusedCredentials},
		{name: "control character in a token", ask: registry.ProvisionRequest{Name: "m", Credentials: registry.Credentials{
			Type: registry.AccessToken, Token: text("a\x07b"),
		}}, refused: registry.RefusedCredentials},
		{name: "name of 255", ask: registry.ProvisionRequest{Name: strings.Repeat("ñ", 255)}},
		{name: "name of 256", ask: registry.ProvisionRequest{Name: strings.Repeat("n", 256)}, refused: registry.RefusedName},
		{name: "zero byte in name", ask: registry.ProvisionRequest{Name: "a\x00b"}, refused: registry.RefusedName},
		{name: "name like HTML", ask: registry.ProvisionRequest{Name: "<img src=x>"}, refused: registry.RefusedName},
		{name: "name with a less-than sign", ask: registry.ProvisionRequest{Name: "a < b"}},
		{name: "name that is no text", ask: registry.ProvisionRequest{Name: "a\xff"}, refused: registry.RefusedName},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.profile(t, "meters")
			test.ask.Profile = "meters"
			p, err := b.Provision(t.Context(), test.ask)
			if test.refused != "" {
				if got := reasonOf(err); got != test.refused {
					t.Fatalf("got %v, want a refusal: %s", err, test.refused)
				}
				if all, _, err := b.Devices(t.Context(), registry.Page{}); err != nil || len(all) != 0 {
					t.Errorf("devices: got %v, %v; want none", all, err)
				}
				return
			}
			ok(t, err)
			if p.Result != registry.Created {
				t.Errorf("result: got %s, want created", p.Result)
			}
			if test.want != nil {
				test.want(t, p)
			}
			stored := must[registry.Device](t)(b.DeviceByName(t.Context(), p.Device.Name))
			if stored != p.Device {
				t.Errorf("stored: got %+v, want %+v", stored, p.Device)
			}
		})
	}
}

func TestCheckProvisioning(t *testing.T) {
	t.Parallel()
	b := open(t)
	p := b.profile(t, "meters", func(p *registry.Profile) { p.ProvisionKey = "Korig" })
	b.profile(t, "off", func(p *registry.Profile) { p.ProvisionKey = "Koff"; p.Strategy = registry.ProvisionDisabled })
	tests := []struct {
		name, key, secret string
		found             bool
	}{
		{"right", p.ProvisionKey, "s3cret", true},
		{"P06 disabled", "Koff", "s3cret", false},
		{"P07 other key", "other", "s3cret", false},
		{"key in another case", "korig", "s3cret", false},
		{"wrong secret", "Korig", "S3cret", false},
		{"empty key", "", "s3cret", false},
		{"empty secret", "Korig", "", false},
		{"long key", strings.Repeat("k", 100_000), "s3cret", false},
	}
	for _, test := range tests {
		got, err := b.CheckProvisioning(t.Context(), test.key, text(test.secret))
		if test.found && (err != nil || got.Name != "meters") || !test.found && !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: got %q, %v; found should be %v", test.name, got.Name, err, test.found)
		}
	}
}

func TestProvisionPreProvisioned(t *testing.T) {
	t.Parallel()
	pre := func(p *registry.Profile) { p.Strategy = registry.CheckPreProvisioned }
	b := open(t)
	b.profile(t, "pre", pre)
	b.profile(t, "other", pre)
	ctx := t.Context()
	d, c, err := b.AddDevice(ctx, registry.Device{Name: "meter-1", Profile: "pre"}, registry.Credentials{})
	ok(t, err)

	_, err = b.Provision(ctx, registry.ProvisionRequest{Profile: "other", Name: "meter-1"})
	if got := reasonOf(err); got != registry.RefusedNotPreProvisioned {
		t.Errorf("P11 other profile: got %v", err)
	}
	for _, name := range []string{"", "unknown"} {
		if _, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "pre", Name: name}); reasonOf(err) != registry.RefusedNotPreProvisioned {
			t.Errorf("name %q: got %v, want not pre-provisioned", name, err)
		}
	}
	got, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "pre", Name: "meter-1", Credentials: registry.Credentials{
		Type: registry.AccessToken, Token: text("ignored"),
	}})
	ok(t, err)
	if got.Result != registry.Claimed || !got.Credentials.Token.Equal(c.Token) {
		t.Errorf("P08: got %s, want claimed with the stored token", got.Result)
	}
	state := must[[]registry.Attribute](t)(b.Attributes(ctx, d.ID, registry.ServerScope, "provisionState"))
	if len(state) != 1 || string(state[0].Value) != `"provisioned"` {
		t.Errorf("P09: got %v, want provisionState provisioned", state)
	}
	again, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "pre", Name: "meter-1"})
	ok(t, err)
	if again.Result != registry.Repeated {
		t.Errorf("a lost answer: got %s, want repeated", again.Result)
	}
	b.clock.Advance(10 * time.Minute)
	if _, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "pre", Name: "meter-1"}); reasonOf(err) != registry.RefusedAlreadyProvisioned {
		t.Errorf("after ten minutes: got %v, want already provisioned", err)
	}
	_, err = b.SaveAttributes(ctx, d.ID, registry.ServerScope, []registry.Attribute{{Key: "provisionState", Value: json.RawMessage(`"non-valid"`)}})
	ok(t, err)
	if _, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "pre", Name: "meter-1"}); reasonOf(err) != registry.RefusedAlreadyProvisioned {
		t.Errorf("P10 another state: got %v, want already provisioned", err)
	}
}

func TestProvisionAgain(t *testing.T) {
	t.Parallel()
	own := registry.Credentials{Type: registry.AccessToken, Token: text("mine")}
	tests := []struct {
		name     string
		first    registry.Credentials
		again    registry.Credentials
		profile  string // of the second request
		between  func(t *testing.T, b *bench, p registry.Provisioned)
		repeated bool
	}{
		{name: "a lost answer", repeated: true},
		{name: "after ten minutes", between: func(_ *testing.T, b *bench, _ registry.Provisioned) { b.clock.Advance(10 * time.Minute) }},
		{name: "after a login", between: login},
		{name: "after a login that is on disk", between: func(t *testing.T, b *bench, p registry.Provisioned) {
			login(t, b, p)
			ok(t, b.Housekeep(t.Context()))
		}},
		{name: "exactly the stored token", first: own, again: own, repeated: true},
		{name: "exactly the stored token, later", first: own, again: own, repeated: true, between: func(t *testing.T, b *bench, p registry.Provisioned) {
			login(t, b, p)
			b.clock.Advance(time.Hour)
		}},
		{name: "P12 another token", first: own, again: registry.Credentials{Type: registry.AccessToken, Token: text("other")}},
		{name: "P12 another profile", profile: "others"},
		{name: "P12 switched off", profile: "once"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.profile(t, "meters")
			b.profile(t, "others")
			b.profile(t, "once", func(p *registry.Profile) { p.Reprovision = false })
			profile, second := "meters", test.profile
			if second == "once" {
				profile = "once"
			}
			if second == "" {
				second = profile
			}
			first := must[registry.Provisioned](t)(b.Provision(t.Context(), registry.ProvisionRequest{Profile: profile, Name: "m", Credentials: test.first}))
			if test.between != nil {
				test.between(t, b, first)
			}
			again, err := b.Provision(t.Context(), registry.ProvisionRequest{Profile: second, Name: "m", Credentials: test.again})
			if !test.repeated {
				var refusal *registry.Refusal
				if !errors.As(err, &refusal) || refusal.Reason != registry.RefusedNameTaken || refusal.Existing == nil || refusal.Existing.ID != first.Device.ID {
					t.Fatalf("got %v, want a refusal that names the existing device", err)
				}
			} else {
				ok(t, err)
				if again.Result != registry.Repeated || again.Device.ID != first.Device.ID || !again.Credentials.Token.Equal(first.Credentials.Token) {
					t.Errorf("got %s, want the first answer repeated", again.Result)
				}
			}
			stored := must[registry.Credentials](t)(b.RevealCredentials(t.Context(), first.Device.ID))
			if !stored.Token.Equal(first.Credentials.Token) {
				t.Error("the stored token has changed")
			}
		})
	}
}

func login(t *testing.T, b *bench, p registry.Provisioned) {
	t.Helper()
	_, err := b.Authenticate(t.Context(), registry.Login{UserName: p.Credentials.Token, HasUserName: true})
	ok(t, err)
}

func TestProvisionTakenToken(t *testing.T) { // P17
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ask := registry.ProvisionRequest{Profile: "meters", Name: "first", Credentials: registry.Credentials{
		Type: registry.AccessToken, Token: text("shared"),
	}}
	_, err := b.Provision(t.Context(), ask)
	ok(t, err)
	ask.Name = "second"
	if _, err := b.Provision(t.Context(), ask); reasonOf(err) != registry.RefusedCredentialsTaken {
		t.Errorf("got %v, want credentials taken", err)
	}
	if _, err := b.DeviceByName(t.Context(), "second"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the second device: got %v, want not found", err)
	}
}

func TestProvisionIsOneBatch(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	batches, largest := b.store.during(func() {
		ctx, tx, err := b.Begin(t.Context(), registry.TxOptions{})
		ok(t, err)
		p, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "meters"})
		ok(t, err)
		synced, err := tx.Commit(ctx, registry.Fate{
			Outcome: &registry.Outcome{Device: p.Device.ID, Code: registry.DeviceProvisioned, Message: "m"},
			Emit:    []registry.PendingRow{{Sequence: 1, Lane: "l", Steps: []json.RawMessage{[]byte(`{}`), []byte(`{}`)}}},
		})
		ok(t, err)
		ok(t, synced(t.Context()))
	})
	if batches != 1 || largest > 10 {
		t.Errorf("got %d batches of up to %d keys, want one of at most 10", batches, largest)
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	p := must[registry.Profile](t)(b.AddProfile(ctx, registry.NewProfile("meters"), secret.Text{}))
	key, s, err := b.RevealProfile(ctx, "meters")
	ok(t, err)
	if len(s.Reveal()) != 20 || key.Reveal() != p.ProvisionKey || len(p.ProvisionKey) != 20 {
		t.Error("key and secret were not made")
	}
	if _, err := b.AddProfile(ctx, registry.NewProfile("meters"), secret.Text{}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("same name: got %v", err)
	}
	twin := registry.NewProfile("twin")
	twin.ProvisionKey = p.ProvisionKey
	if _, err := b.AddProfile(ctx, twin, secret.Text{}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("same provisioning key: got %v", err)
	}
	p.ProvisionKey, p.Chain = "new-key", "other"
	ok(t, second(b.UpdateProfile(ctx, p)))
	if _, err := b.CheckProvisioning(ctx, "new-key", s); err != nil {
		t.Errorf("new key, kept secret: got %v", err)
	}
	if _, err := b.CheckProvisioning(ctx, key.Reveal(), s); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("former key: got %v", err)
	}
	d := b.device(t, "m")
	if err := b.DeleteProfile(ctx, "meters"); !errors.Is(err, registry.ErrInUse) {
		t.Errorf("deleting a profile with a device: got %v", err)
	}
	ok(t, b.DeleteDevice(ctx, d.ID))
	ok(t, b.DeleteProfile(ctx, "meters"))
	bad := registry.NewProfile("bad")
	bad.Strategy = "MAYBE"
	if _, err := b.AddProfile(ctx, bad, secret.Text{}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("unknown strategy: got %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
