package registry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func TestChangeCredentials(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	b.profile(t, "meters")
	add := func(name, token string) registry.Device {
		t.Helper()
		d, _, err := b.AddDevice(ctx, registry.Device{Name: name, Profile: "meters"},
			registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := add("meter-1", "old")
	add("meter-2", "other")
	heard := make(chan string, 10)
	b.OnCredentialsChange(func(id string) { heard <- id })

	basic := registry.Credentials{
		Type: registry.MQTTBasic, UserName: secret.NewText("u"), Password: secret.NewText("p"),
	}
	given, err := b.ChangeCredentials(ctx, d.ID, basic)
	if err != nil || given.Type != registry.MQTTBasic {
		t.Fatalf("changing: got %v, %v", given.Type, err)
	}
	if got := <-heard; got != d.ID {
		t.Errorf("heard of device %q, want %q", got, d.ID)
	}
	if _, err := b.AuthenticateToken(ctx, secret.NewText("old")); !errors.Is(err, registry.ErrUnauthorized) {
		t.Errorf("the old token: got %v, want %v", err, registry.ErrUnauthorized)
	}
	now, err := b.Authenticate(ctx, registry.Login{UserName: secret.NewText("u"), Password: secret.NewText("p")})
	if err != nil || now.ID != d.ID || now.CredentialsType != registry.MQTTBasic || now.CredentialsVersion != 1 {
		t.Errorf("the new login: got %+v, %v", now, err)
	}

	// The same once more is no conflict with itself, and the last ones can be made up.
	if _, err := b.ChangeCredentials(ctx, d.ID, basic); err != nil {
		t.Errorf("the same again: %v", err)
	}
	made, err := b.ChangeCredentials(ctx, d.ID, registry.Credentials{})
	if err != nil || made.Token.IsZero() {
		t.Errorf("none given: got %v, want a token", err)
	}

	var refusal *registry.Refusal
	taken := registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("other")}
	if _, err := b.ChangeCredentials(ctx, d.ID, taken); !errors.As(err, &refusal) || refusal.Reason != registry.RefusedCredentialsTaken {
		t.Errorf("those of another device: got %v", err)
	}
	if _, err := b.ChangeCredentials(ctx, "nobody", registry.Credentials{}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("of nobody: got %v, want %v", err, registry.ErrNotFound)
	}
	if found := b.Check(ctx); len(found) > 0 {
		t.Errorf("check: %v", found)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	b := open(t)
	heard := make(chan string, 10)
	say := func(what string) func() { return func() { heard <- what } }
	b.After(t.Context(), "d", say("at once"))
	for _, c := range []struct {
		name string
		end  func(context.Context, *registry.Tx)
	}{
		{"discarded", func(_ context.Context, tx *registry.Tx) { tx.Discard() }},
		{"rolled back", func(ctx context.Context, tx *registry.Tx) { tx.Rollback(0); commit(t, ctx, tx, registry.Fate{}) }},
		{"dead letter", func(ctx context.Context, tx *registry.Tx) {
			commit(t, ctx, tx, registry.Fate{DeadLetter: &registry.DeadLetter{Message: "m"}})
		}},
		{"without a write", func(ctx context.Context, tx *registry.Tx) { commit(t, ctx, tx, registry.Fate{}) }},
	} {
		ctx, tx, err := b.Begin(t.Context(), registry.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b.After(ctx, "d", say(c.name))
		c.end(ctx, tx)
	}
	for _, want := range []string{"at once", "without a write"} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}
