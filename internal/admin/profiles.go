package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func shown(p registry.Profile) Profile {
	return Profile{
		Name: p.Name, Strategy: p.Strategy, Fields: p.Fields, Chain: p.Chain, ProvisionChain: p.ProvisionChain,
		CastStrings: p.CastStrings, AckOnValidationFailure: p.AckOnValidationFailure, Reprovision: p.Reprovision, Ack: p.Ack,
	}
}

func profileNamed(name string) (what, hint string) {
	return fmt.Sprintf("profile %q", name), "gridtie profiles list"
}

func (a *api) profiles(ctx context.Context, _ *http.Request) (any, error) {
	all, err := a.Registry.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	list := ProfileList{Profiles: []Profile{}}
	for _, p := range all {
		list.Profiles = append(list.Profiles, shown(p))
	}
	return list, nil
}

func (a *api) addProfile(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewProfile](r)
	if err != nil {
		return nil, err
	}
	p := registry.NewProfile(in.Name)
	p.ProvisionKey = in.ProvisionKey
	p.Strategy = cmp.Or(in.Strategy, p.Strategy)
	p.Chain, p.ProvisionChain, p.Ack = in.Chain, in.ProvisionChain, cmp.Or(in.Ack, p.Ack)
	p.CastStrings, p.Reprovision = !in.NoCastStrings, !in.NoReprovision
	p, err = a.Registry.AddProfile(ctx, p, secret.NewText(in.ProvisionSecret))
	if err != nil {
		what, hint := profileNamed(in.Name)
		return nil, known(err, what, hint)
	}
	return shown(p), nil
}

func (a *api) profile(ctx context.Context, r *http.Request) (any, error) {
	p, err := a.Registry.Profile(ctx, r.PathValue("name"))
	if err != nil {
		what, hint := profileNamed(r.PathValue("name"))
		return nil, known(err, what, hint)
	}
	return shown(p), nil
}

func (a *api) revealProfile(ctx context.Context, r *http.Request) (any, error) {
	name := r.PathValue("name")
	p, err := a.Registry.Profile(ctx, name)
	if err != nil {
		what, hint := profileNamed(name)
		return nil, known(err, what, hint)
	}
	key, text, err := a.Registry.RevealProfile(ctx, name)
	if err != nil {
		return nil, err
	}
	a.Logger.Info().Str("profile", name).Str("event", "provisioning_secret_shown").Send()
	return RevealedProfile{Profile: shown(p), ProvisionKey: key.Reveal(), ProvisionSecret: text.Reveal()}, nil
}
