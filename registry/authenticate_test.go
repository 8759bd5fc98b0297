package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// The cases named C… are acceptance cases of ThingsBoard's own tests of MQTT credentials.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	basic := func(client, user, password string) registry.Credentials {
		return registry.Credentials{Type: registry.MQTTBasic, ClientID: text(client), UserName: text(user), Password: text(password)}
	}
	for name, c := range map[string]registry.Credentials{
		"token":    {Type: registry.AccessToken, Token: text("UserName1")},
		"client":   basic("OnlyClient", "", ""),
		"both":     basic("ClientId", "UserName1", ""),
		"all":      basic("ClientId", "UserName2", "secret"),
		"user":     basic("", "UserName3", "secret"),
		"openuser": basic("", "UserName4", ""),
		"cert":     {Type: registry.X509Certificate, Certificate: text("testHash")},
	} {
		_, err := b.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters", Name: name, Credentials: c})
		ok(t, err)
	}
	type in struct{ client, user, password, certificate string }
	tests := []struct {
		name string
		in   in
		want string // device, or
		err  error
	}{
		{"C06 token, any client id and password", in{"x", "UserName1", "y", ""}, "token", nil},
		{"C06 token alone", in{"", "UserName1", "", ""}, "token", nil},
		{"C07 client id alone", in{"OnlyClient", "", "", ""}, "client", nil},
		{"C08 client id and user name", in{"ClientId", "UserName1", "", ""}, "both", nil},
		{"C08 other client id", in{"Other", "UserName1", "", ""}, "token", nil},
		{"C09 all three", in{"ClientId", "UserName2", "secret", ""}, "all", nil},
		{"C09 wrong password", in{"ClientId", "UserName2", "wrong", ""}, "", registry.ErrUnauthorized},
		{"C09 no password", in{"ClientId", "UserName2", "", ""}, "", registry.ErrUnauthorized},
		{"C09 other client id", in{"Other", "UserName2", "secret", ""}, "", registry.ErrUnauthorized},
		{"C10 user name and password", in{"any", "UserName3", "secret", ""}, "user", nil},
		{"C10 no password", in{"any", "UserName3", "", ""}, "", registry.ErrUnauthorized},
		{"C11 stored without password", in{"ClientId", "UserName1", "any", ""}, "both", nil},
		{"user name without stored password", in{"any", "UserName4", "any", ""}, "openuser", nil},
		{"unknown token", in{"x", "nobody", "", ""}, "", registry.ErrUnauthorized},
		{"client id of a pair, alone", in{"ClientId", "", "", ""}, "", registry.ErrBadClientID},
		{"unknown client id", in{"nobody", "", "", ""}, "", registry.ErrBadClientID},
		{"client id and password only", in{"OnlyClient", "", "p", ""}, "client", nil},
		{"unknown client id with password", in{"nobody", "", "p", ""}, "", registry.ErrUnauthorized},
		{"nothing", in{}, "", registry.ErrNoCredentials},
		{"certificate", in{"x", "UserName1", "", "-----BEGIN CERTIFICATE-----\ntestHash\n-----END CERTIFICATE-----\n"}, "cert", nil},
		{"unknown certificate, right token", in{"x", "UserName1", "", "other"}, "", registry.ErrNoCredentials},
		{"the hash of a client id as token", in{"", "a7ef3b1d0000", "", ""}, "", registry.ErrUnauthorized},
	}
	for _, test := range tests {
		got, err := b.Authenticate(t.Context(), registry.Login{
			ClientID: text(test.in.client), UserName: text(test.in.user), Password: text(test.in.password),
			HasUserName: test.in.user != "", HasPassword: test.in.password != "", Certificate: text(test.in.certificate),
		})
		if got.Name != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", test.name, got.Name, err, test.want, test.err)
		}
	}
	if d, err := b.AuthenticateToken(t.Context(), text("UserName1")); err != nil || d.Name != "token" {
		t.Errorf("token over HTTP: got %q, %v", d.Name, err)
	}
	for _, no := range []string{"", "UserName4", "OnlyClient", "testHash"} {
		if _, err := b.AuthenticateToken(t.Context(), text(no)); !errors.Is(err, registry.ErrUnauthorized) {
			t.Errorf("%q over HTTP: got %v, want not authorized", no, err)
		}
	}
}

func TestLastUsed(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	p := must[registry.Provisioned](t)(b.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters", Name: "m"}))
	used := func(want time.Time) {
		t.Helper()
		d := must[registry.Device](t)(b.Device(t.Context(), p.Device.ID))
		if !d.LastUsed.Equal(want) {
			t.Errorf("last used: got %v, want %v", d.LastUsed, want)
		}
	}
	used(time.Time{})
	batches, _ := b.store.during(func() { login(t, b, p) })
	if batches != 0 {
		t.Errorf("a login applied %d batches, want none", batches)
	}
	used(start)
	ok(t, b.Housekeep(t.Context()))
	used(start)
	b.clock.Advance(time.Hour)
	login(t, b, p)
	used(start.Add(time.Hour))
	ok(t, b.DeleteDevice(t.Context(), p.Device.ID))
	ok(t, b.Housekeep(t.Context())) // must not write activity of a device that is gone
	if _, err := b.Authenticate(t.Context(), registry.Login{UserName: p.Credentials.Token}); !errors.Is(err, registry.ErrUnauthorized) {
		t.Errorf("after deletion: got %v, want not authorized", err)
	}
	var none secret.Text
	if _, err := b.AuthenticateToken(t.Context(), none); !errors.Is(err, registry.ErrUnauthorized) {
		t.Errorf("no token: got %v", err)
	}
}
